"""Parity: equal totals pass, everything else is named for what it is, on both engines."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helicarrier.ledger.enums import Dataset
from helicarrier.times import days
from helicarrier.usage.parity import ParityState, parity
from helicarrier.usage.tables import daily_usage_agg
from tests.usage.conftest import DAY, NOW, Kept, Usage, computing, instant

NEXT = DAY + timedelta(days=1)
ALL_DAYS = days(DAY, NOW.date())


@pytest.fixture(scope="module")
def computed(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Two days with sessions, one of them past midnight, one call of unknown cost; all clean."""
    with computing(migrated_sqlite, tmp_path_factory.mktemp("computed")) as usage:
        usage.session(
            "a",
            usage.call(cost="0.1"),
            usage.call(cost=None, provider="nobody"),
            usage.call(at=instant(NEXT, 0.5), cost="0.000000001"),
        )
        usage.session("b", usage.call(at=instant(NEXT)), at=instant(NEXT, 1))
        usage.session("c", at=instant(NEXT, 2))
        usage.refresh(ALL_DAYS)
        return Kept.of(usage)


@pytest.fixture
def refreshed(usage: Usage, computed: Kept) -> Usage:
    """The computed days, on each engine."""
    return computed.into(usage)


def found(usage: Usage, *asked: date, **bounds: date) -> list[tuple[date, ParityState, str]]:
    """The breaches without their amounts."""
    breaches = parity(usage.ledger.store, usage.lake, asked or ALL_DAYS, **bounds)
    return [(breach.day, breach.state, breach.subject) for breach in breaches]


def amounts(usage: Usage, subject: str) -> Mapping[str, object]:
    """What the stores say about a measure that differs on DAY."""
    (breach,) = (
        breach
        for breach in parity(usage.ledger.store, usage.lake, [DAY])
        if breach.subject == subject
    )
    return breach.amounts


def change(usage: Usage, sql: str) -> None:
    """Tamper with the store behind everybody's back."""
    with usage.ledger.store.write() as connection:
        connection.exec_driver_sql(sql)


def test_a_refreshed_ledger_passes(refreshed: Usage) -> None:
    """Quiet days included."""
    assert found(refreshed) == []


def test_days_without_anything_pass(usage: Usage) -> None:
    """Nothing equals nothing, also where no day was ever computed."""
    assert found(usage) == []


def test_a_lost_aggregate_row_is_found(refreshed: Usage) -> None:
    """With what each store says."""
    change(refreshed, f"DELETE FROM daily_usage_agg WHERE bucket_date = '{DAY}'")  # noqa: S608
    assert (DAY, ParityState.DIFFERS, "calls") in found(refreshed)
    assert amounts(refreshed, "calls") == {
        "imports": 2,
        "ledger": 2,
        "facts": 2,
        "daily_usage_agg": 0,
        "daily_provenance_agg": 2,
        "daily_subtotals_agg": 2,
    }


@pytest.mark.parametrize(
    ("sql", "subject"),
    [
        ("UPDATE daily_usage_agg SET cost_usd_total = 0", "cost_usd"),
        ("UPDATE daily_usage_agg SET runtime_ms_total = 1", "runtime_ms"),
        ("UPDATE daily_usage_agg SET runs_total = 7", "runs"),
        ("UPDATE daily_usage_agg SET reasoning_tokens_total = 1", "reasoning_tokens"),
        ("UPDATE daily_provenance_agg SET calls_total = 9", "calls"),
        ("UPDATE daily_subtotals_agg SET runtime_ms_total = 9", "runtime_ms"),
        ("UPDATE model_perf_agg SET runs_total = 9", "runs"),
        ("UPDATE ledger_totals SET total_tokens = 9", "total_tokens"),
        ("UPDATE ledger_totals SET cost_usd = 0", "cost_usd"),
    ],
)
def test_every_table_and_measure_is_watched(refreshed: Usage, sql: str, subject: str) -> None:
    """One wrong number is enough."""
    change(refreshed, sql)
    assert (DAY, ParityState.DIFFERS, subject) in found(refreshed)


def test_a_nanodollar_is_a_difference(refreshed: Usage) -> None:
    """Sums are exact; there is no tolerance."""
    with refreshed.ledger.store.write() as connection:
        table = daily_usage_agg
        more = table.update().values(cost_usd_total=Decimal("0.100000001"))
        connection.execute(more.where(table.c.bucket_date == DAY))
    assert found(refreshed) == [(DAY, ParityState.DIFFERS, "cost_usd")]
    assert amounts(refreshed, "cost_usd")["daily_usage_agg"] == Decimal("0.100000001")


def test_a_lost_partition_is_found(refreshed: Usage) -> None:
    """The ledger has calls, the facts have none."""
    refreshed.lake.remove("usage_facts", DAY)
    assert amounts(refreshed, "calls")["facts"] == 0


def test_a_tampered_partition_is_found(refreshed: Usage) -> None:
    """Facts are added up themselves, not taken for what the aggregates say."""
    table = pq.read_table(refreshed.lake.path("usage_facts", DAY), partitioning=None)
    refreshed.lake.replace("usage_facts", DAY, pa.concat_tables([table, table.slice(0, 1)]))
    assert amounts(refreshed, "calls")["facts"] == 3


def test_a_dirty_day_is_no_pass_and_no_breach(refreshed: Usage) -> None:
    """It says which datasets are out of date, and nothing about their sums."""
    refreshed.session("late", refreshed.call())
    assert found(refreshed) == [
        (DAY, ParityState.DIRTY, dataset.value)
        for dataset in (Dataset.DAILY_USAGE_AGG, Dataset.SESSION_FACTS, Dataset.USAGE_FACTS)
    ]


def test_a_dirty_window_does_not_hide_a_breach(refreshed: Usage) -> None:
    """Only the windows are out of date; the day's own totals are still compared."""
    change(refreshed, "UPDATE daily_usage_agg SET runs_total = 7")
    from helicarrier.ledger import dirty

    with refreshed.ledger.store.write() as connection:
        dirty.mark_days(connection, [(Dataset.MODEL_PERF_AGG, DAY)], run_id="run", now=NOW)
    assert found(refreshed, DAY) == [(DAY, ParityState.DIFFERS, "runs")]
    assert "model_perf_agg" not in amounts(refreshed, "runs")


def test_days_out_of_range_are_reported_as_such(refreshed: Usage) -> None:
    """What the ledger has there is told; that no facts follow is by design."""
    refreshed.lake.remove("usage_facts", DAY)
    assert found(refreshed, first_day=NEXT) == [
        (DAY, ParityState.OUT_OF_RANGE, "calls"),
        (DAY, ParityState.OUT_OF_RANGE, "runs"),
    ]
    assert found(refreshed, DAY, NEXT, last_day=DAY - timedelta(days=1))[-1][0] == NEXT
