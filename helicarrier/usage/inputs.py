"""Inputs: the days whose facts cannot be trusted, because they are out of date or lost.

A day of facts is good when it is not marked dirty and, unless the ledger has nothing on it, its
partition is there. The second matters when somebody emptied the lake: an absent file must not pass
for a day on which nothing happened.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.store.lake import Lake
from helicarrier.usage.columnar import midnight
from helicarrier.usage.facts import SOURCES, FactSource, ranges


def untrusted(
    connection: Connection, lake: Lake, dataset: Dataset, days: Iterable[date]
) -> set[date]:
    """Those of the days whose facts are dirty or missing."""
    asked = set(days)
    marked = asked & dirty.dirty(connection, dataset).keys()
    absent = {day for day in asked - marked if not lake.exists(dataset.value, day)}
    return marked | {
        day
        for first, last in ranges(absent)
        for day in days_with_rows(connection, SOURCES[dataset], first, last)
    }


def days_with_rows(
    connection: Connection, source: FactSource, first: date, last: date
) -> list[date]:
    """The days from first to last on which the ledger has rows, by one index look-up each."""
    instant = source.table.c[source.instant]
    found: list[date] = []
    day, after = first, midnight(last + timedelta(days=1))
    while day <= last:
        earliest = connection.execute(
            select(func.min(instant)).where(instant >= midnight(day), instant < after)
        ).scalar()
        if earliest is None:
            break
        day = earliest.date()
        found.append(day)
        day += timedelta(days=1)
    return found
