"""The SQLite file: wrong paths give one answer and leave nothing behind."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable
from helicarrier.store import sqlite_file
from helicarrier.store.addresses import SqliteFile


def at(path: Path) -> SqliteFile:
    """The address of a file."""
    return SqliteFile(url=f"sqlite:///{path}", path=path)


def folder_itself(tmp_path: Path) -> Path:
    """A path that is a folder."""
    return tmp_path


def below_a_file(tmp_path: Path) -> Path:
    """A path whose folder is a file."""
    (tmp_path / "file").write_text("text")
    return tmp_path / "file" / "ledger.sqlite"


def something_else(tmp_path: Path) -> Path:
    """A file that is no database."""
    (tmp_path / "notes.txt").write_text("these are notes, and they are longer than a header")
    return tmp_path / "notes.txt"


def a_pipe(tmp_path: Path) -> Path:
    """A named pipe, which would block whoever opens it."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("make", [folder_itself, below_a_file, something_else, a_pipe])
def test_a_path_that_can_hold_no_database_is_refused_every_time(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """The code is DB_PATH_INVALID, the message repeats, and no file appears."""
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    messages = set()
    for _ in range(3):
        with pytest.raises(StorageUnavailable) as caught:
            sqlite_file.require(at(path))
        assert caught.value.code is ErrorCode.DB_PATH_INVALID
        messages.add(caught.value.message)
    assert len(messages) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_database_that_is_not_there_yet_is_pending(tmp_path: Path) -> None:
    """A folder that does not exist can be made, so nothing is wrong with the path."""
    with pytest.raises(NotReady) as caught:
        sqlite_file.require(at(tmp_path / "new" / "deeper" / "ledger.sqlite"))
    assert caught.value.code is ErrorCode.MIGRATION_PENDING
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_cannot_hold_a_new_database(read_only_folder: Path) -> None:
    """It is said before anything is tried."""
    with pytest.raises(StorageUnavailable) as caught:
        sqlite_file.exists(at(read_only_folder / "ledger.sqlite"))
    assert caught.value.code is ErrorCode.DB_PATH_INVALID


def test_a_new_file_is_private(tmp_path: Path) -> None:
    """Only its owner may read what agents did."""
    file = at(tmp_path / "new" / "ledger.sqlite")
    sqlite_file.create(file)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert sqlite_file.exists(file)


def test_making_a_file_again_keeps_its_content(tmp_path: Path) -> None:
    """Two migrators may both believe that there is none."""
    file = at(tmp_path / "ledger.sqlite")
    file.path.write_bytes(b"SQLite format 3\x00 and more")
    sqlite_file.create(file)
    assert file.path.read_bytes() == b"SQLite format 3\x00 and more"


def test_connecting_never_makes_a_file(tmp_path: Path) -> None:
    """A mistyped path must not become an empty database."""
    with pytest.raises(sqlite3.OperationalError):
        sqlite_file.connect(at(tmp_path / "typo.sqlite"), "rw")
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_special_characters_is_opened_as_it_stands(tmp_path: Path) -> None:
    """Question marks, percent signs and hashes are no part of a URI here."""
    file = at(tmp_path / "odd ?mode=ro%20#.sqlite")
    sqlite_file.create(file)
    with closing(sqlite_file.connect(file, "rw")) as connection:
        connection.execute("CREATE TABLE kept (n INTEGER)")
    assert [path.name for path in tmp_path.iterdir()] == ["odd ?mode=ro%20#.sqlite"]


OTHER_PROCESS = """
import sqlite3, sys
found = sqlite3.connect(sys.argv[1])
print(found.execute("SELECT COUNT(*) FROM t").fetchone()[0])
found.close()
"""


def seen_by_another(path: Path) -> int:
    """The rows that another process sees; it opens the file and closes it again."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, path], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.parametrize("look", [sqlite_file.require, sqlite_file.create])
def test_looking_at_a_file_takes_no_lock_from_its_connections(
    look: Callable[[SqliteFile], None], tmp_path: Path
) -> None:
    """Closing a file frees every lock of the process on it: others would take its log away."""
    file = at(tmp_path / "ledger.sqlite")
    sqlite_file.create(file)
    with closing(sqlite_file.connect(file, "rw")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (n INTEGER)")
        for rows in range(1, 4):
            look(file)
            assert seen_by_another(file.path) == rows - 1
            connection.execute("INSERT INTO t VALUES (1)")
            assert seen_by_another(file.path) == rows
        assert (tmp_path / "ledger.sqlite-wal").exists()


def test_a_file_is_judged_again_when_nobody_has_it_open(tmp_path: Path) -> None:
    """A connection that was dropped without being closed counts no more."""
    file = at(tmp_path / "ledger.sqlite")
    sqlite_file.create(file)
    sqlite_file.connect(file, "rw").close()
    with closing(sqlite_file.connect(file, "rw")):
        file.path.write_text("no database any more, and longer than a header")
        sqlite_file.require(file)
    with pytest.raises(StorageUnavailable):
        sqlite_file.require(file)
