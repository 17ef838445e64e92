"""Running jobs in this process, for commands: no daemon, no service, the same jobs.

With DAGSTER_HOME set the runs are kept in its history beside those of the daemon, else they are
forgotten at the end. A run in the history whose process was killed would hold its place in the
pool for ever and keep every later run waiting, so such runs are closed before anything starts.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.storage.tags import PARENT_RUN_ID_TAG

from assets.partitions import range_tags
from helicarrier.store.processes import Process, is_gone, this_process

_HOST = "helicarrier/host"
_PID = "helicarrier/pid"
_STARTED = "helicarrier/process_started"
_UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def instance() -> Iterator[DagsterInstance]:
    """The instance of DAGSTER_HOME, or one that lasts as long as the block."""
    if os.environ.get("DAGSTER_HOME"):
        with DagsterInstance.get() as kept:
            close_interrupted(kept)
            yield kept
    else:
        with DagsterInstance.ephemeral() as forgotten:
            yield forgotten


def run_job(
    definitions: dg.Definitions,
    job: str,
    days: tuple[date, date] | None,
    within: DagsterInstance,
    ops: Mapping[str, object] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job over a range of days, or without partitions; failures are in the result.

    `ops` is the configuration of its steps, as Dagster writes it.
    """
    tags = process_tags() | (range_tags(*days) if days else {})
    return definitions.resolve_job_def(job).execute_in_process(
        instance=within, tags=tags, run_config=_QUIET | {"ops": ops or {}}, raise_on_error=False
    )


def close_interrupted(kept: DagsterInstance) -> int:
    """Fail the runs of this machine's commands whose process is gone, and free their places.

    A run that somebody started again from such a one has its tags, but another process.

    Returns: how many there were.
    """
    mine = RunsFilter(statuses=_UNFINISHED, tags={_HOST: this_process().host})
    closed = 0
    for run in kept.get_runs(mine):
        if PARENT_RUN_ID_TAG not in run.tags and is_gone(_process_of(run.tags)):
            kept.report_run_failed(run, message="The process was interrupted.")
            kept.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            closed += 1
    return closed


def process_tags() -> dict[str, str]:
    """The tags by which a run of this process is known again."""
    process = this_process()
    return {
        _HOST: process.host,
        _PID: str(process.pid),
        _STARTED: process.started_at.isoformat(),
    }


def _process_of(tags: Mapping[str, str]) -> Process:
    return Process(
        host=tags[_HOST], pid=int(tags[_PID]), started_at=datetime.fromisoformat(tags[_STARTED])
    )
