"""Sensors of usage: days that the ledger made dirty are refreshed.

The ledger marks a day in the transaction that changes it, so the list of dirty days is the list of
work. Days that lie near each other become one run over a range. Performance waits until the facts
that it reads are clean: it would have to be computed again.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from assets.in_process import close_interrupted
from assets.jobs import DATASETS, refresh_performance, refresh_usage
from assets.partitions import FIRST_DAY, in_range, range_tags, spans
from helicarrier import times
from helicarrier.errors import NotReady
from helicarrier.ledger.dirty import TRAILING_DAYS
from helicarrier.ledger.enums import Dataset
from helicarrier.usage.refresh import Refresher
from resources import LakeResource, OperationalResource

RUNS_PER_TICK = 10
_ABANDONED = timedelta(hours=1)
"""A run that started longer ago does not hold back the next one."""

_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]

Generations = dict[date, int]


@dg.sensor(
    name="dirty_days",
    jobs=[refresh_usage, refresh_performance],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Days whose sessions or calls changed are refreshed, in ranges.",
)
def dirty_days(
    context: dg.SensorEvaluationContext, operational: OperationalResource, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """Facts and daily aggregates of dirty days; then the windows whose facts are clean."""
    now = times.now()
    close_interrupted(context.instance)
    try:
        with operational.store() as store:
            refresher = Refresher(store, lake.lake(), first_day=FIRST_DAY)
            dirty = {dataset: refresher.dirty(dataset) for dataset in Dataset}
    except NotReady as error:
        return dg.SkipReason(error.message)
    wanted = {
        refresh_usage.name: _daily(dirty, now),
        refresh_performance.name: _performance(dirty, now),
    }
    requests = [
        request
        for job, generations in wanted.items()
        if generations and not _is_running(context.instance, job, now)
        for request in _requests(job, generations, now)
    ]
    if not requests:
        waiting = sum(map(len, wanted.values()))
        return dg.SkipReason(
            f"{waiting} days wait for a run that has begun." if waiting else "No day is dirty."
        )
    return dg.SensorResult(run_requests=requests[:RUNS_PER_TICK])


SENSORS = [dirty_days]


def _daily(dirty: Mapping[Dataset, Generations], now: datetime) -> Generations:
    """Days of which any of the daily datasets is dirty, each with its newest generation."""
    marked = [dirty[dataset] for dataset in DATASETS[refresh_usage.name]]
    days = in_range({day for generations in marked for day in generations}, now)
    return {day: max(generations.get(day, 0) for generations in marked) for day in days}


def _performance(dirty: Mapping[Dataset, Generations], now: datetime) -> Generations:
    """Dirty window ends none of whose sessions lie on a dirty day."""
    unsettled = in_range(dirty[Dataset.SESSION_FACTS], now)
    held_back = {day + timedelta(days=n) for day in unsettled for n in range(TRAILING_DAYS)}
    ends = dirty[Dataset.MODEL_PERF_AGG]
    return {day: ends[day] for day in in_range(ends.keys() - held_back, now)}


def _is_running(instance: DagsterInstance, job: str, now: datetime) -> bool:
    unfinished = RunsFilter(job_name=job, statuses=_UNFINISHED, created_after=now - _ABANDONED)
    return bool(instance.get_run_ids(unfinished, limit=1))


def _requests(job: str, generations: Generations, now: datetime) -> list[dg.RunRequest]:
    """One run for each range. The key holds what the days were dirty with, and the hour.

    So a tick that comes again asks for nothing new, and days that stay dirty because a run failed
    are tried again an hour later.
    """
    requests: list[dg.RunRequest] = []
    for first, last in spans(generations):
        state = repr(sorted((day, n) for day, n in generations.items() if first <= day <= last))
        digest = sha256(state.encode()).hexdigest()[:16]
        requests.append(
            dg.RunRequest(
                run_key=f"{job}:{first}..{last}:{digest}:{now:%Y-%m-%dT%H}",
                job_name=job,
                tags=range_tags(first, last),
            )
        )
    return requests
