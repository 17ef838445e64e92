"""Dirty days: which day of which dataset is out of date, marked beside the rows that made it so.

Marking belongs to the transaction that writes the rows, so no day is ever wrong and clean. A
refresh claims its days before it reads anything; a write after that raises their generation, and a
day is cleared only at the generation that was claimed, so it stays dirty. A write before it leaves
a mark that is there as it is: most find every day of theirs marked and write nothing. Marking and
claiming take turns with the writers of the ledger: a claim never slips in between a write that
found its day marked and the commit of that write.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, bindparam, delete, select, update

from helicarrier import times
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.sink import sink_of
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
        marks |= _windows(day, today)
    return marks


@lru_cache(maxsize=1_000)
def _windows(day: date, today: date) -> frozenset[Mark]:
    """The windows that a session of this day lies in."""
    reached = min((today - day).days + 1, TRAILING_DAYS)
    return frozenset((Dataset.MODEL_PERF_AGG, day + timedelta(days=n)) for n in range(reached))


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
    """Mark each dataset and day; where nobody has claimed a mark since it was made, it stands.

    A clean day starts at the microseconds since 1970: counting from 1 again, it could come back
    to a generation that a slow refresh still holds from before the day was last cleared.
    """
    wanted = {(dataset.value, day.isoformat()) for dataset, day in set(marks)}
    if not wanted:
        return
    sink = sink_of(connection)
    sink.serialize()
    standing = sink.lookup(_STANDING, {day for _, day in wanted})
    first, at = int(now.timestamp() * 1_000_000), times.utc_text(now)
    # In one order, which keeps two writers from waiting for each other.
    missing = sorted(wanted.difference(standing))
    sink.execute_each(_MARK, [(dataset, day, first, at, run_id) for dataset, day in missing])


def dirty(connection: Connection, dataset: Dataset) -> dict[date, int]:
    """The dataset's dirty days in order, each with its generation."""
    query = (
        select(dirty_days.c.bucket_date, dirty_days.c.generation)
        .where(dirty_days.c.dataset == dataset.value)
        .order_by(dirty_days.c.bucket_date)
    )
    return {row.bucket_date: row.generation for row in connection.execute(query)}


def claim(connection: Connection, dataset: Dataset, days: Collection[date]) -> dict[date, int]:
    """The dirty ones of these days, each with its generation: what a refresh that begins will see.

    Commit before reading what the days are computed from.
    """
    sink_of(connection).serialize()
    found = dirty(connection, dataset)
    claimed = {day: generation for day, generation in found.items() if day in days}
    if claimed:
        connection.execute(_CLAIM, _of_days(dataset, claimed))
    return claimed


def clear(connection: Connection, dataset: Dataset, seen: Mapping[date, int]) -> None:
    """Take the days off the list that still have the generation in `seen`; keep the others."""
    if seen:
        connection.execute(_CLEAR, _of_days(dataset, seen))


def _of_days(dataset: Dataset, generations: Mapping[date, int]) -> list[dict[str, object]]:
    return [
        {"of_dataset": dataset.value, "of_day": day, "seen": generation}
        for day, generation in sorted(generations.items())
    ]


_STANDING = """
SELECT dataset, CAST(bucket_date AS TEXT)
FROM dirty_days
WHERE generation > seen_generation AND CAST(bucket_date AS TEXT) IN {keys}
"""
# Also where the clock ran back, a generation never comes twice.
_MARK = """
INSERT INTO dirty_days (dataset, bucket_date, generation, marked_at, run_id, seen_generation)
VALUES (?, ?, ?, ?, ?, 0)
ON CONFLICT (dataset, bucket_date) DO UPDATE SET
    generation = CASE
        WHEN excluded.generation > dirty_days.generation THEN excluded.generation
        ELSE dirty_days.generation + 1
    END,
    marked_at = excluded.marked_at,
    run_id = excluded.run_id
"""
_THE_DAY = (
    dirty_days.c.dataset == bindparam("of_dataset"),
    dirty_days.c.bucket_date == bindparam("of_day"),
)
_CLAIM = update(dirty_days).where(*_THE_DAY).values(seen_generation=bindparam("seen"))
_CLEAR = delete(dirty_days).where(*_THE_DAY, dirty_days.c.generation == bindparam("seen"))
