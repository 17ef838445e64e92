"""The performance report: windows, ranges of one's own, the rank rule, what is measured when."""

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.errors import UsageError
from helicarrier.ledger.enums import SessionStatus
from helicarrier.store.query import open_query
from helicarrier.usage.model import Dimension
from helicarrier.usage.performance_report import (
    PerformanceReport,
    nearest_rank,
    performance_report,
)
from helicarrier.usage.repository import SqlPerformanceRepository
from tests.ledger.stores import Ledger
from tests.usage.conftest import DAY, Usage, instant

NEXT = DAY + timedelta(days=1)


def performance_of(  # noqa: D103 - the report on what the store holds now
    url: str,
    *,
    by: Dimension = Dimension.MODEL,
    window: int = 30,
    first: date | None = None,
    last: date | None = None,
) -> PerformanceReport:
    with open_query(url) as query:
        return performance_report(
            SqlPerformanceRepository(query), by=by, window=window, first=first, last=last
        )


@given(st.lists(st.integers(), min_size=1, max_size=60), st.integers(1, 100))
def test_nearest_rank_is_a_value_at_its_place(values: list[int], hundredths: int) -> None:
    """Of n values in order the one at place ceiling(n times the share), counted from 1."""
    ordered = sorted(values)
    place = math.ceil(len(ordered) * hundredths / 100 - 1e-9)
    assert nearest_rank(ordered, hundredths) == ordered[place - 1]


def test_nearest_rank_of_nothing_is_none() -> None:
    """Without values there is no median."""
    assert nearest_rank([], 50) is None


def test_window_ends_with_the_last_session(sqlite_usage: Usage) -> None:
    """Without any option the report covers the 30 days up to the last session."""
    sqlite_usage.session("a", sqlite_usage.call())
    report = performance_of(sqlite_usage.ledger.url)
    assert (report.first, report.last) == (DAY - timedelta(days=29), DAY)


def test_window_leaves_older_sessions_out(sqlite_usage: Usage) -> None:
    """Of two sessions a week apart, seven days hold the later one."""
    sqlite_usage.session("a", sqlite_usage.call())
    sqlite_usage.session("b", sqlite_usage.call(), at=instant(DAY - timedelta(days=7)))
    (row,) = performance_of(sqlite_usage.ledger.url, window=7).rows
    assert row.runs_total == 1


def test_range_of_any_length_is_measured_from_the_sessions(sqlite_usage: Usage) -> None:
    """No window has eight days, so they are measured now, and the report says so."""
    sqlite_usage.session("a", sqlite_usage.call())
    sqlite_usage.session("b", sqlite_usage.call(), at=instant(DAY - timedelta(days=7)))
    sqlite_usage.refresh([DAY - timedelta(days=7), DAY])
    report = performance_of(sqlite_usage.ledger.url, first=DAY - timedelta(days=7))
    assert report.live
    assert [row.runs_total for row in report.rows] == [2]


def test_current_window_is_served_as_it_was_measured(sqlite_usage: Usage) -> None:
    """What nothing came into since is not measured again."""
    sqlite_usage.session("a", sqlite_usage.call())
    sqlite_usage.refresh([DAY])
    with sqlite_usage.ledger.store.write() as connection:
        connection.exec_driver_sql("UPDATE model_perf_agg SET p95_runtime_ms = 4711")
    report = performance_of(sqlite_usage.ledger.url)
    assert not report.live
    assert [row.p95_runtime_ms for row in report.rows] == [4711]


def test_window_with_a_new_session_is_never_answered_from_before(sqlite_usage: Usage) -> None:
    """After a session came the answer has it in, before any refresh."""
    sqlite_usage.session("a", sqlite_usage.call())
    sqlite_usage.refresh([DAY])
    sqlite_usage.session("b", sqlite_usage.call(), status=SessionStatus.FAILED)
    report = performance_of(sqlite_usage.ledger.url)
    (row,) = report.rows
    assert report.live
    assert (row.runs_total, row.failure_count, row.success_rate) == (2, 1, 0.5)


def test_days_come_from_windows_and_sessions_without_gap_or_repeat(sqlite_usage: Usage) -> None:
    """A measured day between two that are not counts once, and so do they."""
    days = [DAY + timedelta(days=n) for n in range(3)]
    for n, day in enumerate(days):
        sqlite_usage.session(f"s{n}", sqlite_usage.call(at=instant(day)), at=instant(day))
    sqlite_usage.refresh([days[1]])
    report = performance_of(sqlite_usage.ledger.url, by=Dimension.DAY, window=7)
    assert report.live
    assert [(row.key, row.runs_total) for row in report.rows] == [
        ((day.isoformat(),), 1) for day in days
    ]


def test_measured_days_need_no_look_at_the_sessions(sqlite_usage: Usage) -> None:
    """Where every day of the range is current the answer is not a live one."""
    sqlite_usage.session("a", sqlite_usage.call())
    sqlite_usage.refresh([DAY])
    report = performance_of(sqlite_usage.ledger.url, by=Dimension.DAY, window=1)
    assert not report.live
    assert [row.key for row in report.rows] == [(DAY.isoformat(),)]


def test_agents_are_told_apart(sqlite_usage: Usage) -> None:
    """By agent each agent has its own row for a model."""
    sqlite_usage.session("a", sqlite_usage.call(), agent="scout")
    sqlite_usage.session("b", sqlite_usage.call(), agent="clerk")
    report = performance_of(sqlite_usage.ledger.url, by=Dimension.AGENT)
    assert [(row.key, row.model_id) for row in report.rows] == [
        (("clerk",), "rocket"),
        (("scout",), "rocket"),
    ]


def test_running_session_is_no_success_and_no_failure(sqlite_usage: Usage) -> None:
    """While none has ended there is no rate."""
    sqlite_usage.session("a", status=SessionStatus.RUNNING, runtime_ms=None)
    (row,) = performance_of(sqlite_usage.ledger.url).rows
    assert (row.runs_total, row.success_rate, row.median_runtime_ms) == (1, None, None)


def test_wire_form_of_one_session(sqlite_usage: Usage) -> None:
    """The names and the form of the JSON are fixed."""
    sqlite_usage.session("a", sqlite_usage.call())
    assert performance_of(sqlite_usage.ledger.url, window=1, by=Dimension.DAY).as_json() == {
        "from": "2026-10-05",
        "to": "2026-10-05",
        "by": "day",
        "live": True,
        "rows": [
            {
                "date": "2026-10-05",
                "modelId": "rocket",
                "runsTotal": 1,
                "successCount": 1,
                "failureCount": 0,
                "killedCount": 0,
                "cancelledCount": 0,
                "successRate": 1.0,
                "medianRuntimeMs": 60_000,
                "p95RuntimeMs": 60_000,
                "medianCostUsd": "0.250000000",
                "sampleWarning": True,
            }
        ],
    }


def test_empty_ledger_has_no_window(sqlite_ledger: Ledger) -> None:
    """Without sessions there is no last day to end with."""
    report = performance_of(sqlite_ledger.url)
    assert (report.first, report.last, report.rows) == (None, None, ())


def test_range_that_runs_backwards_is_refused(sqlite_ledger: Ledger) -> None:
    """It is a mistake of the call and not an empty answer."""
    with pytest.raises(UsageError, match="the range is empty"):
        performance_of(sqlite_ledger.url, first=NEXT, last=DAY)
