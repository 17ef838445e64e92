"""Sensors of lineage: runs of Dagster that failed or were cancelled are told to the run store.

Dagster's own log of events can be written by whoever reaches its API, so what happened is kept
where an edit shows. Of failures people are told, too. A tick that is repeated records and tells
nothing twice.
"""

import uuid
from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterRunStatus

from assets.runs import as_dagster_failures
from helicarrier import times
from helicarrier.errors import NotReady
from helicarrier.lineage.outside_runs import OutsideRun, message_of, record
from helicarrier.notify.dispatcher import channels_of
from helicarrier.notify.outbox import post
from resources import OperationalResource, SettingsResource, WarehouseResource

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
    description="Runs of Dagster that failed are recorded in the run store, and people are told.",
)
def failed_runs(
    context: dg.RunStatusSensorContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> None:
    """Also those that failed before any asset began."""
    now, ended = times.now(), _ended(context, "failed")
    with as_dagster_failures(), operational.store() as store:
        record(warehouse.runs(), ended, now=now)
        try:
            post(
                store,
                message_of(ended),
                channels_of(settings.load()),
                now=now,
                new_id=lambda: str(uuid.uuid4()),
            )
        except NotReady as error:
            context.log.warning("nobody can be told: %s", error.message)


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
