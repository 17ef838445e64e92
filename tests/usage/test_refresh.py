"""Refresh: what is clean is right, whatever comes in between, on both engines."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pytest
from sqlalchemy import Table, select

from helicarrier.errors import ErrorCode, VerificationFailed
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.tables import dirty_days
from helicarrier.times import days
from helicarrier.usage import aggregates, refresh
from helicarrier.usage.refresh import Refresher
from helicarrier.usage.tables import (
    daily_provenance_agg,
    daily_subtotals_agg,
    daily_usage_agg,
    model_perf_agg,
)
from tests.usage.conftest import DAY, NOW, Usage, instant

NEXT = DAY + timedelta(days=1)
REACHED = days(DAY, NOW.date())
AGGREGATES = (daily_usage_agg, daily_provenance_agg, daily_subtotals_agg, model_perf_agg)


def stored(usage: Usage, table: Table, *, stamps: bool = False) -> list[dict[str, object]]:
    """The rows of a table, by default without what differs from run to run."""
    with usage.ledger.store.read() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key.columns))
        left_out = set() if stamps else {"updated_at", "run_id"}
        return [
            {name: value for name, value in row._mapping.items() if name not in left_out}
            for row in found
        ]


def everything(usage: Usage) -> dict[str, list[dict[str, object]]]:
    """All rows of all aggregates."""
    return {table.name: stored(usage, table) for table in AGGREGATES}


def dirty_datasets(usage: Usage, day: date) -> set[Dataset]:
    """Datasets that are out of date on a day."""
    return {dataset for dataset in Dataset if day in usage.refresher.dirty(dataset)}


def busy_fortnight(usage: Usage) -> list[date]:
    """Sessions on some of fourteen days, some of them past midnight; all those days."""
    fortnight = days(DAY, DAY + timedelta(days=13))
    for place, day in enumerate(fortnight):
        if place % 4 == 3:
            continue
        usage.session(
            f"s{place}",
            usage.call(at=instant(day, 22), cost=f"0.{place}5"),
            usage.call(at=instant(day + timedelta(days=1), 1), cost=None, provider="nobody"),
            at=instant(day, 21),
            runtime_ms=1000 * place,
            agent=f"agent-{place % 2}",
        )
    return [*fortnight, fortnight[-1] + timedelta(days=1)]


def test_a_refreshed_day_is_clean_and_right(usage: Usage) -> None:
    """From the ledger through the lake to the rows that the reports read."""
    usage.session("s", usage.call(cost="0.1"), usage.call(cost="0.2"))
    usage.refresh(REACHED)
    (row,) = stored(usage, daily_usage_agg)
    assert row["bucket_date"] == DAY
    assert (row["runs_total"], row["calls_total"]) == (1, 2)
    assert (row["cost_usd_total"], row["total_tokens_total"]) == (Decimal("0.3"), 354)
    assert usage.ledger.rows(dirty_days) == []


def test_rows_say_when_and_by_which_run_they_were_made(usage: Usage) -> None:
    """The stamps are the refresher's clock and the run's id."""
    usage.session("s", usage.call())
    usage.refresh(REACHED)
    for table in AGGREGATES:
        rows = stored(usage, table, stamps=True)
        assert rows
        assert {(row["updated_at"], row["run_id"]) for row in rows} == {(NOW, "run")}


def test_counts_are_told_by_table_and_day(usage: Usage) -> None:
    """A day without rows is told, too: it was looked at."""
    usage.session("s", usage.call())
    facts = usage.refresher.refresh_facts([DAY, NEXT], "run")
    daily = usage.refresher.refresh_daily([DAY, NEXT], "run")
    performance = usage.refresher.refresh_performance([DAY], "run")
    assert facts.rows == {
        "usage_facts": {DAY: 1, NEXT: 0},
        "session_facts": {DAY: 1, NEXT: 0},
    }
    assert daily.rows == {
        "daily_usage_agg": {DAY: 1, NEXT: 0},
        "daily_provenance_agg": {DAY: 1, NEXT: 0},
        "daily_subtotals_agg": {DAY: 8, NEXT: 0},
    }
    assert performance.rows == {"model_perf_agg": {DAY: 12}}


def test_refreshing_again_changes_nothing(usage: Usage) -> None:
    """Days are replaced, never added to."""
    asked = busy_fortnight(usage)
    usage.refresh(asked)
    before = everything(usage)
    usage.refresh(asked)
    assert everything(usage) == before


def test_one_range_equals_single_days_in_any_order(usage: Usage) -> None:
    """How a backfill is cut makes no difference."""
    asked = busy_fortnight(usage)
    usage.refresh(asked)
    at_once = everything(usage)
    for step in ("refresh_facts", "refresh_daily", "refresh_performance"):
        for day in reversed(asked):
            getattr(usage.refresher, step)([day], "run")
    assert everything(usage) == at_once
    assert all(at_once.values())


def test_many_small_transactions_equal_a_large_one(
    usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the days of a statement nor the rows of a transaction show in the result."""
    asked = busy_fortnight(usage)
    usage.refresh(asked)
    at_once = everything(usage)
    monkeypatch.setattr(refresh, "_DAYS_AT_ONCE", 3)
    monkeypatch.setattr(refresh, "_ROWS_AT_ONCE", 2)
    for tables in ("DAILY", "PERFORMANCE"):
        short = tuple(replace(table, days_at_once=4) for table in getattr(refresh, tables))
        monkeypatch.setattr(refresh, tables, short)
    usage.refresh(asked)
    assert everything(usage) == at_once


def test_a_day_that_lost_its_rows_loses_its_aggregates(usage: Usage) -> None:
    """A session that moved to another day leaves nothing behind."""
    usage.session("s", usage.call())
    usage.refresh(REACHED)
    usage.ledger.wipe()
    usage.refresh(REACHED)
    assert everything(usage) == {table.name: [] for table in AGGREGATES}


def test_other_days_are_left_alone(usage: Usage) -> None:
    """A refresh replaces its days and nothing else."""
    asked = busy_fortnight(usage)
    usage.refresh(asked)
    before = everything(usage)
    usage.refresher.refresh_daily([asked[2]], "later")
    assert everything(usage) == before
    runs = {row["run_id"] for row in stored(usage, daily_usage_agg, stamps=True)}
    assert runs == {"run", "later"}


def test_each_step_clears_its_own_flags(usage: Usage) -> None:
    """Facts first, then what is made of them."""
    usage.session("s", usage.call())
    assert dirty_datasets(usage, DAY) == set(Dataset)
    usage.refresher.refresh_facts([DAY], "run")
    assert dirty_datasets(usage, DAY) == {Dataset.DAILY_USAGE_AGG, Dataset.MODEL_PERF_AGG}
    usage.refresher.refresh_daily([DAY], "run")
    assert dirty_datasets(usage, DAY) == {Dataset.MODEL_PERF_AGG}
    usage.refresher.refresh_performance([DAY], "run")
    assert dirty_datasets(usage, DAY) == set()


def test_a_write_during_a_refresh_keeps_the_day_dirty(
    sqlite_usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flag was raised after the refresh had read it."""
    usage = sqlite_usage
    usage.session("s", usage.call())
    usage.refresher.refresh_facts([DAY], "run")
    compute: Callable[..., pa.Table] = aggregates.compute

    def late(*args: object, **named: object) -> pa.Table:
        if args[0] is aggregates.DAILY_USAGE:
            usage.session("late", usage.call())
        return compute(*args, **named)

    monkeypatch.setattr(aggregates, "compute", late)
    usage.refresher.refresh_daily([DAY], "run")
    assert Dataset.DAILY_USAGE_AGG in dirty_datasets(usage, DAY)


@pytest.mark.parametrize("step", ["refresh_daily", "refresh_performance"])
def test_a_day_computed_from_dirty_facts_stays_dirty(usage: Usage, step: str) -> None:
    """And the result names the facts that were out of date."""
    usage.session("s", usage.call())
    result = getattr(usage.refresher, step)([DAY], "run")
    assert result.stale == {DAY: (DAY,)}
    assert {Dataset.DAILY_USAGE_AGG, Dataset.MODEL_PERF_AGG} <= dirty_datasets(usage, DAY)


def test_a_window_over_dirty_facts_becomes_dirty_when_it_was_not(usage: Usage) -> None:
    """A window end after the last mark is computed by the schedule, maybe too early."""
    usage.session("s", usage.call())
    tomorrow = NOW.date() + timedelta(days=1)
    assert tomorrow not in usage.refresher.dirty(Dataset.MODEL_PERF_AGG)
    result = usage.refresher.refresh_performance([tomorrow], "run")
    assert result.stale == {tomorrow: (DAY,)}
    assert tomorrow in usage.refresher.dirty(Dataset.MODEL_PERF_AGG)


def test_a_lost_partition_is_no_quiet_day(usage: Usage) -> None:
    """Who empties the lake gets dirty days, not clean zeros."""
    usage.session("s", usage.call())
    usage.refresh(REACHED)
    usage.lake.remove("usage_facts", DAY)
    result = usage.refresher.refresh_daily([DAY, NEXT], "run")
    assert result.stale == {DAY: (DAY,)}
    assert list(usage.refresher.dirty(Dataset.DAILY_USAGE_AGG)) == [DAY]


def test_days_before_the_partitions_make_nothing_stale(usage: Usage) -> None:
    """They have no facts by design, so a window that reaches them can still be clean."""
    usage.session("old", usage.call())
    first = DAY + timedelta(days=3)
    refresher = Refresher(usage.ledger.store, usage.lake, lambda: NOW, first_day=first)
    result = refresher.refresh_performance([first], "run")
    assert result.stale == {}
    assert first not in refresher.dirty(Dataset.MODEL_PERF_AGG)


@pytest.fixture
def broken_facts(usage: Usage) -> Iterator[Usage]:
    """A refreshed day whose partition was then replaced by one that lies about its tokens."""
    usage.session("s", usage.call())
    usage.refresh(REACHED)
    path = usage.lake.path("usage_facts", DAY)
    import pyarrow.parquet as pq

    table = pq.read_table(path, partitioning=None)
    place = table.schema.get_field_index("total_tokens")
    lie = table.set_column(place, table.schema.field(place), pa.array([1]))
    usage.lake.replace("usage_facts", DAY, lie)
    return usage


def test_rows_that_break_the_contract_are_not_committed(broken_facts: Usage) -> None:
    """The gate stands before COMMIT: what was there before is still there."""
    before = everything(broken_facts)
    with pytest.raises(VerificationFailed, match="total_is_sum") as raised:
        broken_facts.refresher.refresh_daily([DAY], "run")
    assert raised.value.code is ErrorCode.GOVERNANCE_BREACH
    assert everything(broken_facts) == before


def test_a_breach_leaves_the_day_dirty(broken_facts: Usage) -> None:
    """It has to be looked at again."""
    with broken_facts.ledger.store.write() as connection:
        dirty.mark_days(connection, [(Dataset.DAILY_USAGE_AGG, DAY)], run_id="run", now=NOW)
    with pytest.raises(VerificationFailed):
        broken_facts.refresher.refresh_daily([DAY], "run")
    assert dirty_datasets(broken_facts, DAY) == {Dataset.DAILY_USAGE_AGG}


def test_facts_that_break_the_contract_keep_the_old_partition(
    sqlite_usage: Usage,
) -> None:
    """A database that was tampered with does not reach the lake."""
    usage = sqlite_usage
    usage.session("s", usage.call())
    usage.refresher.refresh_facts([DAY], "run")
    before = usage.lake.path("usage_facts", DAY).read_bytes()
    with usage.ledger.store.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql("UPDATE session_usage SET total_tokens = 1")
    with pytest.raises(VerificationFailed, match="total_is_sum"):
        usage.refresher.refresh_facts([DAY], "run")
    assert usage.lake.path("usage_facts", DAY).read_bytes() == before


def test_the_quantiles_of_postgres_are_those_of_duckdb(usage: Usage) -> None:
    """The rule is one: PERCENTILE_DISC over the same sessions gives the stored medians."""
    if usage.ledger.store.dialect != "postgresql":
        pytest.skip("SQLite has no percentiles")
    for n in range(1, 42):
        usage.session(f"s{n}", usage.call(cost=f"0.{n:02d}"), runtime_ms=n * n)
    usage.refresh(REACHED)
    with usage.ledger.store.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY runtime_ms), "
            "PERCENTILE_DISC(0.95) WITHIN GROUP (ORDER BY runtime_ms) FROM session_ledger"
        ).one()
    (row,) = (
        row
        for row in stored(usage, model_perf_agg)
        if row["window_start"] == row["window_end"] == DAY
        and (row["agent_id"], row["task_category"]) == ("*", "*")
    )
    assert (row["median_runtime_ms"], row["p95_runtime_ms"]) == tuple(found)


def test_steps_run_one_ahead_and_their_results_come_in_order() -> None:
    """The second step has begun when the first result is looked at, the third has not."""
    begun: list[int] = []

    def step(number: int) -> int:
        begun.append(number)
        return number

    results = refresh._ahead(partial(step, number) for number in range(4))
    assert next(results) == 0
    assert set(begun) <= {0, 1}
    assert list(results) == [1, 2, 3]


def test_no_step_begins_after_an_error() -> None:
    """What would have been computed next could be written by nobody."""
    begun: list[int] = []

    def step(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        list(refresh._ahead(partial(step, number) for number in range(9)))
    assert set(begun) <= {0, 1, 2}
