"""The upgrade of a populated baseline: nothing is lost, and what was unknown is said to be so."""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from helicarrier import money, times
from helicarrier.store import migrate
from helicarrier.store.fulltext import search_condition
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from tests.postgres import fresh_database
from tests.store.baseline import baseline_rows, put_baseline

Row = dict[str, object]

KEYS = {
    "session_ledger": ("session_id",),
    "session_events": ("event_id",),
    "session_usage": ("usage_id",),
    "daily_usage_agg": ("bucket_date", "model_id"),
    "model_perf_agg": ("window_start", "model_id"),
    "alert_rules": ("rule_id",),
    "alert_state": ("rule_id",),
}
MONEY = {"cost_usd", "cost_usd_total", "median_cost_usd"}
# Columns whose values the upgrade changes on purpose; each has a test of its own below.
CHANGED = {
    "created_at",
    "payload_json",
    "model_id",
    "task_category",
    "provider",
    "prompt_tokens",
    "total_tokens",
    "prompt_tokens_total",
    "total_tokens_total",
    "warn_threshold",
    "cache_write_tokens",
    "cache_write_tokens_total",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def upgraded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A populated baseline after the upgrade, on SQLite and on Postgres; tests only read it."""
    folder = tmp_path_factory.mktemp("upgraded")
    if request.param == "sqlite":
        opened = nullcontext(f"sqlite:///{folder / 'ledger.sqlite'}")
    else:
        opened = fresh_database(request.getfixturevalue("postgres_dsn"))
    with opened as url:
        put_baseline(url)
        migrate.upgrade(url, folder / "backups")
        yield url


def rows(url: str, table: str) -> dict[tuple[object, ...], Row]:
    """The rows of a table by their key, with money as Decimal."""
    with open_query(url) as query:
        found = query.rows("SELECT * FROM " + table)  # noqa: S608
    for row in found:
        for name in MONEY & row.keys():
            row[name] = money.from_storage(row[name])
    return {tuple(row[name] for name in KEYS[table]): row for row in found}


def old_rows(table: str) -> dict[tuple[object, ...], Row]:
    """The rows as the baseline held them; no cost and a cost of zero both meant "unknown"."""
    found = baseline_rows()[table]
    for row in found:
        for name in MONEY & row.keys():
            amount = Decimal(str(row[name] or 0))
            row[name] = amount or (Decimal(0) if name == "cost_usd_total" else None)
    return {tuple(row[name] for name in KEYS[table]): row for row in found}


@pytest.mark.parametrize("table", KEYS)
def test_every_row_and_value_is_carried_over(upgraded: str, table: str) -> None:
    """The same keys, and each old value under its old name."""
    before, after = old_rows(table), rows(upgraded, table)
    assert set(after) == set(before)
    for key, row in before.items():
        kept = {name: value for name, value in row.items() if name not in CHANGED}
        assert {name: after[key][name] for name in kept} == kept


def test_unknown_models_and_categories_get_their_words(upgraded: str) -> None:
    """A grouping by model or category needs a value."""
    sparse = rows(upgraded, "session_ledger")[("s-sparse",)]
    assert (sparse["model_id"], sparse["task_category"]) == ("unknown", "uncategorized")
    assert (sparse["task_title"], sparse["ended_at"]) == (None, None)
    complete = rows(upgraded, "session_ledger")[("s-complete",)]
    assert (complete["model_id"], complete["task_category"]) == ("claude-sonnet-4", "bugfix")


def test_sessions_can_be_told_from_those_imported_since(upgraded: str) -> None:
    """They have no fingerprint, and their key is their id."""
    row = rows(upgraded, "session_ledger")[("s-failed",)]
    names = ("source_uri", "run_id", "idempotency_key", "revision", "payload_sha256")
    assert [row[name] for name in names] == ["unknown", "pre-governance", "s-failed", 0, None]
    assert row["ingested_at"] == "2025-03-03T12:00:01.000000Z"


def test_a_known_cost_is_kept_with_low_confidence(upgraded: str) -> None:
    """Nobody knows any more which price list it came from."""
    row = rows(upgraded, "session_usage")[("u-priced",)]
    assert row["cost_usd"] == Decimal("0.012345678")
    names = ("pricing_version", "cost_source", "cost_confidence")
    assert [row[name] for name in names] == ["unversioned", "derived", "low"]


@pytest.mark.parametrize("usage_id", ["u-zero-cost", "u-total-only"])
def test_a_cost_of_zero_or_none_becomes_a_missing_one(upgraded: str, usage_id: str) -> None:
    """Unknown is never zero."""
    row = rows(upgraded, "session_usage")[(usage_id,)]
    names = ("cost_usd", "pricing_version", "cost_source", "cost_confidence")
    assert [row[name] for name in names] == [None, None, "missing", "unknown"]


def test_a_runtime_says_whether_there_is_one(upgraded: str) -> None:
    """Known ones are of low confidence."""
    calls = rows(upgraded, "session_usage")
    names = ("runtime_ms", "runtime_source", "runtime_confidence")
    assert [calls[("u-priced",)][name] for name in names] == [4200, "derived", "low"]
    assert [calls[("u-next-day",)][name] for name in names] == [None, "missing", "unknown"]


@pytest.mark.parametrize(
    ("usage_id", "tokens"),
    [
        ("u-priced", (100, 2000, 300, 0, 40, 0, 2440)),
        ("u-total-only", (1234, 0, 0, 0, 0, 0, 1234)),
        ("u-total-low", (10, 20, 0, 0, 5, 0, 35)),
    ],
)
def test_totals_add_up_without_losing_a_token(
    upgraded: str, usage_id: str, tokens: tuple[int, ...]
) -> None:
    """A total above its parts is kept as prompt; cache writes of unknown kind are five-minute."""
    row = rows(upgraded, "session_usage")[(usage_id,)]
    names = (
        "prompt_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "total_tokens",
    )
    assert tuple(row[name] for name in names) == tokens


def test_the_first_price_enters_the_history(upgraded: str) -> None:
    """A later re-pricing must not lose it."""
    with open_query(upgraded) as query:
        found = query.rows("SELECT * FROM usage_cost_history ORDER BY usage_id")
    prices = [(row["usage_id"], row["seq"], money.from_storage(row["cost_usd"])) for row in found]
    assert prices == [("u-next-day", 0, Decimal("1.5")), ("u-priced", 0, Decimal("0.012345678"))]


def test_aggregates_of_days_without_rows_are_kept(upgraded: str) -> None:
    """Their calls were deleted long ago; computing them again would give nothing."""
    days = rows(upgraded, "daily_usage_agg")
    old = days[("2024-01-15", "claude-2")]
    names = ("calls_total", "cost_usd_total", "cost_unknown_calls", "cache_write_5m_tokens_total")
    assert [old[name] for name in names] == [9, Decimal("2.25"), 0, 100]
    unpriced = days[("2024-01-16", "claude-2")]
    names = ("cost_usd_total", "cost_unknown_calls", "prompt_tokens_total", "total_tokens_total")
    assert [unpriced[name] for name in names] == [0, 2, 94, 99]


def test_performance_is_completed_from_its_counts(upgraded: str) -> None:
    """The rate follows from the counts; where nothing ended there is none."""
    found = rows(upgraded, "model_perf_agg")
    names = ("success_rate", "sample_warning", "p95_runtime_ms", "median_cost_usd")
    full = found[("2024-01-10", "claude-2")]
    assert [full[name] for name in names] == [0.75, 0, None, Decimal("0.4")]
    thin = found[("2025-03-01", "unknown")]
    assert [thin[name] for name in names] == [None, 1, None, None]


def test_crossed_thresholds_are_uncrossed_without_a_change_of_meaning(upgraded: str) -> None:
    """Each breach of such a rule was critical, and still is."""
    rule = rows(upgraded, "alert_rules")[("r-crossed",)]
    names = ("warn_threshold", "critical_threshold", "dedup_cooldown_sec", "updated_at")
    assert [rule[name] for name in names] == [0.25, 0.25, 300, "2025-01-02T00:00:00.000000Z"]


@pytest.mark.parametrize(
    ("rule_id", "state"),
    [
        ("r-cost", ["global", "suppressed", "ok"]),
        ("r-crossed", ["builder|gpt-5", "resolved", "no_data"]),
        ("r-agent", ["reviewer", "active", "ok"]),
    ],
)
def test_alert_states_learn_their_scope(upgraded: str, rule_id: str, state: list[str]) -> None:
    """It is taken from the rule; a running suppression goes on."""
    row = rows(upgraded, "alert_state")[(rule_id,)]
    assert [row[name] for name in ("scope_key", "lifecycle", "data_state")] == state


def test_days_with_rows_are_marked_dirty(upgraded: str) -> None:
    """Calls by their day, sessions by their start, performance for the windows after it."""
    with open_query(upgraded) as query:
        found = query.rows("SELECT * FROM dirty_days ORDER BY dataset, bucket_date")
        computed = query.rows("SELECT DISTINCT bucket_date FROM daily_usage_agg")
    days: dict[str, list[str]] = {}
    for row in found:
        days.setdefault(str(row["dataset"]), []).append(str(row["bucket_date"]))
        # Days that were computed lack the subtotals, which came later.
        known = {"pre-governance"}
        if row["dataset"] == "daily_usage_agg":
            known.add("migration-0010")
        assert row["run_id"] in known
        assert times.parse(str(row["marked_at"])) <= times.now()
    calls = ["2025-03-01", "2025-03-02", "2025-03-03"]
    starts = ["2025-03-01", "2025-03-03", "2025-03-04"]
    assert days.pop("usage_facts") == calls
    assert days.pop("session_facts") == starts
    lacking = {str(row["bucket_date"]) for row in computed}
    assert lacking > {"2024-01-15"}
    assert days.pop("daily_usage_agg") == sorted({*calls, *starts, *lacking})
    first = date(2025, 3, 1)
    windows = [(first + timedelta(days=n)).isoformat() for n in range(33)]
    assert days == {"model_perf_agg": windows}


def test_old_sessions_are_found_by_title_and_text(upgraded: str) -> None:
    """The search of the baseline knew titles only."""
    with open_query(upgraded) as query:
        found = []
        for typed in ("flaky", "third run", "GRÖSSE", "größe claude-sonnet"):
            condition = search_condition(query.dialect, typed)
            sql = "SELECT session_id FROM session_ledger WHERE " + condition.sql  # noqa: S608
            found.append([row["session_id"] for row in query.rows(sql, condition.params)])
    assert found == [["s-complete"], ["s-complete"], [], ["s-failed"]]


def test_the_search_follows_sessions_written_after_the_upgrade(upgraded: str) -> None:
    """The rebuild dropped the triggers with the old table; new ones are in place."""
    with closing(OperationalStore(upgraded)) as store, store.write() as connection:
        connection.execute(text("UPDATE session_ledger SET task_title = 'Anew ' || session_id"))
        counts = []
        for typed in ("flaky", "anew"):
            condition = search_condition(store.dialect, typed)
            sql = text("SELECT COUNT(*) FROM session_ledger WHERE " + condition.sql)  # noqa: S608
            counts.append(connection.execute(sql, condition.params).scalar_one())
        connection.rollback()
    assert counts == [0, 4]


def test_the_fixture_holds_the_rows_it_is_said_to_hold(sqlite_url: str) -> None:
    """The file and the rows from which the Postgres store is made are the same."""
    put_baseline(sqlite_url)
    for table, expected in baseline_rows().items():
        with open_query(sqlite_url) as query:
            found = query.rows("SELECT * FROM " + table)  # noqa: S608
        for row in found:
            for name in MONEY & row.keys():
                row[name] = money.dollars(money.from_storage(row[name]))
        assert sorted(found, key=str) == sorted(expected, key=str)
