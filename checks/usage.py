"""Checks of usage: facts and aggregates keep their contracts, and all stores tell the same totals.

Parity is what makes an aggregate defensible: the sums of a day are equal in the ledger, in the
facts and in every aggregate, to the last token and the last nano-dollar.
"""

from datetime import date

import dagster as dg

from assets.declarations import TRANSIENT
from assets.partitions import FIRST_DAY, requested_days
from assets.runs import as_dagster_failures
from checks.factory import DAYS_NAMED, Place, differences_table, governance_check
from helicarrier import times
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.parity import ParityBreach, ParityState, parity
from helicarrier.usage.repository import SqlUsageRepository
from helicarrier.usage.retention import kept_from
from helicarrier.usage.tables import (
    DAILY_PROVENANCE_AGG,
    DAILY_SUBTOTALS_AGG,
    DAILY_USAGE_AGG,
    MODEL_PERF_AGG,
    RETENTION_MARKS,
    SESSION_FACTS,
    USAGE_FACTS,
    RetentionSubject,
)
from resources import LakeResource, OperationalResource


@dg.asset_check(
    asset="daily_usage_agg",
    name="parity",
    blocking=True,
    retry_policy=TRANSIENT,
    description=(
        "Day by day the imports, the ledger, the facts and the aggregates add up to the same "
        "calls, tokens, cost, runs and runtime. Dirty days are an open question, days outside "
        "the partitions are exempt."
    ),
)
def stores_agree(
    context: dg.AssetCheckExecutionContext, operational: OperationalResource, lake: LakeResource
) -> dg.AssetCheckResult:
    """A run over partitions compares their days, a run without compares every day there is."""
    with as_dagster_failures():
        days = requested_days(context) or _days_with_data(operational)
        with operational.store() as store:
            first = max(FIRST_DAY, _kept_from(store))
            found = parity(store, lake.lake(), days, first_day=first, last_day=times.now().date())
    return _judged(days, found)


CHECKS = [
    governance_check("usage_facts", USAGE_FACTS, day="occurred_at", place=Place.LAKE),
    governance_check("session_facts", SESSION_FACTS, day="started_at", place=Place.LAKE),
    governance_check("daily_usage_agg", DAILY_USAGE_AGG, day="bucket_date"),
    governance_check("daily_provenance_agg", DAILY_PROVENANCE_AGG, day="bucket_date"),
    governance_check("daily_subtotals_agg", DAILY_SUBTOTALS_AGG, day="bucket_date"),
    governance_check("retention", RETENTION_MARKS, day="kept_from"),
    governance_check("model_perf_agg", MODEL_PERF_AGG, day="window_end"),
    stores_agree,
]


def _kept_from(store: OperationalStore) -> date:
    with store.read() as connection:
        return kept_from(connection, RetentionSubject.AGGREGATES) or date.min


def _days_with_data(operational: OperationalResource) -> list[date]:
    with operational.query() as query:
        span = SqlUsageRepository(query).span()
    return [] if span is None else times.days(span.first, span.last)


def _judged(days: list[date], found: list[ParityBreach]) -> dg.AssetCheckResult:
    by_state = {
        state: [breach for breach in found if breach.state is state] for state in ParityState
    }
    named = {state: sorted({breach.day for breach in by_state[state]}) for state in ParityState}
    differing = named[ParityState.DIFFERS]
    dirty = named[ParityState.DIRTY]
    outside = named[ParityState.OUT_OF_RANGE]
    metadata: dict[str, object] = {
        "days": len(days),
        "differing_days": [str(day) for day in differing[:DAYS_NAMED]],
        "dirty_days": [str(day) for day in dirty[:DAYS_NAMED]],
        "out_of_range_days": [str(day) for day in outside[:DAYS_NAMED]],
    }
    if differing:
        metadata["differences"] = dg.MetadataValue.md(
            differences_table(by_state[ParityState.DIFFERS])
        )
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=(
                f"{len(differing)} of {len(days)} days differ, the first {differing[0]}; "
                f"refresh them: `helicarrier refresh --from {differing[0]} --to {differing[-1]}`"
            ),
            metadata=metadata,
        )
    if dirty:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(dirty)} of {len(days)} days are dirty and were not compared",
            metadata=metadata,
        )
    exempt = f"; {len(outside)} days outside the partitions are exempt" if outside else ""
    return dg.AssetCheckResult(
        passed=True,
        description=f"{len(days) - len(outside)} days agree in every store{exempt}",
        metadata=metadata,
    )
