"""Retention as a whole: the terms of the settings, what went under them, and the run behind it.

This is what the command line calls and what the asset's metadata is made of.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from helicarrier import times
from helicarrier.ledger.runs import run_store
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.usage.retention import Retained, Terms, plan, retain
from helicarrier.usage.tables import RetentionSubject

ASSET_KEY = "retention"
"""The run store's and Dagster's name for a retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """What went, or would go in a dry run, where `run_id` is None."""

    run_id: str | None
    done: Retained

    def as_json(self) -> dict[str, object]:
        """The wire form: rows by table, the first day that is kept by subject."""
        return {
            "runId": self.run_id,
            "dryRun": self.run_id is None,
            "rows": self.done.rows,
            "keptFrom": {
                subject.value: day.isoformat() for subject, day in self.done.kept_from.items()
            },
        }


def terms_of(settings: Settings) -> Terms:
    """The terms of the settings; 0 days keep rows for ever."""
    return Terms(
        events_days=settings.retention_events_days or None,
        aggregates_days=settings.retention_aggregates_days or None,
    )


def up_to(kept_from: dict[RetentionSubject, date], last: date) -> dict[RetentionSubject, date]:
    """The same terms, but nothing after the day `last` goes."""
    return {subject: min(day, last + timedelta(days=1)) for subject, day in kept_from.items()}


def drop_old_rows(
    settings: Settings, *, dry_run: bool = False, clock: Callable[[], datetime] = times.now
) -> RetentionReport:
    """Drop raw events and aggregates whose term is over.

    Args: settings; dry_run to count and write nothing; clock.

    Raises:
        NotReady: the store is not at the schema of this version.
        StorageUnavailable: a store cannot be read or written.
    """
    with open_query(settings.url) as query:
        query.ready()
    kept_from = terms_of(settings).kept_from(clock().date())
    with closing(OperationalStore(settings.url)) as store:
        if dry_run:
            return RetentionReport(run_id=None, done=plan(store, kept_from))
        runs = run_store(settings)
        with runs.run(ASSET_KEY) as run:
            done = retain(store, kept_from, run_id=run.run_id, now=clock())
            report = RetentionReport(run_id=run.run_id, done=done)
            run.note(**report.as_json())
    return report
