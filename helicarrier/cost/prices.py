"""The price book: which rates applied to a model at a time, and which version of the list says so.

It wraps genai-prices, whose dated list ships inside the package: no network, and the same input
gives the same price for as long as the version stays. The list is always the bundled one, never
a snapshot that somebody installed in the process, because `version` must name what was used.
Rates are resolved once per (seller, model, UTC day, context) and then looked up. Prices that
change with the hour split a day into periods; prices that change with the size of the context
split a period into tiers. Importing genai-prices takes 0.4 s and waits for the first price.
"""

import hashlib
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from helicarrier.cost.rates import Rates, rates_of, tier_starts
from helicarrier.errors import StorageUnavailable
from helicarrier.times import utc_text

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider, TimeOfDateConstraint

PriceContext = tuple[tuple[str, str], ...]
"""What about a request departs from the standard price, as sorted pairs: (("speed", "fast"),)."""

STANDARD: PriceContext = ()
UNKNOWN_PROVIDER = "unknown"

_PACKAGE = "genai-prices"
_MODULE = "genai_prices"
_GATEWAY = "litellm"
_DIGEST_LENGTH = 12
_MEMO_LIMIT = 50_000
_MAKERS = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"(chat)?gpt-|codex-|o[134](-|$)"), "openai"),
    (re.compile(r"gemini-"), "google"),
)


@lru_cache(maxsize=4096)
def provider_of(model_id: str) -> str:
    """The maker of a model by its name, for logs that name no provider; `unknown` otherwise."""
    name = model_id.lower()
    return next((maker for names, maker in _MAKERS if names.match(name)), UNKNOWN_PROVIDER)


@cache
def bundled_version() -> str:
    """`genai-prices@<version>+<12 hex digits>`: the sha256 of the bundled list, file `data.py`.

    The digest is taken from the file, without importing it. StorageUnavailable when the file
    cannot be found.
    """
    from importlib import metadata

    spec = find_spec(_MODULE)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise StorageUnavailable(
            f"the price list of {_PACKAGE} cannot be found", hint=f"Install {_PACKAGE} again."
        )
    digest = hashlib.sha256((Path(folders[0]) / "data.py").read_bytes()).hexdigest()
    return f"{_PACKAGE}@{metadata.version(_PACKAGE)}+{digest[:_DIGEST_LENGTH]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRates:
    """The rates of one model on one UTC day: periods of the day, and tiers of each period.

    `boundaries` are the times (`HH:MM:SS.ffffff`) at which a period starts, the first period
    without one. A period is `(tier starts, rates of each tier)`, or None where nothing is priced.
    """

    boundaries: tuple[str, ...]
    periods: tuple[tuple[tuple[int, ...], tuple[Rates, ...]] | None, ...]

    def at(self, occurred_at: str, context_tokens: int) -> Rates | None:
        """The rates at a time (27-character UTC text) for a total of input tokens."""
        if self.boundaries:
            period = self.periods[bisect_right(self.boundaries, occurred_at[11:26])]
        else:
            period = self.periods[0]
        if period is None:
            return None
        starts, tiers = period
        # A tier holds above its start, not at it; crossing it reprices every token of the call.
        return tiers[bisect_left(starts, context_tokens)] if starts else tiers[0]


class PriceBook:
    """Prices by seller, model and time; one book per process is enough."""

    def __init__(
        self, *, providers: "list[Provider] | None" = None, version: str | None = None
    ) -> None:
        """The bundled list, or `providers` (genai-prices objects) under the name `version`.

        ValueError when only one of the two is given: a price without a version is no evidence.
        """
        if (providers is None) != (version is None):
            raise ValueError("a list of providers and its version belong together")
        self.version = bundled_version() if version is None else version
        self._providers = providers
        self._lookup: DataSnapshot | None = None
        self._models: dict[tuple[str | None, str], tuple[Provider, ModelInfo] | None] = {}
        self._days: dict[tuple[str | None, str, str, PriceContext], DayRates | None] = {}

    def rates(
        self,
        provider: str | None,
        model_id: str,
        at: datetime,
        context_tokens: int,
        context: PriceContext = STANDARD,
    ) -> Rates | None:
        """The rates of a call at an aware time with `context_tokens` input tokens, cached or not.

        A provider that is None or that the list does not know is found by the model's name. None
        when the list has no such model at that provider: another seller's price is no evidence.
        """
        occurred_at = utc_text(at)
        day = self.day(provider, model_id, occurred_at[:10], context)
        return None if day is None else day.at(occurred_at, context_tokens)

    def day(
        self, provider: str | None, model_id: str, day: str, context: PriceContext = STANDARD
    ) -> DayRates | None:
        """All rates of a model on a UTC day (`YYYY-MM-DD`), remembered; None when unpriced."""
        key = (provider, model_id, day, context)
        try:
            return self._days[key]
        except KeyError:
            self._limit_memory()
            found = self._days[key] = self._resolve(*key)
            return found

    def _resolve(
        self, provider: str | None, model_id: str, day: str, context: PriceContext
    ) -> DayRates | None:
        found = self._find(provider, model_id)
        if found is None:
            return None
        seller, model = found
        if not model.prices:
            return None
        # The package prices a model that one seller borrows from another without any context.
        own = any(model is listed for listed in seller.models)
        midnight = date.fromisoformat(day)
        boundaries = _boundaries(model)
        periods = [
            self._period(found, datetime.combine(midnight, start, UTC), context, own=own)
            for start in (time.min, *boundaries)
        ]
        return DayRates(
            boundaries=tuple(start.isoformat("microseconds") for start in boundaries),
            periods=tuple(periods),
        )

    @staticmethod
    def _period(
        found: "tuple[Provider, ModelInfo]", at: datetime, context: PriceContext, *, own: bool
    ) -> tuple[tuple[int, ...], tuple[Rates, ...]] | None:
        seller, model = found
        prices = model.get_prices(at, dict(context) if own else None)
        dated = _is_dated(model, at) and (not context or (own and _honoured(model, at, context)))
        source = f"{seller.id}/{model.id}"
        starts = tier_starts(prices)
        tiers = [
            rates_of(prices, context_tokens=size, dated=dated, source_model=source)
            for size in (0, *(start + 1 for start in starts))
        ]
        priced = tuple(rates for rates in tiers if rates is not None)
        return (starts, priced) if priced else None

    def _find(self, provider: str | None, model_id: str) -> "tuple[Provider, ModelInfo] | None":
        key = (provider, model_id)
        try:
            return self._models[key]
        except KeyError:
            found = self._models[key] = self._search(provider, model_id)
            return found

    def _search(self, provider: str | None, model_id: str) -> "tuple[Provider, ModelInfo] | None":
        from genai_prices.data_snapshot import find_provider_by_id

        lookup = self._snapshot()
        listed = lookup.providers
        seller = provider if provider and provider != UNKNOWN_PROVIDER else None
        # A gateway names the seller inside the model ("anthropic/claude-..."); the package knows.
        if seller and seller.lower() != _GATEWAY and not find_provider_by_id(listed, seller):
            seller = None
        try:
            return lookup.find_provider_model(model_id, None, seller, None)
        except LookupError:
            return None

    def _snapshot(self) -> "DataSnapshot":
        lookup = self._lookup
        if lookup is None:
            from genai_prices.data import providers as bundled
            from genai_prices.data_snapshot import DataSnapshot

            listed = bundled if self._providers is None else self._providers
            lookup = self._lookup = DataSnapshot(providers=listed, from_auto_update=False)
        return lookup

    def _limit_memory(self) -> None:
        # Model names come from outside: a stream of invented ones must not fill the memory, and
        # the package's own lookup remembers its misses as well.
        if len(self._days) >= _MEMO_LIMIT:
            self._days.clear()
            self._models.clear()
            self._lookup = None


def _is_dated(model: "ModelInfo", at: datetime) -> bool:
    """Whether the list knows the price it gives to be valid at that time.

    A price without conditions is valid until the list replaces it by a dated one. Where every
    price has a condition and none of them holds, the list falls back to one that did not apply.
    """
    from genai_prices.types import ModelPrice

    if isinstance(model.prices, ModelPrice):
        return True
    conditions = [entry.constraint for entry in model.prices]
    return any(condition is None or condition.active(at) for condition in conditions)


def _honoured(model: "ModelInfo", at: datetime, context: PriceContext) -> bool:
    """Whether the list has a price, valid at that time, for every pair of the context."""
    wanted = dict(context)
    used: set[tuple[str, str]] = set()
    for variant in model.price_variants or ():
        active = variant.constraint is None or variant.constraint.active(at)
        if active and variant.when.items() <= wanted.items():
            used.update(variant.when.items())
    return used == set(context)


def _boundaries(model: "ModelInfo") -> tuple[time, ...]:
    """The UTC times of day at which a price of the model may change, ascending."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    entries = [] if isinstance(model.prices, ModelPrice) else model.prices
    conditions = [entry.constraint for entry in (*entries, *(model.price_variants or ()))]
    daily = [c for c in conditions if isinstance(c, TimeOfDateConstraint)]
    return tuple(sorted({moment for condition in daily for moment in _edges(condition)}))


def _edges(condition: "TimeOfDateConstraint") -> tuple[time, time]:
    return _utc_time(condition.start_time), _utc_time(condition.end_time)


def _utc_time(moment: time) -> time:
    if moment.tzinfo is None:
        return moment
    return datetime.combine(date(1970, 1, 1), moment).astimezone(UTC).time()
