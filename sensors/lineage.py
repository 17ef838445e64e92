"""Sensors of lineage: runs of Dagster that failed or were cancelled are told to the run store.

Dagster's own log of events can be written by whoever reaches its API, so what happened is kept
where an edit shows. A tick that is repeated records nothing twice.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterRunStatus

from assets.runs import as_dagster_failures
from helicarrier import times
from helicarrier.lineage.outside_runs import OutsideRun, record
from resources import WarehouseResource

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def _ended(context: dg.RunStatusSensorContext, word: str) -> OutsideRun:
    """The run as Dagster knows it; one that never began started when it ended."""
    run = context.dagster_run
    kept = context.instance.get_run_record_by_id(run.run_id)
    ended_at = _instant(kept.end_time if kept is not None else None) or times.now()
    started_at = _instant(kept.start_time if kept is not None else None) or ended_at
    first, last = (run.tags.get(name) for name in _RANGE)
    return OutsideRun(
        dagster_run_id=run.run_id,
        job=run.job_name,
        partition=run.tags.get("dagster/partition") or (f"{first}..{last}" if first else None),
        started_at=started_at,
        ended_at=ended_at,
        error=f"{word}: {context.dagster_event.message or 'no reason was given'}",
    )


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


@dg.run_status_sensor(
    name="failed_runs",
    run_status=DagsterRunStatus.FAILURE,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs of Dagster that failed are recorded in the run store.",
)
def failed_runs(context: dg.RunStatusSensorContext, warehouse: WarehouseResource) -> None:
    """Also those that failed before any asset began."""
    with as_dagster_failures():
        record(warehouse.runs(), _ended(context, "failed"), now=times.now())


@dg.run_status_sensor(
    name="cancelled_runs",
    run_status=DagsterRunStatus.CANCELED,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs of Dagster that were cancelled are recorded in the run store.",
)
def cancelled_runs(context: dg.RunStatusSensorContext, warehouse: WarehouseResource) -> None:
    """With who cancelled them, where Dagster says so."""
    with as_dagster_failures():
        record(warehouse.runs(), _ended(context, "cancelled"), now=times.now())


SENSORS = [failed_runs, cancelled_runs]
