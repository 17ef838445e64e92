"""Partitions: one for each UTC day from the configured first day to today.

Today is a partition, too, since the sensor of dirty days refreshes it while it grows; whoever wants
a day that is over names it. Rows of days outside stay in the ledger, are reported as out of range,
and no partition is asked to agree with them.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from helicarrier import settings, times
from helicarrier.ledger.dirty import TRAILING_DAYS

FIRST_DAY = settings.load().partitions_start
"""The first day that has a partition."""

DAILY = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), end_offset=1, timezone="UTC")

TRAILING = dg.TimeWindowPartitionMapping(
    start_offset=1 - TRAILING_DAYS, allow_nonexistent_upstream_partitions=True
)
"""A day and the days before it that the longest trailing window reads."""

BRIDGED_DAYS = 6
"""Clean days between two dirty ones that are refreshed with them: a run costs more than they do."""

_Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


def requested_days(context: _Context) -> list[date]:
    """The days that a run is asked for, in order; empty for a run without partitions."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return []
    asked = context.partition_key_range
    return times.days(date.fromisoformat(asked.start), date.fromisoformat(asked.end))


def span_name(days: list[date]) -> str:
    """A day, or `first..last`: the partition of a run in the run store."""
    return days[0].isoformat() if len(days) == 1 else f"{days[0]}..{days[-1]}"


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of a run that does a range of days at once, both days included."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
    }


def in_range(days: Iterable[date], now: datetime) -> list[date]:
    """Those of the days that have a partition, in order."""
    today = now.astimezone(UTC).date()
    return sorted(day for day in set(days) if FIRST_DAY <= day <= today)


def spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days -> ranges, first and last day included, that cover them with few runs."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found and (day - found[-1][1]).days <= BRIDGED_DAYS + 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
