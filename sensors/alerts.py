"""Sensors of alerts: rules in force are judged every few minutes, what waits is delivered.

Judging is a run, so that its materialization and its checks are in the history; delivery is not,
since the outbox itself is the record. Any other process may do either at the same time.
"""

import time
from datetime import timedelta

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from assets.jobs import evaluate_alerts
from assets.runs import as_dagster_failures
from helicarrier import times
from helicarrier.errors import NotReady
from resources import OperationalResource, SettingsResource

_EVERY_SECONDS = 300
_DELIVER_EVERY_SECONDS = 30
_DELIVER_FOR_SECONDS = 25.0
_ABANDONED = timedelta(hours=1)
"""A run that began longer ago does not hold back the next one."""

_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


@dg.sensor(
    name="alerts",
    job=evaluate_alerts,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Every rule in force is judged by the sessions and calls of its window.",
)
def alerts(
    context: dg.SensorEvaluationContext, operational: OperationalResource
) -> dg.RunRequest | dg.SkipReason:
    """One run at a time, and none while there is nothing to judge."""
    from helicarrier.alerts.repository import SqlAlertRepository

    now = times.now()
    try:
        with operational.query() as query:
            query.ready()
    except NotReady as error:
        return dg.SkipReason(error.message)
    with as_dagster_failures(), operational.store() as store:
        rules = SqlAlertRepository(store).rules(enabled_only=True)
    if not rules:
        return dg.SkipReason("No rule is in force.")
    unfinished = RunsFilter(
        job_name=evaluate_alerts.name, statuses=_UNFINISHED, created_after=now - _ABANDONED
    )
    if context.instance.get_run_ids(unfinished, limit=1):
        return dg.SkipReason("The rules are being judged.")
    slot = int(now.timestamp()) // _EVERY_SECONDS
    return dg.RunRequest(run_key=f"alerts:{slot}")


@dg.sensor(
    name="outbox",
    minimum_interval_seconds=_DELIVER_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="What waits in the outbox is delivered through its channels.",
)
def outbox(
    context: dg.SensorEvaluationContext,
    settings: SettingsResource,
    operational: OperationalResource,
) -> dg.SkipReason:
    """Delivers for a part of the interval; what is left waits for the next tick."""
    from helicarrier.notify.dispatcher import dispatcher_of

    try:
        with operational.query() as query:
            query.ready()
    except NotReady as error:
        return dg.SkipReason(error.message)
    deadline = time.monotonic() + _DELIVER_FOR_SECONDS
    with as_dagster_failures(), operational.store() as store:
        dispatcher = dispatcher_of(settings.load(), store, clock=times.now)
        sent = dispatcher.deliver(go_on=lambda: time.monotonic() < deadline)
    failed = [one for one in sent if one.error is not None]
    for one in failed:
        context.log.warning("%s: %s", one.delivery.channel, one.error)
    return dg.SkipReason(f"{len(sent) - len(failed)} messages delivered, {len(failed)} not taken.")


SENSORS = [alerts, outbox]
