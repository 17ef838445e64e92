"""Refreshing in this process: dirty days to clean ones, with what the checks say, as plain data."""

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import func, select

from definitions import audit, refresh
from helicarrier import times
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.tables import dirty_days
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.tables import model_perf_agg
from tests.dagster.conftest import DAYS, FIRST, LAST, SAMPLES, FirstRefresh, Project

WINDOW_ENDS = times.days(FIRST, min(LAST + timedelta(days=29), times.now().date()))


def tamper(project: Project, statement: str, *params: object) -> None:
    """Change rows past the CHECKs of the database."""
    with sqlite3.connect(project.settings.sqlite_path) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute(statement, params)


def mark(project: Project, dataset: Dataset, *days: date) -> None:
    """Make days dirty, as a write to the ledger would."""
    store = OperationalStore(project.settings.url)
    with store.write() as connection:
        dirty.mark_days(connection, [(dataset, day) for day in days], run_id="r", now=times.now())
    store.close()


def test_refresh_brings_everything_up_to_date(
    first_refresh: FirstRefresh, refreshed: Project
) -> None:
    """Every asset says its days and rows, every check passes, no day stays dirty."""
    outcome = first_refresh.outcome
    days = {asset.asset: asset.days for asset in outcome.assets}
    rows = {asset.asset: asset.rows for asset in outcome.assets}
    daily = (
        "usage_facts",
        "session_facts",
        "daily_usage_agg",
        "daily_provenance_agg",
        "daily_subtotals_agg",
    )
    assert days == dict.fromkeys(daily, len(DAYS)) | {"model_perf_agg": len(WINDOW_ENDS)}
    assert (rows["usage_facts"], rows["session_facts"]) == (477, 89)
    assert {check.state for check in outcome.checks} == {"passed"}
    assert len(outcome.checks) == 10
    assert refreshed.select(select(dirty_days)) == []


def test_second_refresh_does_nothing(refreshed: Project) -> None:
    """Clean days are left alone."""
    before = refreshed.select(select(model_perf_agg.c.run_id).distinct())
    outcome = refresh(refreshed.settings)
    assert (outcome.assets, outcome.checks) == ((), ())
    assert refreshed.select(select(model_perf_agg.c.run_id).distinct()) == before


def test_progress_is_told_before_each_run(first_refresh: FirstRefresh) -> None:
    """Facts and daily aggregates first, then the windows that they reach."""
    assert first_refresh.told == [
        ("refresh_usage", FIRST, LAST),
        ("refresh_performance", FIRST, WINDOW_ENDS[-1]),
    ]


def test_named_days_are_refreshed_though_they_are_clean(refreshed: Project) -> None:
    """Somebody who asks for a day gets that day, and no neighbour of it."""
    outcome = refresh(refreshed.settings, [FIRST])
    assert {asset.asset: asset.days for asset in outcome.assets} == dict.fromkeys(
        (
            "usage_facts",
            "session_facts",
            "daily_usage_agg",
            "daily_provenance_agg",
            "daily_subtotals_agg",
            "model_perf_agg",
        ),
        1,
    )


def test_named_days_are_not_bridged(refreshed: Project) -> None:
    """Two days with a gap are two runs: what lies between was not asked for."""
    told: list[tuple[str, date, date]] = []
    refresh(refreshed.settings, [FIRST, LAST], lambda *step: told.append(step))
    assert [step[1:] for step in told[:2]] == [(FIRST, FIRST), (LAST, LAST)]


def test_days_without_a_partition_are_reported(refreshed: Project) -> None:
    """They stay dirty, and the outcome says so."""
    never = date(2999, 1, 1)
    mark(refreshed, Dataset.USAGE_FACTS, never)
    outcome = refresh(refreshed.settings)
    assert outcome.out_of_range == (never,)
    assert refreshed.select(select(func.count()).select_from(dirty_days)) == [(1,)]


def test_breach_ends_the_refresh_and_is_in_the_outcome(imported: Project) -> None:
    """The check that failed is named; nothing was computed from the rows that it looked at."""
    tamper(imported, "UPDATE session_usage SET total_tokens = total_tokens + 1")
    outcome = refresh(imported.settings)
    assert {(check.asset, check.check) for check in outcome.failed} == {
        ("session_ledger", "import_totals"),
        ("session_usage", "governance"),
    }
    assert outcome.assets == ()
    assert imported.lake.days("usage_facts") == []


def test_breach_of_one_day_leaves_far_days_as_they_are(refreshed: Project) -> None:
    """Runs are taken one after the other, and the first breach is the last of them."""
    mark(refreshed, Dataset.USAGE_FACTS, FIRST - timedelta(days=60), FIRST, LAST)
    tamper(refreshed, "UPDATE session_usage SET reasoning_tokens = completion_tokens + 1")
    outcome = refresh(refreshed.settings)
    assert [asset.days for asset in outcome.assets] == [1, 1, 1, 1, 1]
    assert [check.check for check in outcome.failed] == ["governance"]


def test_failed_step_raises_the_packages_own_error(imported: Project) -> None:
    """A command ends as the package itself would have: by class, code and remedy."""
    with duckdb.connect(str(imported.settings.warehouse_path)) as connection:
        connection.execute("INSERT INTO helicarrier_warehouse_version VALUES (99, 'later', now())")
    with pytest.raises(NotReady) as caught:
        refresh(imported.settings)
    assert caught.value.code is ErrorCode.SCHEMA_TOO_NEW
    assert "newer helicarrier" in caught.value.hint


def test_store_that_was_never_made_is_not_ready(empty: Project) -> None:
    """Before the first import there is nothing to refresh, and no file appears."""
    with pytest.raises(NotReady):
        refresh(empty.settings)
    assert not empty.settings.sqlite_path.exists()


def test_audit_writes_nothing(refreshed: Project) -> None:
    """Every check runs over everything, no asset is touched."""
    outcome = audit(refreshed.settings)
    assert outcome.assets == ()
    assert {check.state for check in outcome.checks} == {"passed"}
    assert len(outcome.checks) > len({check.asset for check in outcome.checks}) > 20


def test_outcome_on_the_wire(first_refresh: FirstRefresh) -> None:
    """The JSON holds assets, checks and days, in plain types."""
    told = first_refresh.outcome.as_json()
    assert set(told) == {"assets", "checks", "outOfRangeDays"}
    assert {"asset": "session_facts", "days": 14, "rows": 89} in told["assets"]  # type: ignore[operator]
    assert all(check["state"] == "passed" for check in told["checks"])  # type: ignore[attr-defined]


def test_postgres_gives_the_same_aggregates(
    refreshed: Project, postgres_url: str, data_dir: Path
) -> None:
    """The same sessions in a team's store become the same rows, and every check passes."""
    settings = Settings(data_dir=data_dir.with_name("team"), db_url=postgres_url)
    import_sessions(settings, [SAMPLES], workers=1)
    outcome = refresh(settings)
    team = Project(settings, refreshed.instance)
    assert {check.state for check in outcome.checks} == {"passed"}
    assert team.aggregates() == refreshed.aggregates()
