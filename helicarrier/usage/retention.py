"""Retention: raw events and aggregates go when their term is over; sessions and calls stay.

A mark says from which day on rows are kept. It only ever moves forward, and it moves in the last
transaction, so what it promises is true. Parity is checked above it alone; below it reports read
the ledger itself, so nothing that they say changes. Rows are dropped in short transactions, and a
retention that was interrupted is completed by the next one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier.ledger import run_markers
from helicarrier.ledger.tables import session_events, session_ledger
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.columnar import midnight
from helicarrier.usage.tables import (
    RetentionSubject,
    daily_provenance_agg,
    daily_subtotals_agg,
    daily_usage_agg,
    model_perf_agg,
    retention_marks,
)

_SESSIONS_AT_ONCE = 500
_AGGREGATES = (
    (daily_usage_agg, daily_usage_agg.c.bucket_date),
    (daily_provenance_agg, daily_provenance_agg.c.bucket_date),
    (daily_subtotals_agg, daily_subtotals_agg.c.bucket_date),
    (model_perf_agg, model_perf_agg.c.window_end),
)
_DAYS_AT_ONCE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How many days rows are kept; None keeps them for ever."""

    events_days: int | None
    aggregates_days: int | None

    def kept_from(self, today: date) -> dict[RetentionSubject, date]:
        """The first day that is kept, of each subject that has a term."""
        terms = {
            RetentionSubject.SESSION_EVENTS: self.events_days,
            RetentionSubject.AGGREGATES: self.aggregates_days,
        }
        return {
            subject: today - timedelta(days=term)
            for subject, term in terms.items()
            if term is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """What went, or would go: rows by table, and the first day that is kept of each subject."""

    rows: dict[str, int]
    kept_from: dict[RetentionSubject, date]


def plan(store: OperationalStore, kept_from: dict[RetentionSubject, date]) -> Retained:
    """Count what `retain` would drop; nothing is written."""
    rows: dict[str, int] = {}
    with store.read() as connection:
        for subject, day in kept_from.items():
            match subject:
                case RetentionSubject.SESSION_EVENTS:
                    rows[session_events.name] = _count_events(connection, day)
                case RetentionSubject.AGGREGATES:
                    for table, column in _AGGREGATES:
                        query = select(func.count()).select_from(table).where(column < day)
                        rows[table.name] = connection.execute(query).scalar_one()
    return Retained(rows=rows, kept_from=kept_from)


def retain(
    store: OperationalStore,
    kept_from: dict[RetentionSubject, date],
    *,
    run_id: str,
    now: datetime,
) -> Retained:
    """Drop the rows of the days before, then move the marks.

    Raises:
        StorageUnavailable: the store cannot be written; what went by then is gone.
    """
    rows: dict[str, int] = {}
    for subject, day in kept_from.items():
        match subject:
            case RetentionSubject.SESSION_EVENTS:
                rows[session_events.name] = _drop_events(store, day)
            case RetentionSubject.AGGREGATES:
                for table, _ in _AGGREGATES:
                    rows[table.name] = _drop_aggregates(store, table, day)
        with store.write() as connection:
            _move(connection, subject, day, run_id=run_id, now=now)
            run_markers.mark(
                connection,
                run_id,
                {(retention_marks.name, subject.value): 1},
                now=now,
                last=subject == [*kept_from][-1],
            )
    return Retained(rows=rows, kept_from=kept_from)


def kept_from(connection: Connection, subject: RetentionSubject) -> date | None:
    """The first day whose rows are kept; None while nothing was ever dropped."""
    query = select(retention_marks.c.kept_from).where(retention_marks.c.subject == subject.value)
    return connection.execute(query).scalar_one_or_none()


def _sessions(connection: Connection, day: date) -> Iterator[Sequence[str]]:
    """Sessions that may have events before the day: those that had begun by then."""
    begun = session_ledger.c.started_at < midnight(day)
    query = select(session_ledger.c.session_id).where(begun)
    found = connection.execute(query, execution_options={"yield_per": _SESSIONS_AT_ONCE})
    yield from found.scalars().partitions()


def _count_events(connection: Connection, day: date) -> int:
    query = select(func.count()).select_from(session_events)
    count: int = connection.execute(
        query.where(session_events.c.event_ts < midnight(day))
    ).scalar_one()
    return count


def _drop_events(store: OperationalStore, day: date) -> int:
    """By session, which has an index; the times of events have none."""
    with store.read() as connection:
        groups = list(_sessions(connection, day))
    dropped = 0
    events = session_events.c
    for group in groups:
        with store.write() as connection:
            dropped += connection.execute(
                delete(session_events).where(
                    events.session_id.in_(group), events.event_ts < midnight(day)
                )
            ).rowcount
    return dropped


def _drop_aggregates(store: OperationalStore, table: Table, day: date) -> int:
    column = dict(_AGGREGATES)[table]
    with store.read() as connection:
        first: date | None = connection.execute(select(func.min(column))).scalar_one()
    dropped = 0
    while first is not None and first < day:
        after = min(first + _DAYS_AT_ONCE, day)
        with store.write() as connection:
            old = delete(table).where(column >= first, column < after)
            dropped += connection.execute(old).rowcount
        first = after
    return dropped


def _move(
    connection: Connection, subject: RetentionSubject, day: date, *, run_id: str, now: datetime
) -> None:
    dialect: Literal["sqlite", "postgresql"] = (
        "sqlite" if connection.dialect.name == "sqlite" else "postgresql"
    )
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(retention_marks).values(
        subject=subject.value, kept_from=day, updated_at=now, run_id=run_id
    )
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[retention_marks.c.subject],
            set_={"kept_from": new.kept_from, "updated_at": new.updated_at, "run_id": new.run_id},
            where=retention_marks.c.kept_from < new.kept_from,
        )
    )
