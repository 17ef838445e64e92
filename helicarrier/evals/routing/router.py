"""The router: asks the chosen provider, lets others stand in, and records every generation.

The caller brings the function that asks a provider; the router decides whom, how often, and keeps
the telemetry. A generation that nobody could answer is recorded, too, before its error is raised:
what fails must not vanish from the figures.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from helicarrier import times
from helicarrier.canonical import JSONValue
from helicarrier.errors import HelicarrierError
from helicarrier.evals.enums import ExampleSource, RouteStrategy
from helicarrier.evals.routing.choice import ProviderConfig, choose
from helicarrier.evals.tables import LATENCY_LIMIT_MS

_MILLISECONDS = 1_000


class ProviderFailed(HelicarrierError):
    """A provider could not answer: raised by the function that asks it."""

    http_status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation as telemetry; `latency_ms` over all tries, None when nobody answered."""

    id: str
    prompt: str
    provider: str
    request_id: str
    requested_provider: str | None
    selected_provider: str
    route_strategy: RouteStrategy
    fallback_provider: str | None
    latency_ms: int | None
    prompt_template_version: str
    created_at: datetime
    source: ExampleSource = ExampleSource.GENERATION
    session_id: str | None = None
    metadata: Mapping[str, JSONValue] = field(default_factory=dict)


class Telemetry(Protocol):
    """Where generations are recorded."""

    def record(self, generation: Generation) -> None:
        """Keep one generation; durable when it returns."""
        ...


Ask = Callable[[ProviderConfig, str], str]
"""Asks a provider for the answer to a prompt within its timeout, or raises `ProviderFailed`."""


class Router:
    """Routes the generations of one environment."""

    def __init__(
        self,
        configs: Callable[[], list[ProviderConfig]],
        telemetry: Telemetry,
        *,
        strategy: RouteStrategy,
        seed: int | None = None,
        clock: Callable[[], datetime] = times.now,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], object] = uuid4,
    ) -> None:
        """Nothing is asked yet.

        Args: configs, read for every request, so that a change counts at once; telemetry;
        strategy; seed, which makes the choices repeatable; clocks; new_id.
        """
        self._configs = configs
        self._telemetry = telemetry
        self._strategy = strategy
        self._random = random.Random(seed)  # noqa: S311 - shares of traffic, no secret
        self._clock = clock
        self._monotonic = monotonic
        self._new_id = new_id

    def generate(
        self,
        prompt: str,
        ask: Ask,
        *,
        requested: str | None = None,
        session_id: str | None = None,
    ) -> str:
        """The answer of the chosen provider, or of one that stood in.

        Raises:
            ProviderFailed: nobody answered.
            UsageError: no provider is enabled.
        """
        route = choose(
            self._configs(),
            strategy=self._strategy,
            draw=self._random.random(),
            requested=requested,
        )
        began = self._monotonic()
        answer: str | None = None
        failure = ProviderFailed("no provider answered")
        asked = route.selected
        failed: list[JSONValue] = []
        for asked in (route.selected, *route.stand_ins):
            try:
                answer = _persist(ask, asked, prompt)
                break
            except ProviderFailed as error:
                failure = error
                failed.append(asked.provider)
        elapsed = round((self._monotonic() - began) * _MILLISECONDS)
        stood_in = answer is not None and asked is not route.selected
        self._telemetry.record(
            Generation(
                id=str(self._new_id()),
                prompt=prompt,
                provider=asked.provider,
                request_id=str(self._new_id()),
                requested_provider=requested,
                selected_provider=route.selected.provider,
                route_strategy=route.strategy,
                fallback_provider=asked.provider if stood_in else None,
                latency_ms=None if answer is None else min(elapsed, LATENCY_LIMIT_MS),
                prompt_template_version=asked.prompt_template_version,
                created_at=self._clock(),
                session_id=session_id,
                metadata={"failed": failed} if failed else {},
            )
        )
        if answer is None:
            raise failure
        return answer


def _persist(ask: Ask, config: ProviderConfig, prompt: str) -> str:
    """Ask, and ask again as often as the configuration says."""
    for _ in range(config.max_retries):
        try:
            return ask(config, prompt)
        except ProviderFailed:
            continue
    return ask(config, prompt)
