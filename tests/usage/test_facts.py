"""Extraction: every row of the ledger on its UTC day, in the declared schema, on both engines."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.governance.arrow import arrow_schema
from helicarrier.ledger.enums import Dataset
from helicarrier.times import days
from helicarrier.usage.facts import SOURCES, partitions, ranges
from tests.usage.conftest import DAY, Usage, instant

NEXT = DAY + timedelta(days=1)


def extracted(usage: Usage, dataset: Dataset, *wanted: date) -> dict[date, pa.Table]:
    """The partitions of these days."""
    with usage.ledger.store.read() as connection:
        return dict(partitions(connection, dataset, wanted))


def test_a_call_becomes_one_fact_with_what_its_session_says(usage: Usage) -> None:
    """Agent and category are the session's, all else is the call's."""
    usage.session("s", usage.call(), agent="scout", category="triage")
    (fact,) = extracted(usage, Dataset.USAGE_FACTS, DAY)[DAY].to_pylist()
    assert fact == {
        "usage_id": "call-000001",
        "session_id": "s",
        "occurred_at": datetime(2026, 10, 5, 12, tzinfo=UTC),
        "agent_id": "scout",
        "task_category": "triage",
        "provider": "acme",
        "model_id": "rocket",
        "prompt_tokens": 100,
        "cache_read_tokens": 20,
        "cache_write_5m_tokens": 3,
        "cache_write_1h_tokens": 4,
        "completion_tokens": 50,
        "reasoning_tokens": 5,
        "total_tokens": 177,
        "runtime_ms": None,
        "cost_usd": Decimal("0.25"),
        "pricing_version": "provider_native",
        "cost_source": "provider_reported",
        "cost_confidence": "high",
        "token_source": "provider_reported",
        "token_confidence": "high",
        "runtime_source": "missing",
        "runtime_confidence": "unknown",
    }


def test_an_unknown_cost_stays_null(usage: Usage) -> None:
    """Neither the cost nor its price list becomes zero or empty."""
    usage.session("s", usage.call(cost=None, provider="nobody", model="unheard-of"))
    (fact,) = extracted(usage, Dataset.USAGE_FACTS, DAY)[DAY].to_pylist()
    assert (fact["cost_usd"], fact["pricing_version"]) == (None, None)


def test_a_session_stands_on_the_day_it_started_with_all_its_calls(usage: Usage) -> None:
    """The cost of a session that runs past midnight is not split."""
    usage.session(
        "s",
        usage.call(at=instant(DAY, 23.9), cost="0.1"),
        usage.call(at=instant(NEXT, 0.1), cost="0.2"),
        at=instant(DAY, 23.5),
    )
    facts = extracted(usage, Dataset.SESSION_FACTS, DAY, NEXT)
    (fact,) = facts[DAY].to_pylist()
    assert (fact["calls_total"], fact["cost_usd"]) == (2, Decimal("0.3"))
    assert (fact["runtime_ms"], fact["status"]) == (60_000, "success")
    assert facts[NEXT].num_rows == 0


def test_a_session_with_one_unknown_cost_has_an_unknown_cost(usage: Usage) -> None:
    """A part of a cost is not the cost."""
    usage.session("s", usage.call(), usage.call(cost=None, provider="nobody", model="unheard-of"))
    (fact,) = extracted(usage, Dataset.SESSION_FACTS, DAY)[DAY].to_pylist()
    assert (fact["calls_total"], fact["cost_unknown_calls"], fact["cost_usd"]) == (2, 1, None)


def test_a_session_without_calls_is_a_fact_of_unknown_cost(usage: Usage) -> None:
    """It counts as a run; what it cost nobody knows."""
    usage.session("s")
    (fact,) = extracted(usage, Dataset.SESSION_FACTS, DAY)[DAY].to_pylist()
    assert (fact["calls_total"], fact["cost_unknown_calls"], fact["cost_usd"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-10-05T00:00:00.000000Z", DAY),
        ("2026-10-05T23:59:59.999999Z", DAY),
        ("2026-10-06T00:00:00.000000Z", NEXT),
    ],
)
def test_midnight_utc_begins_a_day(usage: Usage, at: str, day: date) -> None:
    """The first instant is inside, the last microsecond too."""
    usage.session("s", usage.call(at=at), at=at)
    for dataset in SOURCES:
        counts = {
            found: table.num_rows for found, table in extracted(usage, dataset, DAY, NEXT).items()
        }
        assert counts == {DAY: 0, NEXT: 0} | {day: 1}


def test_every_asked_day_comes_in_order_with_its_rows_alone(usage: Usage) -> None:
    """A range is one scan, cut at midnight; empty days come empty, others are left out."""
    busy = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=4), DAY + timedelta(days=9)]
    for place, day in enumerate(busy):
        calls = [usage.call(at=instant(day, hour)) for hour in range(place + 1)]
        usage.session(f"s{place}", *calls, at=instant(day, 0))
    asked = [*days(DAY, DAY + timedelta(days=5)), DAY + timedelta(days=9)]
    found = extracted(usage, Dataset.USAGE_FACTS, *reversed(asked))
    assert list(found) == asked
    assert [table.num_rows for table in found.values()] == [1, 2, 0, 0, 3, 0, 4]


def test_an_empty_day_has_the_declared_schema(usage: Usage) -> None:
    """Columns have their types before there is a first row."""
    for dataset, source in SOURCES.items():
        table = extracted(usage, dataset, DAY)[DAY]
        assert (table.num_rows, table.schema) == (0, arrow_schema(source.contract))


def test_rows_come_in_the_order_of_time(usage: Usage) -> None:
    """Whatever the order in which they were written."""
    hours = [5, 1, 9, 3]
    usage.session("s", *(usage.call(at=instant(DAY, hour)) for hour in hours))
    table = extracted(usage, Dataset.USAGE_FACTS, DAY)[DAY]
    assert [at.hour for at in table.column("occurred_at").to_pylist()] == sorted(hours)


@pytest.mark.parametrize("name", ['a,"b"', "two\nlines", "''", "%s %d", "ünï ✓", "a\\n", " "])
def test_names_are_text_and_never_syntax(usage: Usage, name: str) -> None:
    """What an agent calls itself or its model cannot break a line or a format."""
    usage.session("s", usage.call(model=name), agent=name, category=name)
    (fact,) = extracted(usage, Dataset.USAGE_FACTS, DAY)[DAY].to_pylist()
    assert (fact["agent_id"], fact["task_category"], fact["model_id"]) == (name, name, name)


def test_the_two_engines_extract_the_same(sqlite_usage: Usage, usage: Usage) -> None:
    """One ledger, two databases, equal tables."""
    tables = []
    for side in (sqlite_usage, usage):
        side.made = 0
        side.session("a", *(side.call(at=instant(DAY, n), cost=f"0.{n}1") for n in range(1, 9)))
        side.session("b", side.call(cost=None, provider="nobody"), runtime_ms=None)
        tables.append({dataset: extracted(side, dataset, DAY)[DAY] for dataset in SOURCES})
    for dataset in SOURCES:
        assert sorted(tables[0][dataset].to_pylist(), key=repr) == sorted(
            tables[1][dataset].to_pylist(), key=repr
        )


def test_neighbouring_days_make_one_range() -> None:
    """Order and repeats do not matter."""
    given_days = [DAY, DAY + timedelta(days=5), DAY + timedelta(days=1), DAY]
    assert ranges(given_days) == [
        (DAY, DAY + timedelta(days=1)),
        (DAY + timedelta(days=5), DAY + timedelta(days=5)),
    ]


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 2, 28))))
def test_ranges_hold_the_days_they_were_made_of(asked: set[date]) -> None:
    """No day is lost, none is added, and two ranges never touch."""
    found = ranges(asked)
    assert [day for first, last in found for day in days(first, last)] == sorted(asked)
    gaps = [after[0] - before[1] for before, after in pairwise(found)]
    assert all(gap > timedelta(days=1) for gap in gaps)
