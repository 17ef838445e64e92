"""Partitions: which days have one, and how dirty days become few runs."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from assets.partitions import DAILY, FIRST_DAY, TRAILING, in_range, range_tags, span_name, spans

DAY = date(2026, 10, 5)


def days(*offsets: int) -> list[date]:
    """Days counted from DAY."""
    return [DAY + timedelta(days=n) for n in offsets]


def test_today_has_a_partition_and_tomorrow_has_none() -> None:
    """The day that has begun can be refreshed while it grows."""
    today = datetime.now(tz=UTC).date()
    assert DAILY.get_last_partition_key() == today.isoformat()
    assert DAILY.get_first_partition_key() == FIRST_DAY.isoformat()


def test_a_window_reads_thirty_days() -> None:
    """The partition of a day depends on that day and the 29 before it."""
    upstream = TRAILING.get_upstream_mapped_partitions_result_for_partitions(
        DAILY.empty_subset().with_partition_keys([DAY.isoformat()]), DAILY, DAILY
    ).partitions_subset
    assert sorted(upstream.get_partition_keys()) == [
        day.isoformat() for day in days(*range(-29, 1))
    ]


def test_the_first_windows_read_the_days_there_are() -> None:
    """Before the first partition lies nothing that a window could wait for."""
    result = TRAILING.get_upstream_mapped_partitions_result_for_partitions(
        DAILY.empty_subset().with_partition_keys([FIRST_DAY.isoformat()]), DAILY, DAILY
    )
    assert list(result.partitions_subset.get_partition_keys()) == [FIRST_DAY.isoformat()]
    assert not result.required_but_nonexistent_subset


def test_days_outside_of_the_partitions_are_left_out() -> None:
    """Neither a day before the first partition nor one that has not come is refreshed."""
    now = datetime(2026, 10, 5, 23, 59, tzinfo=UTC)
    wanted = [FIRST_DAY - timedelta(days=1), FIRST_DAY, *days(0, 1)]
    assert in_range(wanted, now) == [FIRST_DAY, DAY]


def test_near_days_become_one_run() -> None:
    """Up to a week apart, the clean days between cost less than another run."""
    assert spans(days(8, 0, 1)) == [(DAY, DAY + timedelta(days=8))]


def test_far_days_become_runs_of_their_own() -> None:
    """More than six clean days between are not computed again."""
    assert spans(days(0, 8)) == [(DAY, DAY), (DAY + timedelta(days=8),) * 2]


def test_no_days_make_no_runs() -> None:
    """Nothing dirty, nothing to do."""
    assert spans([]) == []


def test_a_span_names_its_ends() -> None:
    """The run store files a range under its first and last day, a day under itself."""
    assert (span_name(days(0)), span_name(days(0, 1))) == ("2026-10-05", "2026-10-05..2026-10-06")


def test_range_tags_are_those_of_dagster() -> None:
    """The tags make a run of the range, which Dagster itself then reports as partitioned."""
    tags = range_tags(*days(0, 3))
    request = dg.RunRequest(tags=tags)
    assert request.partition_key_range == dg.PartitionKeyRange("2026-10-05", "2026-10-08")
