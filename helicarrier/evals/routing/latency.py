"""Latency by provider: a percentile is one place in an order, and no database has to sort for it.

The 95th percentile is the linear interpolation that `percentile_cont` makes, here as in the view
and in the gates; generations without a latency are left out. On SQLite the place is looked up in
the ordered index, from its nearer end. Postgres has to look up in the table each row of an index
that was not vacuumed yet; so there the rows are counted by ranges of latency, and then only the
ranges that hold a wanted place by milliseconds: two passes over the table, however it is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from helicarrier.evals.tables import ai_training_examples

_PERCENTS = (50, 95)
_HUNDRED = 100
_RANGE_MS = 256

_table = ai_training_examples.c
_MEASURED = _table.selected_provider.is_not(None) & _table.latency_ms.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLatency:
    """Latency of one provider; `measured` generations of it have one. Milliseconds."""

    provider: str
    measured: int
    p50_ms: float
    p95_ms: float


def latency_by_provider(connection: Connection) -> list[ProviderLatency]:
    """The providers with at least one measured generation, by name."""
    if connection.dialect.name == "sqlite":
        found = _by_index(connection)
    else:
        found = _by_counting(connection)
    return [
        ProviderLatency(
            provider=provider,
            measured=measured,
            p50_ms=_between(measured, _PERCENTS[0], values),
            p95_ms=_between(measured, _PERCENTS[1], values),
        )
        for provider, (measured, values) in sorted(found.items())
    ]


_Found = dict[str, tuple[int, Mapping[int, int]]]
"""Provider -> its measured generations, and the latency at each place that was asked for."""


def _by_index(connection: Connection) -> _Found:
    counted = (
        select(_table.selected_provider, func.count(_table.latency_ms))
        .where(_table.selected_provider.is_not(None))
        .group_by(_table.selected_provider)
    )
    found: _Found = {}
    for provider, measured in connection.execute(counted).all():
        if measured:
            values: dict[int, int] = {}
            for percent in _PERCENTS:
                values |= _around(connection, provider, measured, percent)
            found[provider] = measured, values
    return found


def _around(connection: Connection, provider: str, measured: int, percent: int) -> dict[int, int]:
    """The latencies at the place of a percentile and at the next, from the nearer end."""
    last = measured - 1
    place = last * percent // _HUNDRED
    places = [place, min(place + 1, last)]
    column, skipped = _table.latency_ms, place
    if last - places[-1] < place:
        places, skipped = places[::-1], last - places[-1]
    query = (
        select(column)
        .where(_table.selected_provider == provider, column.is_not(None))
        .order_by(column if places[0] == place else column.desc())
        .limit(2)
        .offset(skipped)
    )
    return dict(zip(places, connection.execute(query).scalars(), strict=False))


def _by_counting(connection: Connection) -> _Found:
    span = _table.latency_ms.op("/")(_RANGE_MS)
    counts: dict[str, dict[int, int]] = {}
    coarse = (
        select(_table.selected_provider, span, func.count())
        .where(_MEASURED)
        .group_by(_table.selected_provider, span)
    )
    for provider, number, count in connection.execute(coarse):
        counts.setdefault(provider, {})[number] = count
    measured = {provider: sum(of.values()) for provider, of in counts.items()}
    wanted = {
        provider: {_holder(of, place)[0] for place in _places(measured[provider])}
        for provider, of in counts.items()
    }
    fine = _by_millisecond(connection, wanted)
    return {
        provider: (
            measured[provider],
            {place: _value(of, fine[provider], place) for place in _places(measured[provider])},
        )
        for provider, of in counts.items()
    }


def _by_millisecond(
    connection: Connection, wanted: Mapping[str, set[int]]
) -> dict[str, dict[int, int]]:
    """Generations by latency within the ranges that are wanted of each provider."""
    fine: dict[str, dict[int, int]] = {provider: {} for provider in wanted}
    if not wanted:
        return fine
    ranges = [
        (_table.selected_provider == provider)
        & (_table.latency_ms >= number * _RANGE_MS)
        & (_table.latency_ms < (number + 1) * _RANGE_MS)
        for provider, numbers in wanted.items()
        for number in sorted(numbers)
    ]
    query = (
        select(_table.selected_provider, _table.latency_ms, func.count())
        .where(or_(*ranges))
        .group_by(_table.selected_provider, _table.latency_ms)
    )
    for provider, latency, count in connection.execute(query):
        fine[provider][latency] = count
    return fine


def _holder(counts: Mapping[int, int], place: int) -> tuple[int, int]:
    """The key, in order, that holds a place of all, and how many lie before it."""
    before = 0
    for key in sorted(counts):
        if before + counts[key] > place:
            return key, before
        before += counts[key]
    raise IndexError(place)


def _value(ranges: Mapping[int, int], fine: Mapping[int, int], place: int) -> int:
    number, before = _holder(ranges, place)
    inside = {ms: count for ms, count in fine.items() if ms // _RANGE_MS == number}
    return _holder(inside, place - before)[0]


def _places(measured: int) -> Sequence[int]:
    """The places, from 0, that the percentiles lie at or between."""
    last = measured - 1
    first = {last * percent // _HUNDRED for percent in _PERCENTS}
    return sorted(first | {min(place + 1, last) for place in first})


def _between(measured: int, percent: int, values: Mapping[int, int]) -> float:
    """The value at `percent` of the way from the first to the last."""
    place, hundredths = divmod((measured - 1) * percent, _HUNDRED)
    low, high = values[place], values[min(place + 1, measured - 1)]
    return float(low + (high - low) * hundredths / _HUNDRED)
