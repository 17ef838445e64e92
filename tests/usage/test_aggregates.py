"""The aggregates' SQL against plain Python over the same facts."""

import math
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest

from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.frames import validate
from helicarrier.ledger.enums import Dataset, SessionStatus
from helicarrier.store.lake import Lake
from helicarrier.times import days
from helicarrier.usage.aggregates import (
    DAILY_PROVENANCE,
    DAILY_SUBTOTALS,
    DAILY_USAGE,
    MODEL_PERFORMANCE,
    Aggregate,
    compute,
    engine,
)
from helicarrier.usage.facts import SOURCES

DAY = date(2026, 10, 5)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ENDED = ("success", "failed", "killed", "cancelled")

Row = dict[str, object]


def at(day: date) -> datetime:
    """Noon of a day."""
    return datetime.combine(day, time(12), UTC)


def session(name: str, day: date = DAY, **values: object) -> Row:
    """A session fact."""
    return {
        "session_id": name,
        "started_at": at(day),
        "agent_id": "scout",
        "task_category": "triage",
        "model_id": "rocket",
        "status": "success",
        "runtime_ms": 1000,
        "calls_total": 1,
        "cost_unknown_calls": 0,
        "cost_usd": Decimal("0.5"),
    } | values


def call(name: str, day: date = DAY, **values: object) -> Row:
    """A usage fact of ten prompt tokens and one output token."""
    return {
        "usage_id": name,
        "session_id": "s",
        "occurred_at": at(day),
        "agent_id": "scout",
        "task_category": "triage",
        "provider": "acme",
        "model_id": "rocket",
        "prompt_tokens": 10,
        "cache_read_tokens": 0,
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 0,
        "completion_tokens": 1,
        "reasoning_tokens": 0,
        "total_tokens": 11,
        "runtime_ms": None,
        "cost_usd": Decimal("0.25"),
        "pricing_version": "list@1",
        "cost_source": "derived",
        "cost_confidence": "medium",
        "token_source": "provider_reported",
        "token_confidence": "high",
        "runtime_source": "missing",
        "runtime_confidence": "unknown",
    } | values


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


def fill(lake: Lake, *, sessions: Iterable[Row] = (), calls: Iterable[Row] = ()) -> None:
    """Write facts into the partitions of their days."""
    for dataset, rows in ((Dataset.SESSION_FACTS, sessions), (Dataset.USAGE_FACTS, calls)):
        source = SOURCES[dataset]
        by_day: dict[date, list[Row]] = defaultdict(list)
        for row in rows:
            instant = row[source.instant]
            assert isinstance(instant, datetime)
            by_day[instant.date()].append(row)
        for day, found in by_day.items():
            table = pa.Table.from_pylist(found, schema=arrow_schema(source.contract))
            lake.replace(dataset.value, day, table)


def rows(lake: Lake, aggregate: Aggregate, *wanted: date) -> list[Row]:
    """Computed rows without the stamps, after they passed the contract."""
    table = compute(aggregate, lake, wanted, updated_at=NOW, run_id="run")
    assert validate(aggregate.contract, table).breaches == ()
    assert set(table.column("updated_at").to_pylist()) <= {NOW}
    assert set(table.column("run_id").to_pylist()) <= {"run"}
    return table.drop_columns(["updated_at", "run_id"]).to_pylist()


def window(lake: Lake, length: int, *, agent: str = "*", category: str = "*") -> Row:
    """The one row of the window of this length that ends on DAY."""
    (row,) = (
        row
        for row in rows(lake, MODEL_PERFORMANCE, DAY)
        if row["window_start"] == DAY - timedelta(days=length - 1)
        and (row["agent_id"], row["task_category"]) == (agent, category)
    )
    return row


def nearest_rank(values: Iterable[object], percent: int) -> object:
    """The value at place ceiling(percent / 100 * n) of those that are known."""
    known = sorted(value for value in values if value is not None)  # type: ignore[type-var]
    return known[-(-percent * len(known) // 100) - 1] if known else None


def test_calls_and_runs_of_a_day_meet_in_one_row(lake: Lake) -> None:
    """Calls bring tokens and cost, sessions bring runs and wall clock."""
    fill(lake, sessions=[session("s")], calls=[call("1"), call("2", cost_usd=None)])
    (row,) = rows(lake, DAILY_USAGE, DAY)
    assert (row["runs_total"], row["runtime_ms_total"]) == (1, 1000)
    assert (row["calls_total"], row["total_tokens_total"]) == (2, 22)
    assert (row["cost_usd_total"], row["cost_unknown_calls"]) == (Decimal("0.25"), 1)


def test_a_model_that_only_served_calls_has_no_runs(lake: Lake) -> None:
    """The run stands with the session's primary model."""
    fill(lake, sessions=[session("s")], calls=[call("1", model_id="helper")])
    found = {row["model_id"]: row for row in rows(lake, DAILY_USAGE, DAY)}
    assert (found["rocket"]["runs_total"], found["rocket"]["calls_total"]) == (1, 0)
    assert (found["helper"]["runs_total"], found["helper"]["calls_total"]) == (0, 1)


def test_a_call_after_midnight_falls_on_its_own_day(lake: Lake) -> None:
    """The run stays on the day on which the session started."""
    after = DAY + timedelta(days=1)
    fill(lake, sessions=[session("s")], calls=[call("1", day=after)])
    found = {row["bucket_date"]: row for row in rows(lake, DAILY_USAGE, DAY, after)}
    assert (found[DAY]["runs_total"], found[DAY]["calls_total"]) == (1, 0)
    assert (found[after]["runs_total"], found[after]["calls_total"]) == (0, 1)


def test_only_wanted_days_are_computed(lake: Lake) -> None:
    """Whatever lies beside them in the lake."""
    other = DAY + timedelta(days=1)
    fill(lake, sessions=[session("a"), session("b", other)], calls=[call("1"), call("2", other)])
    for aggregate in (DAILY_USAGE, DAILY_PROVENANCE, DAILY_SUBTOTALS, MODEL_PERFORMANCE):
        assert {row[aggregate.day] for row in rows(lake, aggregate, DAY)} == {DAY}


def test_a_lake_without_facts_gives_no_rows(lake: Lake) -> None:
    """An empty result has the contract's schema, too."""
    for aggregate in (DAILY_USAGE, DAILY_PROVENANCE, DAILY_SUBTOTALS, MODEL_PERFORMANCE):
        table = compute(aggregate, lake, [DAY], updated_at=NOW, run_id="run")
        assert (table.num_rows, table.schema) == (0, arrow_schema(aggregate.contract))


def test_provenance_counts_a_session_once_in_each_combination(lake: Lake) -> None:
    """Two calls of one origin are one session, a call of another origin is the session again."""
    unknown = {
        "cost_usd": None,
        "pricing_version": None,
        "cost_source": "missing",
        "cost_confidence": "unknown",
    }
    fill(lake, calls=[call("1"), call("2"), call("3", **unknown), call("4", session_id="t")])
    found = {row["pricing_version"]: row for row in rows(lake, DAILY_PROVENANCE, DAY)}
    assert (found["list@1"]["sessions_total"], found["list@1"]["calls_total"]) == (2, 3)
    assert (found[""]["sessions_total"], found[""]["cost_unknown_calls"]) == (1, 1)
    assert found[""]["cost_usd_total"] == 0


@pytest.mark.parametrize("length", [1, 7, 30])
def test_a_window_holds_its_days_and_no_others(lake: Lake, length: int) -> None:
    """The first and the last day are inside; the days around them are not."""
    around = [DAY - timedelta(days=n) for n in (-1, 0, length - 1, length)]
    fill(lake, sessions=[session(f"s{place}", day) for place, day in enumerate(around)])
    inside = sum(DAY - timedelta(days=length - 1) <= day <= DAY for day in around)
    assert window(lake, length)["runs_total"] == inside


@pytest.mark.parametrize("count", [1, 2, 3, 4, 19, 20, 21, 40, 100, 101])
def test_quantiles_follow_the_nearest_rank_rule(lake: Lake, count: int) -> None:
    """A quantile is a value that occurred, at the place that the documents name."""
    sessions = [
        session(f"s{n:03d}", runtime_ms=n * 10, cost_usd=Decimal(n) / 100)
        for n in range(1, count + 1)
    ]
    fill(lake, sessions=sessions)
    row = window(lake, 1)
    assert row["median_runtime_ms"] == math.ceil(count / 2) * 10
    assert row["p95_runtime_ms"] == -(-count * 95 // 100) * 10
    assert row["median_cost_usd"] == Decimal(math.ceil(count / 2)) / 100


def test_nearest_rank_is_exact_for_every_number_of_sessions() -> None:
    """Binary fractions do not move the place: 0.95 of 20 is 19 and not a hair more."""
    counts = [*range(1, 500), 1_000, 9_999, 100_000]
    with engine() as connection:
        for count in counts:
            found = connection.execute(
                "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY n), "
                "PERCENTILE_DISC(0.95) WITHIN GROUP (ORDER BY n) FROM range(1, $after) AS r (n)",
                {"after": count + 1},
            ).fetchone()
            assert found == (-(-count // 2), -(-count * 95 // 100)), count


def test_unknown_runtimes_and_costs_are_left_out_of_the_medians(lake: Lake) -> None:
    """Unknown is not zero; where nothing is known the median is NULL."""
    fill(
        lake,
        sessions=[
            session("a", runtime_ms=None, cost_usd=Decimal(3)),
            session("b", runtime_ms=700, cost_usd=None),
            session("c", agent_id="mute", runtime_ms=None, cost_usd=None),
        ],
    )
    row = window(lake, 1)
    assert (row["median_runtime_ms"], row["median_cost_usd"]) == (700, Decimal(3))
    mute = window(lake, 1, agent="mute")
    assert (mute["median_runtime_ms"], mute["p95_runtime_ms"]) == (None, None)
    assert mute["median_cost_usd"] is None


def test_the_success_rate_is_of_the_sessions_that_ended(lake: Lake) -> None:
    """Running and queued ones are runs, but no failures."""
    statuses = ["success", "success", "failed", "killed", "cancelled", "running", "queued"]
    fill(lake, sessions=[session(f"s{n}", status=status) for n, status in enumerate(statuses)])
    row = window(lake, 1)
    assert (row["runs_total"], row["success_rate"]) == (7, 0.4)
    counted = ("success_count", "failure_count", "killed_count", "cancelled_count")
    assert [row[name] for name in counted] == [2, 1, 1, 1]


def test_the_success_rate_is_null_while_nothing_has_ended(lake: Lake) -> None:
    """Nobody failed and nobody succeeded."""
    fill(lake, sessions=[session("s", status="running")])
    assert window(lake, 1)["success_rate"] is None


@pytest.mark.parametrize(("runs", "warning"), [(4, 1), (5, 0)])
def test_few_runs_carry_a_warning(lake: Lake, runs: int, warning: int) -> None:
    """Five are enough to compare."""
    fill(lake, sessions=[session(f"s{n}") for n in range(runs)])
    assert window(lake, 1)["sample_warning"] == warning


def test_an_agent_called_star_counts_in_the_totals_only(lake: Lake) -> None:
    """Its own rows would be taken for the totals and break the primary key."""
    fill(
        lake,
        sessions=[
            session("a", agent_id="*"),
            session("b", task_category="*"),
            session("c", agent_id="*", task_category="*"),
        ],
    )
    assert window(lake, 1)["runs_total"] == 3
    assert window(lake, 1, agent="scout")["runs_total"] == 1
    assert window(lake, 1, category="triage")["runs_total"] == 1


@pytest.mark.parametrize("folder", ["[work]", "what?", "a*b", "o'brien", "sp ace"])
def test_a_folder_is_a_name_and_no_pattern(tmp_path: Path, folder: str) -> None:
    """DuckDB expands patterns in paths; the lake may stand anywhere."""
    lake = Lake(tmp_path / folder)
    fill(lake, sessions=[session("s")], calls=[call("1")])
    assert len(rows(lake, DAILY_USAGE, DAY)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_performance_equals_a_plain_computation(lake: Lake, seed: int) -> None:
    """Every window, every total and every quantile, against loops over the sessions."""
    rng = random.Random(seed)
    sessions = [
        session(
            f"s{n}",
            DAY - timedelta(days=rng.randrange(40)),
            agent_id=rng.choice(["scout", "clerk"]),
            task_category=rng.choice(["triage", "review"]),
            model_id=rng.choice(["rocket", "balloon"]),
            status=rng.choice([status.value for status in SessionStatus]),
            runtime_ms=rng.choice([None, rng.randrange(5), rng.randrange(10**9)]),
            cost_usd=rng.choice([None, Decimal(rng.randrange(10**12)) / 10**9]),
        )
        for n in range(300)
    ]
    fill(lake, sessions=sessions)
    ends = days(DAY - timedelta(days=5), DAY)
    expected = {}
    for end, length in product(ends, (1, 7, 30)):
        start = end - timedelta(days=length - 1)
        groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
        for row in sessions:
            if start <= row["started_at"].date() <= end:  # type: ignore[union-attr]
                for agent in (row["agent_id"], "*"):
                    for category in (row["task_category"], "*"):
                        groups[start, end, agent, category, row["model_id"]].append(row)
        for key, found in groups.items():
            expected[key] = _measured(found)
    keys = ("window_start", "window_end", "agent_id", "task_category", "model_id")
    computed = rows(lake, MODEL_PERFORMANCE, *ends)
    assert {
        tuple(row[name] for name in keys): {
            name: value for name, value in row.items() if name not in keys
        }
        for row in computed
    } == expected
    assert len(computed) == len(expected)


def _measured(found: list[Row]) -> Row:
    ended = [sum(row["status"] == status for row in found) for status in ENDED]
    runtimes = [row["runtime_ms"] for row in found]
    return {
        "runs_total": len(found),
        "success_count": ended[0],
        "failure_count": ended[1],
        "killed_count": ended[2],
        "cancelled_count": ended[3],
        "success_rate": ended[0] / sum(ended) if any(ended) else None,
        "median_runtime_ms": nearest_rank(runtimes, 50),
        "p95_runtime_ms": nearest_rank(runtimes, 95),
        "median_cost_usd": nearest_rank((row["cost_usd"] for row in found), 50),
        "sample_warning": int(len(found) < 5),
    }


@pytest.mark.parametrize(
    "aggregate",
    [DAILY_USAGE, DAILY_PROVENANCE, DAILY_SUBTOTALS, MODEL_PERFORMANCE],
    ids=lambda a: a.contract.name,
)
def test_rows_come_in_the_order_of_the_primary_key(lake: Lake, aggregate: Aggregate) -> None:
    """The store appends them then instead of looking for their places."""
    rng = random.Random(0)
    names = [f"{word}-{n}" for word in ("b", "a", "B", "é") for n in range(3)]
    made = [
        {
            "agent_id": rng.choice(names),
            "model_id": rng.choice(names),
            "day": DAY - timedelta(days=rng.randrange(3)),
        }
        for _ in range(200)
    ]
    fill(
        lake,
        sessions=[session(f"s{n}", **values) for n, values in enumerate(made)],
        calls=[call(f"c{n}", **values) for n, values in enumerate(made)],
    )
    found = rows(lake, aggregate, *days(DAY - timedelta(days=3), DAY))
    keys = [tuple(row[name] for name in aggregate.contract.primary_key) for row in found]
    assert keys == sorted(keys, key=lambda key: [str(part).encode() for part in key])
