"""Choosing a provider: from configuration, a strategy and one random number to a route.

Pure: the same configuration and the same number give the same route on every machine. What is not
enabled is never chosen; a weight of 0 takes no share but may still stand in for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from helicarrier.errors import ErrorCode, UsageError
from helicarrier.evals.enums import EvalEnvironment, RouteStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """A provider in an environment; times in milliseconds, `weight` beside the other weights."""

    id: str
    provider: str
    environment: EvalEnvironment
    enabled: bool
    is_default: bool
    weight: int
    timeout_ms: int
    max_retries: int
    model: str | None = None
    prompt_template_version: str = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who is asked first, and who may stand in, in this order."""

    strategy: RouteStrategy
    selected: ProviderConfig
    stand_ins: tuple[ProviderConfig, ...] = ()


def choose(
    configs: Sequence[ProviderConfig],
    *,
    strategy: RouteStrategy,
    draw: float,
    requested: str | None = None,
) -> Route:
    """The route of one request.

    Args:
        configs: the providers of one environment, in any order.
        strategy: `single_provider` takes the requested or the default one, `weighted` draws by
            weight, `fallback` begins with the requested or the default one and has stand-ins.
        draw: a number from 0 up to but not including 1; only `weighted` looks at it.
        requested: provider that the caller would like; taken where it is enabled.

    Raises:
        UsageError: NOT_FOUND, no provider is enabled, or none has a weight.
    """
    enabled = sorted((c for c in configs if c.enabled), key=_preference)
    if not enabled:
        raise _nobody("no provider is enabled")
    match strategy:
        case RouteStrategy.SINGLE_PROVIDER:
            return Route(strategy=strategy, selected=_first(enabled, requested))
        case RouteStrategy.WEIGHTED:
            return Route(strategy=strategy, selected=_drawn(enabled, draw))
        case RouteStrategy.FALLBACK:
            first = _first(enabled, requested)
            others = tuple(config for config in enabled if config is not first)
            return Route(strategy=strategy, selected=first, stand_ins=others)


def _preference(config: ProviderConfig) -> tuple[bool, int, str]:
    """The default first, then the heavier, then by name."""
    return (not config.is_default, -config.weight, config.provider)


def _first(enabled: Sequence[ProviderConfig], requested: str | None) -> ProviderConfig:
    return next((config for config in enabled if config.provider == requested), enabled[0])


def _drawn(enabled: Sequence[ProviderConfig], draw: float) -> ProviderConfig:
    total = sum(config.weight for config in enabled)
    if total == 0:
        raise _nobody("no enabled provider has a weight")
    place = draw * total
    for config in enabled:
        place -= config.weight
        if place < 0:
            return config
    return next(config for config in reversed(enabled) if config.weight)


def _nobody(reason: str) -> UsageError:
    return UsageError(
        reason, code=ErrorCode.NOT_FOUND, hint="`helicarrier routing list` shows the providers."
    )
