"""Latency by provider, from the index alone: a percentile is one place in an ordered index.

The 95th percentile is the linear interpolation that `percentile_cont` makes, here as in the view
and in the gates; generations without a latency are left out. Millions of rows take milliseconds,
since no row is read or sorted: the count of a provider says at which place its percentile lies.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from helicarrier.evals.tables import ai_training_examples

_PERCENT = 95
_HUNDRED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLatency:
    """Latency of one provider; `measured` generations of it have one. Milliseconds."""

    provider: str
    measured: int
    p50_ms: float
    p95_ms: float


def latency_by_provider(connection: Connection) -> list[ProviderLatency]:
    """The providers with at least one measured generation, by name."""
    table = ai_training_examples.c
    counted = (
        select(table.selected_provider, func.count(table.latency_ms))
        .where(table.selected_provider.is_not(None))
        .group_by(table.selected_provider)
        .order_by(table.selected_provider)
    )
    return [
        ProviderLatency(
            provider=provider,
            measured=measured,
            p50_ms=_percentile(connection, provider, measured, 50),
            p95_ms=_percentile(connection, provider, measured, _PERCENT),
        )
        for provider, measured in connection.execute(counted).all()
        if measured
    ]


def _percentile(connection: Connection, provider: str, measured: int, percent: int) -> float:
    """The value at `percent` of the way from the first to the last."""
    place, hundredths = divmod((measured - 1) * percent, _HUNDRED)
    table = ai_training_examples.c
    query = (
        select(table.latency_ms)
        .where(table.selected_provider == provider, table.latency_ms.is_not(None))
        .order_by(table.latency_ms)
        .limit(2)
        .offset(place)
    )
    around = list(connection.execute(query).scalars())
    low, high = around[0], around[-1]
    return float(low + (high - low) * hundredths / _HUNDRED)
