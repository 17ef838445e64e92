"""Checks: a breach is found, named and stops what would be computed from it."""

import shutil
import sqlite3
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

import definitions
from assets.partitions import FIRST_DAY, range_tags
from checks import resolution, usage
from helicarrier.evals.enums import Gate
from helicarrier.governance.frames import SAMPLE
from helicarrier.settings import Settings
from resources import resources_of
from tests.dagster.conftest import (
    ASSETS,
    DAYS,
    FIRST,
    LAST,
    FirstRefresh,
    Project,
    check_results,
    value,
    written,
)

Results = Mapping[tuple[str, str], dg.AssetCheckEvaluation]
RECOUNT = (
    Path(__file__).parents[2] / "migrations" / "core" / "sql" / "0002_ledger_totals.sqlite.sql"
)
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def tamper(project: Project, statement: str, *params: object) -> int:
    """Change rows past the CHECKs of the database; gives how many."""
    with sqlite3.connect(project.settings.sqlite_path) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        return database.execute(statement, params).rowcount


def recount(project: Project) -> None:
    """Let the writers' totals agree with the rows, as if those had been written so."""
    tamper(project, "DELETE FROM ledger_totals")
    tamper(project, RECOUNT.read_text())


def midnight_after(day: date) -> str:
    """The first day that is not meant, as text that sorts with instants."""
    return (day + timedelta(days=1)).isoformat()


def test_sound_days_pass_every_check(imported: Project) -> None:
    """The samples keep all rules, and all stores agree about them."""
    results = check_results(imported.run("refresh_usage", FIRST, LAST))
    assert {name: found.passed for name, found in results.items()} == dict.fromkeys(results, True)
    assert len(results) == 9


def every_check() -> set[tuple[str, str]]:
    """Asset and name of every check of the project."""
    keys = definitions.defs.resolve_asset_graph().asset_check_keys
    return {(key.asset_key.to_user_string(), key.name) for key in keys}


def test_audit_looks_at_everything(refreshed: Project) -> None:
    """A run without partitions audits all that is stored; judges of releases are apart."""
    results = check_results(refreshed.run("audit"))
    assert all(found.passed for found in results.values()), results
    judges = {("ai_eval_run_summary", gate.value) for gate in Gate} | {
        (key.asset_key.to_user_string(), key.name)
        for check in resolution.JUDGED
        for key in check.check_keys
    }
    assert set(results) == every_check() - judges
    rows = {
        asset: value(found.metadata, "rows")
        for (asset, name), found in results.items()
        if name == "governance"
    }
    assert (rows["session_usage"], rows["usage_facts"]) == (477, 477)
    assert (rows["session_events"], rows["session_ledger"]) == (839, 89)


def test_breach_names_rule_rows_keys_day_and_remedy(imported: Project) -> None:
    """Whoever reads the result knows what is wrong, where, and what to do."""
    changed = tamper(
        imported,
        "UPDATE session_usage SET total_tokens = total_tokens + 1 "
        "WHERE occurred_at >= ? AND occurred_at < ?",
        FIRST.isoformat(),
        midnight_after(FIRST),
    )
    found = check_results(imported.run("refresh_usage", FIRST, LAST))["session_usage", "governance"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert value(found.metadata, "failing_rows") == {"total_is_sum": changed}
    assert value(found.metadata, "failing_partitions") == [FIRST.isoformat()]
    told = str(value(found.metadata, "breaches"))
    assert "the reader's token classes overlap" in told
    assert told.count("<br>") == min(changed, SAMPLE) - 1


def test_breach_in_the_ledger_stops_the_facts(imported: Project) -> None:
    """The blocking check fails, and nothing is computed from the rows that it looked at."""
    tamper(imported, "UPDATE session_usage SET total_tokens = total_tokens + 1")
    result = imported.run("refresh_usage", FIRST)
    assert not result.success
    assert written(result) == {}
    assert imported.lake.days("usage_facts") == []


def test_breach_in_the_facts_stops_the_aggregates(refreshed: Project) -> None:
    """Facts that somebody rewrote are found by the check that runs without their asset."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = refreshed.lake.path("usage_facts", FIRST)
    table = pq.ParquetFile(path).read()
    total = table.column("total_tokens")
    place = table.schema.get_field_index("total_tokens")
    refreshed.lake.replace(
        "usage_facts", FIRST, table.set_column(place, table.schema.field(place), pc.add(total, 1))
    )
    found = check_results(refreshed.audit_of("usage_facts"))["usage_facts", "governance"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert value(found.metadata, "failing_partitions") == [FIRST.isoformat()]
    assert value(found.metadata, "failing_rows") == {"total_is_sum": table.num_rows}


TAMPERED = {
    "session_ledger": ("UPDATE session_ledger SET status = 'asleep'", "status_known"),
    "session_events": ("UPDATE session_events SET event_type = 'dream'", "event_type_known"),
    "session_usage": ("UPDATE session_usage SET cost_usd = NULL", "cost_has_source"),
    "session_import": ("UPDATE import_reports SET records_read = -1", "records_read_range"),
    "daily_usage_agg": ("UPDATE daily_usage_agg SET calls_total = -1", "calls_total_range"),
    "daily_provenance_agg": (
        "UPDATE daily_provenance_agg SET cost_source = 'rumour'",
        "cost_source_known",
    ),
    "daily_subtotals_agg": ("UPDATE daily_subtotals_agg SET cost_source_missing = 9", "adds_up"),
    "model_perf_agg": ("UPDATE model_perf_agg SET runs_total = -1", "runs_total_range"),
}


@pytest.fixture(scope="module")
def audit_of_tampered_tables(
    first_refresh: FirstRefresh, tmp_path_factory: pytest.TempPathFactory
) -> Results:
    """What the checks say when every table holds rows that break one of its rules."""
    folder = tmp_path_factory.mktemp("tampered") / "data"
    shutil.copytree(first_refresh.folder, folder)
    with dg.DagsterInstance.ephemeral() as instance:
        project = Project(Settings(data_dir=folder), instance)
        for statement, _ in TAMPERED.values():
            assert tamper(project, statement) > 0
        return check_results(project.audit_of(*TAMPERED))


@pytest.mark.parametrize("asset", TAMPERED)
def test_each_table_is_governed(audit_of_tampered_tables: Results, asset: str) -> None:
    """A row that breaks a rule is found in every table that has a contract."""
    found = audit_of_tampered_tables[asset, "governance"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert TAMPERED[asset][1] in str(value(found.metadata, "failing_rows"))


def test_day_that_was_never_computed_is_an_open_question(refreshed: Project) -> None:
    """A missing partition is no breach and no pass: the check warns and names the day."""
    refreshed.lake.remove("session_facts", LAST)
    job = dg.define_asset_job(
        "alone", selection=dg.AssetSelection.checks_for_assets("session_facts")
    )
    made = dg.Definitions(
        assets=ASSETS,
        asset_checks=usage.CHECKS,
        jobs=[job],
        resources=resources_of(refreshed.settings),
    )
    result = made.resolve_job_def("alone").execute_in_process(
        instance=refreshed.instance, tags=range_tags(FIRST, LAST)
    )
    found = check_results(result)["session_facts", "governance"]
    assert (found.passed, found.severity) == (False, WARN)
    assert value(found.metadata, "missing_partitions") == [LAST.isoformat()]


def test_parity_names_the_day_and_the_stores_that_differ(refreshed: Project) -> None:
    """An aggregate that somebody changed no longer tells what the ledger tells."""
    tamper(
        refreshed,
        "UPDATE daily_usage_agg SET calls_total = calls_total + 1 WHERE bucket_date = ?",
        FIRST.isoformat(),
    )
    found = check_results(refreshed.audit_of("daily_usage_agg"))["daily_usage_agg", "parity"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert value(found.metadata, "differing_days") == [FIRST.isoformat()]
    assert "daily_usage_agg" in str(value(found.metadata, "differences"))


def test_parity_of_dirty_days_is_an_open_question(imported: Project) -> None:
    """Days that are known to be out of date are not compared, and that is said."""
    found = check_results(imported.audit_of("daily_usage_agg"))["daily_usage_agg", "parity"]
    assert (found.passed, found.severity) == (False, WARN)
    assert value(found.metadata, "dirty_days") == [day.isoformat() for day in DAYS]


def test_days_outside_of_the_partitions_are_exempt_from_parity(refreshed: Project) -> None:
    """A call with a date of long ago stays in the ledger, is reported, and breaks nothing."""
    long_ago = (FIRST_DAY - timedelta(days=400)).isoformat()
    tamper(
        refreshed,
        "UPDATE session_usage SET occurred_at = ? || substr(occurred_at, 11) WHERE usage_id = "
        "(SELECT usage_id FROM session_usage WHERE occurred_at < ? LIMIT 1)",
        long_ago,
        midnight_after(FIRST),
    )
    recount(refreshed)
    refreshed.run("refresh_usage", FIRST)
    found = check_results(refreshed.audit_of("daily_usage_agg"))["daily_usage_agg", "parity"]
    assert found.passed
    assert value(found.metadata, "out_of_range_days") == [long_ago]


_OF_FIRST_CALL = (
    "WHERE usage_id = "
    "(SELECT MIN(usage_id) FROM session_usage WHERE occurred_at < ? AND cost_usd > 0)"
)
_MORE_TOKENS = "prompt_tokens = prompt_tokens + 1, total_tokens = total_tokens + 1"
LOST = {
    "sessions": ("DELETE FROM session_ledger WHERE started_at < ?", "runs: imports 9, ledger 0"),
    "tokens": (f"UPDATE session_usage SET {_MORE_TOKENS} {_OF_FIRST_CALL}", "total_tokens: "),  # noqa: S608 - constants
    "cost": (f"UPDATE session_usage SET cost_usd = cost_usd + 1 {_OF_FIRST_CALL}", "cost_usd: "),  # noqa: S608 - constants
}
"""What happens to the rows of the first day, and what the check says; `?` is the day after."""


@pytest.mark.parametrize("what", LOST)
def test_rows_that_were_lost_or_changed_are_a_breach(refreshed: Project, what: str) -> None:
    """To the token and the nano-dollar; the check names the day and both amounts."""
    statement, told = LOST[what]
    if what == "sessions":
        tamper(refreshed, "DELETE FROM session_events")
        tamper(refreshed, "DELETE FROM session_usage")
    assert tamper(refreshed, statement, midnight_after(FIRST)) > 0
    found = check_results(refreshed.run("refresh_usage", FIRST))["session_ledger", "import_totals"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert value(found.metadata, "differing_days") == [FIRST.isoformat()]
    assert told in (found.description or "")


def test_a_whole_day_that_is_gone_is_found(refreshed: Project) -> None:
    """The totals of the writers remember the day that no row tells of."""
    for table, column in (("session_usage", "occurred_at"), ("session_ledger", "started_at")):
        tamper(refreshed, f"DELETE FROM {table} WHERE {column} >= ?", LAST.isoformat())  # noqa: S608
    found = check_results(refreshed.audit_of("session_ledger"))["session_ledger", "import_totals"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert LAST.isoformat() in value(found.metadata, "differing_days")


def test_lost_reports_are_an_open_question(refreshed: Project) -> None:
    """Nothing is wrong with the rows: the missing reports are counted, not condemned."""
    tamper(refreshed, "DELETE FROM import_reports")
    found = check_results(refreshed.audit_of("session_ledger"))["session_ledger", "import_totals"]
    assert (found.passed, found.severity) == (False, WARN)
    assert value(found.metadata, "imports_without_report") == 1


def test_check_of_a_missing_store_raises(empty: Project) -> None:
    """A check that cannot run says nothing about the rows: its step fails."""
    result = empty.audit_of("session_usage")
    failures = result.filter_events(lambda event: event.is_step_failure)
    assert not result.success
    assert ("session_usage", "governance") not in check_results(result)
    assert {
        failure.step_failure_data.user_failure_data.metadata["code"].value
        for failure in failures
        if failure.step_failure_data.user_failure_data
    } == {"MIGRATION_PENDING"}
