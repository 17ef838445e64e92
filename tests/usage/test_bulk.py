"""Bulk replacement: what Arrow held is what the database gives back, on both engines."""

import sqlite3
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest
from sqlalchemy import select

from helicarrier.governance.arrow import arrow_schema
from helicarrier.usage.aggregates import MODEL_PERFORMANCE
from helicarrier.usage.bulk import replace_days, rows_between
from helicarrier.usage.tables import model_perf_agg
from tests.usage.conftest import DAY, NOW, Usage

AFTER = DAY + timedelta(days=1)

Row = dict[str, object]


def row(model: str, day: date = DAY, **values: object) -> Row:
    """A row of the one-day window."""
    return {
        "window_start": day,
        "window_end": day,
        "agent_id": "*",
        "task_category": "*",
        "model_id": model,
        "runs_total": 3,
        "success_count": 1,
        "failure_count": 1,
        "killed_count": 0,
        "cancelled_count": 0,
        "success_rate": 1 / 3,
        "median_runtime_ms": 2**53 + 1,
        "p95_runtime_ms": 0,
        "median_cost_usd": Decimal("9223372036.854775807"),
        "sample_warning": 1,
        "updated_at": NOW,
        "run_id": "run",
    } | values


def replace(usage: Usage, rows: list[Row], *days: date) -> None:
    """Replace days in a transaction of its own."""
    table = pa.Table.from_pylist(rows, schema=arrow_schema(MODEL_PERFORMANCE.contract))
    with usage.ledger.store.write() as connection:
        replace_days(connection, MODEL_PERFORMANCE, days, table)


def stored(usage: Usage) -> list[Row]:
    """All rows in the order of day and model."""
    table = model_perf_agg
    query = select(table).order_by(table.c.window_end, table.c.model_id)
    with usage.ledger.store.read() as connection:
        return [dict(found._mapping) for found in connection.execute(query)]


def test_every_value_comes_back_as_it_was(usage: Usage) -> None:
    """Large integers, exact money, a fraction, a day, an instant."""
    replace(usage, [row("rocket")], DAY)
    assert stored(usage) == [row("rocket")]


def test_null_comes_back_as_null(usage: Usage) -> None:
    """In every column that may hold it."""
    nothing = dict.fromkeys(
        ("success_rate", "median_runtime_ms", "p95_runtime_ms", "median_cost_usd")
    )
    replace(usage, [row("rocket", **nothing)], DAY)
    assert stored(usage) == [row("rocket", **nothing)]


@pytest.mark.parametrize(
    "model", ["", "NULL", 'a"b', "a,b", "a'b", "two\nlines", "\\N", "ünï", "?1"]
)
def test_text_comes_back_as_it_was(usage: Usage, model: str) -> None:
    """Neither a CSV stream nor a statement takes a name for syntax."""
    replace(usage, [row(model)], DAY)
    assert [found["model_id"] for found in stored(usage)] == [model]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_all_rows_are_written_however_many(usage: Usage, count: int) -> None:
    """Full statements and the rest behind them."""
    rows = [row(f"model-{n:03d}", runs_total=n + 3) for n in range(count)]
    replace(usage, rows, DAY)
    assert stored(usage) == rows


def test_replaced_days_lose_their_rows_and_others_keep_them(usage: Usage) -> None:
    """Also where a replaced day has no new rows."""
    first, second, third = DAY, AFTER, AFTER + timedelta(days=1)
    replace(usage, [row("old", day) for day in (first, second, third)], first, second, third)
    replace(usage, [row("new", first)], first, second)
    kept = [(found["window_end"], found["model_id"]) for found in stored(usage)]
    assert kept == [(first, "new"), (third, "old")]


@pytest.mark.parametrize("wrong", [{"runs_total": -1}, {"success_count": 4}])
def test_a_refused_row_leaves_the_old_ones(usage: Usage, wrong: Row) -> None:
    """The database's own CHECKs stand behind the contract's, and the transaction is whole."""
    replace(usage, [row("old")], DAY)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.CheckViolation)):
        replace(usage, [row("new"), row("wrong", **wrong)], DAY)
    assert stored(usage) == [row("old")]


def test_rows_between_days_are_cut_out_by_their_order() -> None:
    """First and last day are included."""
    days = [DAY + timedelta(days=n) for n in (0, 0, 1, 3, 3, 4)]
    table = pa.Table.from_pylist(
        [row(f"m{n}", day) for n, day in enumerate(days)],
        schema=arrow_schema(MODEL_PERFORMANCE.contract),
    )
    cut = rows_between(table, MODEL_PERFORMANCE, DAY + timedelta(days=1), DAY + timedelta(days=3))
    assert cut.column("model_id").to_pylist() == ["m2", "m3", "m4"]
