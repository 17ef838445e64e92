"""Usage assets: facts of each day, and the aggregates that reports and the API read.

Facts are extracts of the ledger (Parquet, one file a day); aggregates are computed from them and
stored beside the ledger, replaced day by day. All are partitioned by UTC day, and a range of days
is one run. What does not belong here: how a day is extracted, computed or validated.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import dagster as dg

from assets.declarations import (
    OWNERS,
    TRANSIENT,
    WAREHOUSE_POOL,
    definition_metadata,
    table_spec,
)
from assets.partitions import DAILY, FIRST_DAY, TRAILING, requested_days
from assets.runs import explain_command, recorded
from helicarrier.ledger.enums import Dataset
from helicarrier.store.run_model import Edge, Run
from helicarrier.usage import aggregates
from helicarrier.usage.aggregates import Aggregate
from helicarrier.usage.facts import SOURCES
from helicarrier.usage.refresh import DAILY as DAILY_AGGREGATES
from helicarrier.usage.refresh import Refreshed, Refresher
from helicarrier.usage.repository import SqlUsageRepository
from helicarrier.usage.span import Span
from helicarrier.usage.tables import (
    DAILY_PROVENANCE_AGG,
    DAILY_SUBTOTALS_AGG,
    DAILY_USAGE_AGG,
    MODEL_PERF_AGG,
    SESSION_FACTS,
    USAGE_FACTS,
)
from resources import LakeResource, OperationalResource, WarehouseResource

GROUP = "usage"
_PICTURED_DAYS = 30


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["session_usage", "session_ledger"],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(USAGE_FACTS),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def usage_facts(
    context: dg.AssetExecutionContext,
    operational: OperationalResource,
    lake: LakeResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per model call, on the UTC day it was answered: the ledger's calls as Parquet."""
    with recorded(context, warehouse, "usage_facts", requested_days(context)) as run:
        return _extracted(context, run, Dataset.USAGE_FACTS, operational, lake)


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["session_ledger", "session_usage"],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(SESSION_FACTS),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def session_facts(
    context: dg.AssetExecutionContext,
    operational: OperationalResource,
    lake: LakeResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per session, on the UTC day it started, with the cost of all its calls."""
    with recorded(context, warehouse, "session_facts", requested_days(context)) as run:
        return _extracted(context, run, Dataset.SESSION_FACTS, operational, lake)


@dg.multi_asset(
    name="daily_aggregates",
    specs=[
        table_spec(
            DAILY_USAGE_AGG,
            description=(
                "Runs, calls, tokens and cost of each day. Calls count on their own day and "
                "model, runs on the day the session started and on its primary model."
            ),
            group=GROUP,
            kinds={"duckdb", "table"},
            deps=["usage_facts", "session_facts"],
        ),
        table_spec(
            DAILY_PROVENANCE_AGG,
            description="The same usage by where its numbers come from and how far they go.",
            group=GROUP,
            kinds={"duckdb", "table"},
            # It reads the first alone, but a backfill refuses a step whose outputs differ in this.
            deps=["usage_facts", "session_facts"],
        ),
        table_spec(
            DAILY_SUBTOTALS_AGG,
            description=(
                "The same usage as every filter by agent, model and task sees it, so that a "
                "filtered answer reads one row for each day."
            ),
            group=GROUP,
            kinds={"duckdb", "table"},
            deps=["usage_facts", "session_facts"],
        ),
    ],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def daily_aggregates(
    context: dg.AssetExecutionContext,
    operational: OperationalResource,
    lake: LakeResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult]:
    """One row per group and UTC day, in three tables that one transaction replaces."""
    days = requested_days(context)
    with (
        recorded(context, warehouse, DAILY_USAGE_AGG.name, days) as run,
        operational.store() as store,
    ):
        refresher = Refresher(store, lake.lake(), first_day=FIRST_DAY)
        done = refresher.refresh_daily(days, run.run_id)
        _account(run, lake, DAILY_AGGREGATES, done)
    _say_what_is_stale(context, done)
    context.add_asset_metadata(
        {"preview": _picture(operational, days[-1])},
        asset_key=DAILY_USAGE_AGG.name,
        partition_key=days[-1].isoformat(),  # Once for a range: every partition would get a copy.
    )
    for contract in (DAILY_USAGE_AGG, DAILY_PROVENANCE_AGG, DAILY_SUBTOTALS_AGG):
        counts = done.rows[contract.name]
        _count_partitions(context, contract.name, counts)
        yield _result(contract.name, run, counts, {"dagster/table_name": contract.name})


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[dg.AssetDep("session_facts", partition_mapping=TRAILING)],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb", "table"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(MODEL_PERF_AGG),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def model_perf_agg(
    context: dg.AssetExecutionContext,
    operational: OperationalResource,
    lake: LakeResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per trailing window, agent, task category and model: the 1, 7 and 30 days to a day.

    Medians do not merge, so each window, and each total over agents or categories (`*`), is
    computed from the sessions.
    """
    days = requested_days(context)
    with (
        recorded(context, warehouse, MODEL_PERF_AGG.name, days) as run,
        operational.store() as store,
    ):
        refresher = Refresher(store, lake.lake(), first_day=FIRST_DAY)
        done = refresher.refresh_performance(days, run.run_id)
        _account(run, lake, [aggregates.MODEL_PERFORMANCE], done)
    _say_what_is_stale(context, done)
    counts = done.rows[MODEL_PERF_AGG.name]
    _count_partitions(context, MODEL_PERF_AGG.name, counts)
    return _result(MODEL_PERF_AGG.name, run, counts, {"dagster/table_name": MODEL_PERF_AGG.name})


ASSETS = [usage_facts, session_facts, daily_aggregates, model_perf_agg]


def _extracted(
    context: dg.AssetExecutionContext,
    run: Run,
    dataset: Dataset,
    operational: OperationalResource,
    lake: LakeResource,
) -> dg.MaterializeResult:
    days = requested_days(context)
    with operational.store() as store:
        refresher = Refresher(store, lake.lake(), first_day=FIRST_DAY)
        done = refresher.refresh_facts(days, run.run_id, datasets=[dataset])
    counts = done.rows[dataset.value]
    source = SOURCES[dataset].table.name
    for day, rows in counts.items():
        run.reads(Edge(dataset=source, partition_key=day.isoformat(), rows=rows))
        run.writes(_partition(lake, dataset, day, rows))
    run.rows_in = run.rows_out = sum(counts.values())
    _count_partitions(context, dataset.value, counts)
    folder = lake.lake().root / dataset.value
    return _result(dataset.value, run, counts, {"dagster/uri": folder.as_uri()})


def _account(run: Run, lake: LakeResource, made: Sequence[Aggregate], done: Refreshed) -> None:
    """Tell the run what it read and wrote, day by day."""
    read: dict[tuple[Dataset, date], int] = {}
    for aggregate in made:
        counts = done.rows[aggregate.contract.name]
        for day, rows in counts.items():
            run.writes(
                Edge(dataset=aggregate.contract.name, partition_key=day.isoformat(), rows=rows)
            )
            run.rows_out += rows
        for dataset in aggregate.inputs:
            stored = lake.row_counts(dataset.value, aggregate.input_days(counts))
            read |= {(dataset, day): rows for day, rows in stored.items()}
    for (dataset, day), rows in read.items():
        run.reads(_partition(lake, dataset, day, rows))
    run.rows_in = sum(read.values())


def _partition(lake: LakeResource, dataset: Dataset, day: date, rows: int) -> Edge:
    """A partition with the hash of its file, by which a reader's and a writer's are the same."""
    name = dataset.value
    digest = lake.lake().sha256(name, day)
    return Edge(dataset=name, partition_key=day.isoformat(), fingerprint=digest, rows=rows)


def _picture(operational: OperationalResource, last: date) -> dg.MarkdownMetadataValue:
    """The cost of the days before and with `last` by model, as a PNG inside Markdown."""
    try:
        return _drawn(operational, last)
    except Exception as error:  # noqa: BLE001 - the rows are committed: a picture must not fail them
        return dg.MetadataValue.md(f"The picture could not be drawn: {type(error).__name__}.")


def _drawn(operational: OperationalResource, last: date) -> dg.MarkdownMetadataValue:
    from helicarrier.usage.charts import daily_cost_png

    span = Span(first=max(FIRST_DAY, last - timedelta(days=_PICTURED_DAYS - 1)), last=last)
    with operational.query() as query:
        points = SqlUsageRepository(query).daily_models(span)
    if not points:
        return dg.MetadataValue.md(f"No calls from {span.first} to {span.last}.")
    data = base64.b64encode(daily_cost_png(points)).decode()
    return dg.MetadataValue.md(f"![cost per day](data:image/png;base64,{data})")


def _count_partitions(
    context: dg.AssetExecutionContext, asset: str, counts: Mapping[date, int]
) -> None:
    for day, rows in counts.items():
        context.add_asset_metadata(
            {"dagster/partition_row_count": rows}, asset_key=asset, partition_key=day.isoformat()
        )


def _result(
    asset: str, run: Run, counts: Mapping[date, int], place: Mapping[str, str]
) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=asset,
        metadata={
            **place,
            "run_store_id": run.run_id,
            "explain": explain_command(run.run_id),
            "days_in_run": len(counts),
            "rows_in_run": sum(counts.values()),
        },
    )


def _say_what_is_stale(context: dg.AssetExecutionContext, done: Refreshed) -> None:
    if done.stale:
        first = min(done.stale)
        context.log.warning(
            "%s days stay dirty, the first %s: facts that they are computed from are out of date, "
            "the first of %s. Refresh the facts first.",
            len(done.stale),
            first,
            done.stale[first][0],
        )
