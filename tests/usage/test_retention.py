"""Retention drops what is old and nothing else, and no report changes, on both engines."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from helicarrier.ledger.enums import EventType
from helicarrier.ledger.model import Batch, Event, Winner
from helicarrier.ledger.tables import session_events, session_ledger, session_usage
from helicarrier.store.query import open_query
from helicarrier.usage.parity import parity
from helicarrier.usage.performance_report import performance_report
from helicarrier.usage.report import usage_report
from helicarrier.usage.repository import SqlPerformanceRepository, SqlUsageRepository
from helicarrier.usage.retention import Retained, Terms, kept_from, plan, retain
from helicarrier.usage.retention_report import up_to
from helicarrier.usage.span import Span
from helicarrier.usage.tables import (
    RetentionSubject,
    daily_provenance_agg,
    daily_subtotals_agg,
    daily_usage_agg,
    model_perf_agg,
    retention_marks,
)
from tests.usage.conftest import DAY, NOW, Kept, Usage, computing, instant

EVENTS, AGGREGATES = RetentionSubject.SESSION_EVENTS, RetentionSubject.AGGREGATES
DAYS = [DAY + timedelta(days=n) for n in range(3)]
KEPT = {EVENTS: DAYS[2], AGGREGATES: DAYS[1]}


@pytest.fixture(scope="module")
def computed(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A session on each of three days, all computed; the first goes on for all of them."""
    events = [
        Event(f"s0/{n}", "s0", n, n, EventType.MESSAGE, instant(day), "{}")
        for n, day in enumerate(DAYS)
    ]
    with computing(migrated_sqlite, tmp_path_factory.mktemp("computed")) as usage:
        for n, day in enumerate(DAYS):
            usage.session(f"s{n}", usage.call(at=instant(day)), at=instant(day, 11))
        usage.ledger.write(Batch(source_uri="test:", winner=Winner.FIRST, events=events))
        usage.refresh([DAY + timedelta(days=n) for n in range((NOW.date() - DAY).days + 1)])
        return Kept.of(usage)


@pytest.fixture
def three_days(usage: Usage, computed: Kept) -> Usage:
    """The computed days, on each engine."""
    return computed.into(usage)


def drop(usage: Usage, kept: dict[RetentionSubject, date] = KEPT) -> Retained:
    """Retention as of NOW."""
    return retain(usage.ledger.store, kept, run_id="retention", now=NOW)


def days_of(usage: Usage, table: object, column: object) -> list[str]:
    """The days that have rows."""
    with usage.ledger.store.read() as connection:
        found = connection.execute(select(column).select_from(table).distinct())  # type: ignore[call-overload]
        return sorted({str(day)[:10] for (day,) in found})


def reports(usage: Usage) -> list[dict[str, object]]:
    """What the reports of all three days say, without what tells of dirty days."""
    span = Span(first=DAYS[0], last=DAYS[-1])
    with open_query(usage.ledger.url) as query:
        found = [
            usage_report(SqlUsageRepository(query), first=span.first, last=span.last).as_json(),
            performance_report(
                SqlPerformanceRepository(query), first=span.first, last=span.last
            ).as_json(),
        ]
    for report in found:
        report.pop("live", None)
    return found


def test_old_events_and_aggregates_go_and_the_ledger_stays(three_days: Usage) -> None:
    """Events one by one, by their own day; sessions and calls never."""
    done = drop(three_days)
    assert done.rows["session_events"] == 2
    first, *rest = [str(day) for day in DAYS]
    assert days_of(three_days, session_events, session_events.c.event_ts) == [str(DAYS[2])]
    for table in (daily_usage_agg, daily_provenance_agg, daily_subtotals_agg):
        assert days_of(three_days, table, table.c.bucket_date) == rest
    assert first not in days_of(three_days, model_perf_agg, model_perf_agg.c.window_end)
    for table, column in ((session_usage, "occurred_at"), (session_ledger, "started_at")):
        assert days_of(three_days, table, table.c[column]) == [first, *rest]


def test_the_plan_says_what_then_goes_and_drops_nothing(three_days: Usage) -> None:
    """A dry run and the retention after it count the same rows."""
    planned = plan(three_days.ledger.store, KEPT)
    assert planned.rows["daily_usage_agg"] == 1
    assert drop(three_days) == planned
    assert set(drop(three_days).rows.values()) == {0}


def test_reports_say_the_same_afterwards(three_days: Usage) -> None:
    """Days whose aggregates are gone are read from the ledger, not taken for quiet ones."""
    before = reports(three_days)
    drop(three_days)
    assert reports(three_days) == before
    with open_query(three_days.ledger.url) as query:
        assert SqlUsageRepository(query).dirty_days(Span(first=DAYS[0], last=DAYS[2])) == 0


def test_an_old_day_that_is_computed_again_counts_once(three_days: Usage) -> None:
    """Until the next retention its rows stand in the aggregates, and are not read."""
    before = reports(three_days)
    drop(three_days)
    three_days.refresh([DAYS[0]])
    assert reports(three_days) == before


def test_parity_holds_above_the_mark(three_days: Usage) -> None:
    """And says nothing about the days below."""
    drop(three_days)
    store = three_days.ledger.store
    with store.read() as connection:
        first = kept_from(connection, AGGREGATES)
    assert first == DAYS[1]
    below, above = (
        parity(store, three_days.lake, DAYS),
        parity(store, three_days.lake, DAYS[1:], first_day=first),
    )
    assert {breach.day for breach in below} == {DAYS[0]}
    assert above == []


def test_the_mark_never_moves_back(three_days: Usage) -> None:
    """Longer terms do not bring rows back."""
    drop(three_days)
    drop(three_days, {AGGREGATES: DAYS[0]})
    with three_days.ledger.store.read() as connection:
        assert kept_from(connection, AGGREGATES) == DAYS[1]
        assert connection.execute(select(func.count()).select_from(retention_marks)).scalar() == 2


def test_terms_are_days_before_today() -> None:
    """Without a term nothing goes; a partition of an earlier day keeps more."""
    terms = Terms(events_days=90, aggregates_days=None).kept_from(date(2026, 11, 1))
    assert terms == {EVENTS: date(2026, 8, 3)}
    assert up_to(terms, date(2026, 10, 31)) == terms
    assert up_to(terms, date(2026, 7, 1)) == {EVENTS: date(2026, 7, 2)}
