"""`helicarrier migrate`: where the schema stands, and bringing it up."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from helicarrier.store.versions import CORE
from tests.cli.conftest import ROOT, Command

BASELINE = ROOT / "tests" / "store" / "fixtures" / "core_0001.sqlite"


@pytest.fixture
def old_store(data_dir: Path) -> Path:
    """A populated store of the first revision."""
    data_dir.mkdir()
    shutil.copyfile(BASELINE, data_dir / "helicarrier.sqlite")
    return data_dir


def _status(helicarrier: Command) -> tuple[int, dict[str, object]]:
    ended = helicarrier("migrate", "status", "--json")
    return ended.code, json.loads(ended.out)


def test_status_is_told_also_where_it_is_not_ready(helicarrier: Command, old_store: Path) -> None:
    """The object is on stdout, the remedy on stderr."""
    assert _status(helicarrier) == (
        3,
        {"ready": False, "code": "MIGRATION_PENDING", "current": "0001", "head": CORE.head},
    )
    ended = helicarrier("migrate", "status")
    assert ended.out == f"MIGRATION_PENDING: 0001, head {CORE.head}\n"
    assert "helicarrier migrate up" in ended.err


def test_status_of_a_ready_store(helicarrier: Command, ready_store: Path) -> None:
    """Ends with 0."""
    assert _status(helicarrier) == (
        0,
        {"ready": True, "code": None, "current": CORE.head, "head": CORE.head},
    )
    assert helicarrier("migrate", "status").out == f"ready: {CORE.head}, head {CORE.head}\n"


def test_a_rehearsal_says_what_would_run_and_changes_nothing(
    helicarrier: Command, old_store: Path
) -> None:
    """Neither the store nor the folder of backups."""
    before = (old_store / "helicarrier.sqlite").read_bytes()
    ended = helicarrier("migrate", "up", "--dry-run")
    assert ended.code == 0
    assert ended.out.startswith("would run 0002: ")
    assert (old_store / "helicarrier.sqlite").read_bytes() == before
    assert not (old_store / "backups").exists()


def test_up_takes_a_backup_first_and_brings_the_store_up(
    helicarrier: Command, old_store: Path
) -> None:
    """The backup is the store as it was; a second time there is nothing to do."""
    ended = helicarrier("migrate", "up")
    assert ended.code == 0
    (backup,) = (old_store / "backups").glob("*.sqlite")
    applied = ", ".join(CORE.revisions[1:])
    assert ended.out.splitlines() == [
        f"backup {backup}",
        f"{applied}; the store is at {CORE.head}",
    ]
    assert _status(helicarrier)[0] == 0
    assert helicarrier("migrate", "up").out == f"nothing to do; the store is at {CORE.head}\n"
    assert helicarrier("migrate", "up", "--dry-run").out == "nothing to do\n"


def test_up_makes_a_store_that_is_not_there(helicarrier: Command, data_dir: Path) -> None:
    """Readable by its owner alone."""
    assert helicarrier("migrate", "up").code == 0
    assert (data_dir / "helicarrier.sqlite").stat().st_mode & 0o777 == 0o600


def test_fake_only_records_the_version(helicarrier: Command, old_store: Path) -> None:
    """For a database that was migrated by hand."""
    ended = helicarrier("migrate", "up", "--fake")
    assert (ended.code, ended.out) == (0, "recorded the newest version; nothing was run\n")
    database = sqlite3.connect(old_store / "helicarrier.sqlite")
    columns = {row[1] for row in database.execute("PRAGMA table_info(session_usage)")}
    database.close()
    assert "pricing_version" not in columns
    assert _status(helicarrier)[1]["current"] == CORE.head


def test_sql_prints_a_script_from_any_revision(helicarrier: Command, data_dir: Path) -> None:
    """Without a store; the second half alone for a database of the first revision."""
    whole = helicarrier("migrate", "sql").out
    since = helicarrier("migrate", "sql", "--since", "0001").out
    assert whole.startswith("BEGIN;")
    assert whole.rstrip().endswith("COMMIT;")
    assert "CREATE TABLE session_ledger" in whole
    assert "CREATE TABLE helicarrier_core_version" in whole
    assert "CREATE TABLE helicarrier_core_version" not in since
    assert len(since) < len(whole)
    assert not data_dir.exists()
