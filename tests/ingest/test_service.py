"""One import as a whole: run record, report beside and in the database, rehearsal."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helicarrier.errors import ErrorCode, InputRejected, NotReady
from helicarrier.ingest import report_store
from helicarrier.ingest.report import Progress, Records
from helicarrier.ingest.service import ASSET_KEY, import_sessions, report_path
from helicarrier.ledger.outcomes import Tally
from helicarrier.ledger.tables import CONTRACTS, import_reports, session_usage
from helicarrier.settings import Settings
from helicarrier.store.run_model import Run, RunStatus
from helicarrier.store.run_store import RunStore
from helicarrier.store.schema import METADATA
from helicarrier.store.warehouse import WarehouseStore
from tests.ingest import logs, samples
from tests.ledger.stores import Ledger

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """A data folder that does not exist yet."""
    return Settings(data_dir=data_dir)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log with everything in it, bad lines too."""
    logs.write(tmp_path / "logs" / "claude.jsonl", *samples.CLAUDE)
    return tmp_path / "logs"


def _clock() -> Callable[[], datetime]:
    ticks = iter(range(1_000))
    return lambda: START + timedelta(seconds=next(ticks))


def _snapshot(data_dir: Path) -> dict[str, bytes]:
    """Every file but those that SQLite keeps for whoever reads."""
    return {
        str(path.relative_to(data_dir)): path.read_bytes()
        for path in sorted(data_dir.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_an_import_makes_its_store_and_records_its_run(settings: Settings, folder: Path) -> None:
    """The run counts records and rows, and its id is on both reports."""
    report = import_sessions(settings, [folder], clock=_clock(), dagster_run_id="d")
    run = RunStore(WarehouseStore(settings.warehouse_path)).get_run(report.run_id)
    assert run is not None
    assert (run.asset_key, run.status, run.dagster_run_id) == (ASSET_KEY, RunStatus.COMPLETED, "d")
    assert run.rows_in == report.progress.records.read > 0
    assert run.rows_out == report.progress.rows.total > 0
    assert (report.started_at, report.finished_at) == (
        "2026-11-01T12:00:00.000000Z",
        "2026-11-01T12:00:01.000000Z",
    )


def test_the_report_lies_beside_and_in_the_database(settings: Settings, folder: Path) -> None:
    """Equal, and every record is accounted for."""
    report = import_sessions(settings, [folder])
    beside = json.loads(report_path(settings, report.run_id).read_bytes())
    row = Ledger(settings.url).row(import_reports)
    assert beside == report.as_json() == json.loads(str(row["report_json"]))
    parts = ("written", "duplicate", "skipped", "quarantined", "deferred")
    assert beside["read"] == sum(beside[name] for name in parts)
    assert {name: row[f"records_{name}"] for name in ("read", *parts)} == {
        name: beside[name] for name in ("read", *parts)
    }
    assert (row["run_id"], row["outcome"], row["files"]) == (report.run_id, "completed", 1)
    assert min(beside[name] for name in ("written", "skipped", "quarantined")) > 0


def test_each_import_has_a_report_of_its_own(settings: Settings, folder: Path) -> None:
    """The second one says that nothing was new."""
    first, second = (import_sessions(settings, [folder]) for _ in range(2))
    assert len(Ledger(settings.url).rows(import_reports)) == 2
    assert first.run_id != second.run_id
    assert second.as_json()["files"] == {"read": 0, "unchanged": 1, "ignored": 0, "rejected": 0}
    assert second.progress.records.read == 0


def test_a_refused_file_rejects_the_outcome(settings: Settings, folder: Path) -> None:
    """The run is completed: it did what it could."""
    logs.write(folder / "bad.jsonl", logs.ask(), *[b"oops"] * 50)
    report = import_sessions(settings, [folder])
    assert report.outcome == "rejected"
    assert Ledger(settings.url).row(import_reports)["outcome"] == "rejected"


def test_a_file_of_unknown_format_that_was_asked_for_is_an_error(
    settings: Settings, folder: Path
) -> None:
    """In a folder it is ignored."""
    foreign = logs.write(folder / "foreign.json", {"a": 1})
    assert import_sessions(settings, [folder]).outcome == "completed"
    (error,) = import_sessions(settings, [foreign]).progress.errors
    assert (error.path, error.code) == (str(foreign), ErrorCode.UNKNOWN_FORMAT)


def test_a_rehearsal_reports_what_the_import_then_does(settings: Settings, folder: Path) -> None:
    """And makes not even a folder."""
    rehearsed = import_sessions(settings, [folder], dry_run=True, clock=_clock()).as_json()
    assert not settings.data_dir.exists()
    real = import_sessions(settings, [folder], clock=_clock()).as_json()
    for form in (rehearsed, real):
        del form["seconds"], form["runId"], form["dryRun"]
    assert rehearsed == real


def test_a_rehearsal_knows_what_is_stored_and_leaves_it(settings: Settings, folder: Path) -> None:
    """Byte for byte."""
    import_sessions(settings, [folder])
    logs.grow(folder / "claude.jsonl", logs.answer("msg_new", 30))
    before = _snapshot(settings.data_dir)
    report = import_sessions(settings, [folder], dry_run=True)
    assert report.progress.rows.calls_new == 1
    assert report.dry_run
    assert _snapshot(settings.data_dir) == before


def test_a_path_that_is_not_there_stops_the_import_before_it_begins(
    settings: Settings, tmp_path: Path
) -> None:
    """No store is made for a typing mistake."""
    with pytest.raises(InputRejected):
        import_sessions(settings, [tmp_path / "gone"])
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("revision", "code"),
    [("0001", ErrorCode.MIGRATION_PENDING), ("9999", ErrorCode.SCHEMA_TOO_NEW)],
)
@pytest.mark.parametrize("dry_run", [False, True], ids=["import", "rehearsal"])
def test_a_store_of_another_version_is_not_touched(
    revision: str, code: ErrorCode, dry_run: bool, settings: Settings, folder: Path
) -> None:
    """Migrating it is a decision."""
    import_sessions(settings, [folder])
    database = sqlite3.connect(settings.sqlite_path)
    database.execute("UPDATE helicarrier_core_version SET version_num = ?", (revision,))
    database.commit()
    database.close()
    before = settings.sqlite_path.read_bytes()
    with pytest.raises(NotReady) as refused:
        import_sessions(settings, [folder], dry_run=dry_run)
    assert (refused.value.code, refused.value.exit_code) == (code, 3)
    assert settings.sqlite_path.read_bytes() == before


def test_an_import_into_postgres_gives_what_one_into_sqlite_gives(
    settings: Settings, folder: Path, data_dir: Path, postgres_url: str
) -> None:
    """The schema is made there, too."""
    teams = Settings(data_dir=data_dir / "teams", db_url=postgres_url)
    import_sessions(settings, [folder])
    import_sessions(teams, [folder])
    one, other = Ledger(settings.url), Ledger(teams.url)
    assert one.dump() == other.dump()
    assert one.rows(session_usage)
    other.store.close()


def test_a_rehearsal_on_postgres_knows_what_is_stored_and_leaves_it(
    settings: Settings, folder: Path, data_dir: Path, postgres_url: str
) -> None:
    """It reports what the import then does, before there is a schema and after."""
    teams = Settings(data_dir=data_dir / "teams", db_url=postgres_url)
    ledger = Ledger(teams.url)
    rehearsed = import_sessions(teams, [folder], dry_run=True, clock=_clock())
    import_sessions(teams, [folder])
    assert rehearsed.progress.rows.calls_new == len(ledger.rows(session_usage))
    logs.grow(folder / "claude.jsonl", logs.answer("msg_new", 30))
    everything = [METADATA.tables[contract.name] for contract in CONTRACTS]
    before = [ledger.rows(table) for table in everything]
    forms = [import_sessions(teams, [folder], dry_run=True, clock=_clock()).as_json()]
    assert [ledger.rows(table) for table in everything] == before
    forms.append(import_sessions(teams, [folder], clock=_clock()).as_json())
    for form in forms:
        del form["seconds"], form["runId"], form["dryRun"]
    assert forms[0] == forms[1]
    ledger.store.close()


def test_a_failure_closes_the_run_as_failed(settings: Settings, folder: Path) -> None:
    """The store breaks away under the import."""
    import_sessions(settings, [folder])
    logs.grow(folder / "claude.jsonl", logs.answer("msg_new", 30))
    database = sqlite3.connect(settings.sqlite_path)
    database.execute("DROP TABLE ingest_quarantine")
    database.commit()
    database.close()
    with pytest.raises(Exception, match="ingest_quarantine"):
        import_sessions(settings, [logs.write(folder / "b.jsonl", logs.ask(), b"oops")])
    newest, _ = RunStore(WarehouseStore(settings.warehouse_path)).runs_for(ASSET_KEY)
    assert newest.status is RunStatus.FAILED
    assert "ingest_quarantine" in str(newest.error)


def test_an_import_that_breaks_off_reports_what_it_had_committed(
    settings: Settings, folder: Path
) -> None:
    """The report is closed as failed, says why, and still accounts for every record it read."""
    import_sessions(settings, [folder])
    with sqlite3.connect(settings.sqlite_path) as database:
        database.execute("DROP TABLE dirty_days")
    with pytest.raises(Exception, match="dirty_days"):
        import_sessions(settings, [logs.write(folder / "b.jsonl", *samples.CLAUDE)])
    row = max(Ledger(settings.url).rows(import_reports), key=lambda row: str(row["started_at"]))
    beside = json.loads(report_path(settings, str(row["run_id"])).read_bytes())
    assert (row["outcome"], beside["outcome"], row["records_read"]) == ("failed", "failed", 0)
    assert "dirty_days" in beside["failure"]


def test_an_import_that_was_killed_is_closed_by_the_next_one(
    settings: Settings, folder: Path
) -> None:
    """With the counts of what it had committed; one that still runs is left alone."""
    import_sessions(settings, [folder])
    ledger, runs = Ledger(settings.url), RunStore(WarehouseStore(settings.warehouse_path))
    part = Progress(records=Records(read=3, written=2, skipped=1), rows=Tally(calls_new=2))
    for run_id in ("killed", "running"):
        runs.start_run(ASSET_KEY, run_id=run_id, started_at=START)
        with ledger.store.write() as connection:
            report_store.open_report(connection, run_id, started_at=START)
            report_store.add(connection, run_id, part)
            report_store.add(connection, run_id, part)
    runs.end_run(Run(run_id="killed", started_at=START), finished_at=START, error="interrupted")
    import_sessions(settings, [folder])
    rows = {str(row["run_id"]): row for row in ledger.rows(import_reports)}
    assert rows["running"]["outcome"] == "running"
    killed = json.loads(str(rows["killed"]["report_json"]))
    assert killed == json.loads(report_path(settings, "killed").read_bytes())
    assert (killed["outcome"], killed["failure"]) == ("failed", "interrupted")
    assert (killed["read"], killed["written"], killed["skipped"]) == (6, 4, 2)
    assert killed["rows"]["calls"] == {"new": 4, "changed": 0}
