"""Upkeep: what is done to stored rows when the world around them has changed.

What belongs here: re-pricing, retention. What does not: rows that come from a source, and what is
computed from them; days that upkeep changes are dirty and are refreshed like any other.
"""

import dagster as dg
from pydantic import Field

from assets.declarations import OWNERS, TRANSIENT, WAREHOUSE_POOL, definition_metadata
from assets.partitions import DAILY, requested_days
from assets.runs import recorded
from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.ledger.tables import USAGE_COST_HISTORY
from helicarrier.usage import retention_report
from helicarrier.usage.repricing import reprice
from helicarrier.usage.repricing_report import ASSET_KEY, Repricing
from helicarrier.usage.retention import plan, retain
from helicarrier.usage.span import Span
from helicarrier.usage.tables import RETENTION_MARKS
from resources import OperationalResource, SettingsResource, WarehouseResource

GROUP = "usage"


class RepricingConfig(dg.Config):
    """Why the days are priced again."""

    whole_ledger: bool = Field(
        default=False,
        description="The run covers every partition; the schedule then knows that it is done.",
    )


@dg.asset(
    name=ASSET_KEY,
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["session_usage"],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(USAGE_COST_HISTORY),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def usage_repricing(
    context: dg.AssetExecutionContext,
    config: RepricingConfig,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per price that a call has had: calls of the day under the price list of today.

    Only calls whose cost, source or confidence comes out differently are touched. Their days
    become dirty, and their first price is never lost.
    """
    days = requested_days(context)
    book = PriceBook()
    with recorded(context, warehouse, ASSET_KEY, days) as run, operational.store() as store:
        changes = reprice(store, days, pricer=Pricer(book), run_id=run.run_id, now=times.now())
        done = Repricing(
            run_id=run.run_id,
            span=Span(first=days[0], last=days[-1]),
            pricing_version=book.version,
            changes=changes,
        )
        run.rows_out = done.calls
        run.note(whole_ledger=config.whole_ledger, **done.as_json())
    return dg.MaterializeResult(
        metadata={
            "dagster/table_name": USAGE_COST_HISTORY.name,
            "run_store_id": run.run_id,
            "days_in_run": len(days),
            "pricing_version": book.version,
            "reason": str(done.as_json()["reason"]),
            "calls_repriced": done.calls,
            "before_usd": str(done.before_usd),
            "after_usd": str(done.after_usd),
            "changes": dg.MetadataValue.md(_table(done)),
        }
    )


class RetentionConfig(dg.Config):
    """Whether anything goes."""

    dry_run: bool = Field(default=False, description="Count what would go; drop nothing.")


@dg.asset(
    name=retention_report.ASSET_KEY,
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[
        "session_events",
        "daily_usage_agg",
        "daily_provenance_agg",
        "daily_subtotals_agg",
        "model_perf_agg",
    ],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(RETENTION_MARKS),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def retention(
    context: dg.AssetExecutionContext,
    config: RetentionConfig,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per kind of rows that are only kept for a time: since when they are kept.

    A partition is the newest day whose rows may go, older ones go with it. Rows whose term is not
    over stay, whatever partition is asked for; sessions and calls stay always.
    """
    days = requested_days(context)
    now = times.now()
    terms = retention_report.terms_of(settings.load()).kept_from(now.date())
    kept_from = retention_report.up_to(terms, days[-1])
    with (
        recorded(context, warehouse, retention_report.ASSET_KEY, days) as run,
        operational.store() as store,
    ):
        if config.dry_run:
            done = plan(store, kept_from)
        else:
            done = retain(store, kept_from, run_id=run.run_id, now=now)
        run.note(dry_run=config.dry_run, rows=done.rows)
    return dg.MaterializeResult(
        metadata={
            "dagster/table_name": RETENTION_MARKS.name,
            "run_store_id": run.run_id,
            "dry_run": config.dry_run,
            **{f"dropped_{table}": rows for table, rows in done.rows.items()},
            **{f"kept_from_{what.value}": day.isoformat() for what, day in kept_from.items()},
        }
    )


ASSETS = [usage_repricing, retention]


def _table(done: Repricing) -> str:
    if not done.changes:
        return f"No cost changes under {done.pricing_version}."
    lines = [
        "| model | before | after | calls | USD before | USD after |",
        "|---|---|---|--:|--:|--:|",
    ]
    lines += [
        f"| {change.model_id} | {change.before_version or 'unknown'} "
        f"| {change.after_version or 'unknown'} | {change.calls:,} "
        f"| {change.before_usd} | {change.after_usd} |"
        for change in done.changes
    ]
    return "\n".join(lines)
