"""Schedules of upkeep: retention every night, re-pricing after a price update.

Re-pricing looks every morning whether this installation has a price list under which the whole
ledger has not been priced yet. Both are off until somebody starts them: the one changes costs of
the past, the other drops rows, and each has a dry run to be looked at first.
"""

from datetime import timedelta

import dagster as dg

from assets.jobs import drop_old_rows, reprice_usage
from assets.partitions import in_range, range_tags
from assets.upkeep import usage_repricing
from helicarrier import times
from helicarrier.cost.prices import PriceBook
from helicarrier.errors import NotReady
from helicarrier.store.run_model import RunStatus
from helicarrier.usage.repository import SqlUsageRepository
from helicarrier.usage.repricing_report import ASSET_KEY
from resources import OperationalResource, WarehouseResource


@dg.schedule(
    name="repricing_after_price_update",
    job=reprice_usage,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="After an update of the price list: every day that holds calls, as one run.",
)
def repricing_after_price_update(
    context: dg.ScheduleEvaluationContext,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.RunRequest | dg.SkipReason:
    """All partitions that hold calls, once for each version of the price list."""
    version = PriceBook().version
    try:
        with operational.query() as query:
            span = SqlUsageRepository(query).span()
    except NotReady as error:
        return dg.SkipReason(error.message)
    days = (
        []
        if span is None
        else in_range(times.days(span.first, span.last), context.scheduled_execution_time)
    )
    if not days:
        return dg.SkipReason("No partition holds calls.")
    if _is_done(warehouse, version):
        return dg.SkipReason(f"The ledger is priced under {version}.")
    return dg.RunRequest(
        run_key=f"reprice:{version}:{context.scheduled_execution_time:%Y-%m-%d}",
        tags=range_tags(days[0], days[-1]),
        run_config=dg.RunConfig(ops={usage_repricing.op.name: {"config": {"whole_ledger": True}}}),
    )


@dg.schedule(
    name="nightly_retention",
    job=drop_old_rows,
    cron_schedule="45 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Raw events and aggregates whose term is over.",
)
def nightly_retention(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Yesterday's partition: its rows stay as long as their term lasts, older ones go."""
    yesterday = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(run_key=f"retention:{yesterday}", partition_key=yesterday)


SCHEDULES = [nightly_retention, repricing_after_price_update]


def _is_done(warehouse: WarehouseResource, version: str) -> bool:
    return any(
        run.status is RunStatus.COMPLETED
        and run.attrs.get("whole_ledger") is True
        and run.attrs.get("pricingVersion") == version
        for run in warehouse.runs().runs_for(ASSET_KEY)
    )
