"""Runs that somebody else started and that ended badly, told to the run store.

An orchestrator knows of failures that no asset lived to tell: a run that never began, that was
cancelled or lost its machine. Each is recorded once, under an id made from the orchestrator's own.
The runs of its assets are closed on that occasion where their process is gone.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from helicarrier import times
from helicarrier.notify.model import Message
from helicarrier.store.run_store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideRun:
    """A run of the orchestrator that failed or was cancelled; `error` says which and why."""

    dagster_run_id: str
    job: str
    partition: str | None
    started_at: datetime
    ended_at: datetime
    error: str

    @property
    def run_id(self) -> str:
        """Its id in the run store."""
        return str(uuid5(NAMESPACE_URL, f"dagster:{self.dagster_run_id}"))


def message_of(ended: OutsideRun) -> Message:
    """What people are told of it: once, however often it is seen."""
    return Message(
        dedup_key=f"run-{ended.run_id}",
        kind="run.failed",
        subject=f"run of {ended.job} {ended.error}",
        data={
            "job": ended.job,
            "partition": ended.partition,
            "dagsterRunId": ended.dagster_run_id,
            "runId": ended.run_id,
            "startedAt": times.utc_text(ended.started_at),
            "endedAt": times.utc_text(ended.ended_at),
            "error": ended.error,
        },
    )


def record(runs: RunStore, ended: OutsideRun, *, now: datetime) -> bool:
    """Record it as a failed run of `job:NAME`; False where it is on record already.

    Raises:
        StorageUnavailable: the run store cannot be written.
    """
    known = runs.get_run(ended.run_id)
    if known is not None and known.finished_at is not None:
        return False
    run = runs.start_run(
        f"job:{ended.job}",
        run_id=ended.run_id,
        started_at=ended.started_at,
        partition_key=ended.partition,
        dagster_run_id=ended.dagster_run_id,
        now=now,
    )
    runs.end_run(run, finished_at=ended.ended_at, error=ended.error)
    return True
