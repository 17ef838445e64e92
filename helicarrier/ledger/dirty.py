"""Dirty days: which day of which dataset is out of date, marked beside the rows that made it so.

Marking belongs to the transaction that writes the rows, so no day is ever wrong and clean. Each
mark raises the day's generation; a refresh clears a day only at the generation that it saw before
it read, so a write that lands in between keeps the day dirty. Rows are touched in one order,
which keeps two writers from waiting for each other.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Executable, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.tables import dirty_days

TRAILING_DAYS = 30
"""Days of the longest window of `model_perf_agg`: a session reaches that many window ends."""

Mark = tuple[Dataset, date]


def marks_of(*, call_days: Iterable[date], session_days: Iterable[date], today: date) -> set[Mark]:
    """What is out of date after calls and sessions of these days were written.

    Args:
        call_days: UTC days of the calls that came or changed, and of the calls whose session
            changed in what the facts repeat of it (agent, task category).
        session_days: UTC days on which sessions started that came or changed or whose calls did.
        today: the last day whose trailing windows exist; later ones are computed when they come.
    """
    marks: set[Mark] = set()
    for day in call_days:
        marks |= {(Dataset.USAGE_FACTS, day), (Dataset.DAILY_USAGE_AGG, day)}
    for day in session_days:
        marks |= {(Dataset.SESSION_FACTS, day), (Dataset.DAILY_USAGE_AGG, day)}
        reached = min((today - day).days + 1, TRAILING_DAYS)
        marks.update((Dataset.MODEL_PERF_AGG, day + timedelta(days=n)) for n in range(reached))
    return marks


def mark(
    connection: Connection,
    *,
    call_days: Iterable[date],
    session_days: Iterable[date],
    today: date,
    run_id: str,
    now: datetime,
) -> None:
    """Mark in the transaction of `connection` what `marks_of` these days makes out of date."""
    marks = marks_of(call_days=call_days, session_days=session_days, today=today)
    mark_days(connection, marks, run_id=run_id, now=now)


def mark_days(connection: Connection, marks: Iterable[Mark], *, run_id: str, now: datetime) -> None:
    """Raise the generation of each dataset and day.

    A clean day starts at the microseconds since 1970: counting from 1 again, it could come back
    to a generation that a slow refresh still holds from before the day was last cleared.
    """
    first = int(now.timestamp() * 1_000_000)
    rows = [
        {
            "dataset": dataset.value,
            "bucket_date": day,
            "generation": first,
            "marked_at": now,
            "run_id": run_id,
        }
        for dataset, day in sorted(set(marks))
    ]
    if rows:
        connection.execute(_UPSERTS[connection.dialect.name], rows)


def dirty(connection: Connection, dataset: Dataset) -> dict[date, int]:
    """The dataset's dirty days in order, each with its generation."""
    query = (
        select(dirty_days.c.bucket_date, dirty_days.c.generation)
        .where(dirty_days.c.dataset == dataset.value)
        .order_by(dirty_days.c.bucket_date)
    )
    return {row.bucket_date: row.generation for row in connection.execute(query)}


def clear(connection: Connection, dataset: Dataset, seen: Mapping[date, int]) -> None:
    """Take the days off the list that still have the generation in `seen`; keep the others."""
    rows = [
        {"of_dataset": dataset.value, "of_day": day, "seen": generation}
        for day, generation in sorted(seen.items())
    ]
    if rows:
        connection.execute(_CLEAR, rows)


_CLEAR = delete(dirty_days).where(
    dirty_days.c.dataset == bindparam("of_dataset"),
    dirty_days.c.bucket_date == bindparam("of_day"),
    dirty_days.c.generation == bindparam("seen"),
)


def _upsert(dialect: Literal["sqlite", "postgresql"]) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(dirty_days)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[dirty_days.c.dataset, dirty_days.c.bucket_date],
        set_={
            # Also where the clock ran back, a generation never comes twice.
            "generation": case(
                (new.generation > dirty_days.c.generation, new.generation),
                else_=dirty_days.c.generation + 1,
            ),
            "marked_at": new.marked_at,
            "run_id": new.run_id,
        },
    )


_UPSERTS = {"sqlite": _upsert("sqlite"), "postgresql": _upsert("postgresql")}
