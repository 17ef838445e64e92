"""The warehouse file: transactions, turns, and migrations that happen once."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from helicarrier.errors import ErrorCode, HelicarrierError, NotReady, StorageUnavailable
from helicarrier.store.warehouse import WarehouseStore

ROOT = Path(__file__).parents[2]
ADD = "INSERT INTO notes VALUES (1)"
ADD_AND_FAIL = "INSERT INTO notes VALUES (1); SELECT nothing FROM nowhere"
COUNT = "SELECT COUNT(*) FROM notes"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A folder with one migration."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_notes.sql").write_text("CREATE TABLE notes (n INTEGER);\n")
    return folder


@pytest.fixture
def warehouse(tmp_path: Path, migrations: Path) -> Iterator[WarehouseStore]:
    """A warehouse that waits only shortly."""
    path = tmp_path / "data" / "it's.duckdb"
    with closing(WarehouseStore(path, wait_seconds=0.1, migrations=migrations)) as store:
        yield store


def fail_after(_done: object) -> None:
    """What a block does that gets this far and no further."""
    raise ZeroDivisionError


def count(warehouse: WarehouseStore) -> int:
    """How many rows are committed."""
    with warehouse.read() as connection:
        found = connection.execute(COUNT).fetchone()
    assert found is not None
    return int(found[0])


def test_the_first_write_makes_the_file_and_its_tables(warehouse: WarehouseStore) -> None:
    """Its folder, too; it is private."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    assert count(warehouse) == 1
    assert warehouse.path.stat().st_mode & 0o777 == 0o600


def test_a_block_that_fails_leaves_nothing(warehouse: WarehouseStore) -> None:
    """The next block works, in the same store."""
    with pytest.raises(ZeroDivisionError), warehouse.write() as connection:
        fail_after(connection.execute(ADD))
    assert count(warehouse) == 0
    with warehouse.write() as connection:
        connection.execute(ADD)
    assert count(warehouse) == 1


def test_a_failing_statement_leaves_nothing(warehouse: WarehouseStore) -> None:
    """DuckDB ends such a transaction by itself."""
    with pytest.raises(duckdb.Error), warehouse.write() as connection:
        connection.execute(ADD_AND_FAIL)
    assert count(warehouse) == 0


def test_nothing_is_held_between_blocks(warehouse: WarehouseStore) -> None:
    """Another program can open the file."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    program = (
        "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(warehouse.path), COUNT],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[(1,)]\n"


def test_readers_wait_for_a_writer_and_the_writer_for_readers(warehouse: WarehouseStore) -> None:
    """Who waits too long is told by whom."""
    refused: list[str] = []

    def enter(*, write: bool) -> None:
        try:
            with warehouse.write() if write else warehouse.read():
                pass
        except StorageUnavailable as error:
            refused.append(f"{error.code} {error.message.rpartition('held by ')[2]}")

    def try_to(*, write: bool) -> None:
        thread = threading.Thread(target=enter, kwargs={"write": write})
        thread.start()
        thread.join()

    with warehouse.write():
        try_to(write=False)
        try_to(write=True)
    with warehouse.read():
        try_to(write=False)
        try_to(write=True)
    me = f"STORAGE_BUSY process {os.getpid()}"
    assert refused == [me, me, "STORAGE_BUSY a reader or another program"]


def test_a_program_that_ignores_the_lock_file_is_noticed(warehouse: WarehouseStore) -> None:
    """The DuckDB shell, for example: it holds DuckDB's own lock."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.readline()"
    )
    shell = subprocess.Popen(
        [sys.executable, "-c", program, str(warehouse.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout is not None
    shell.stdout.readline()
    with pytest.raises(StorageUnavailable) as caught, warehouse.write():
        pass
    assert caught.value.code is ErrorCode.STORAGE_BUSY
    shell.communicate("end\n")
    with warehouse.write() as connection:
        connection.execute(ADD)
    assert count(warehouse) == 2


def test_processes_take_turns_without_losing_a_row(tmp_path: Path, migrations: Path) -> None:
    """Nobody meets a locked file."""
    path = tmp_path / "shared.duckdb"
    program = (
        "import sys; from pathlib import Path\n"
        "from helicarrier.store.warehouse import WarehouseStore\n"
        "store = WarehouseStore(Path(sys.argv[1]), migrations=Path(sys.argv[2]))\n"
        "for _ in range(15):\n"
        f"    with store.write() as connection: connection.execute('{ADD}')\n"
    )
    command = [sys.executable, "-c", program, str(path), str(migrations)]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [worker.wait(timeout=600) for worker in workers] == [0, 0, 0]
    assert count(WarehouseStore(path, migrations=migrations)) == 45


def test_a_fork_writes_through_an_engine_of_its_own(tmp_path: Path, migrations: Path) -> None:
    """Workers that are forked must not share what their parent has open."""
    path = tmp_path / "forked.duckdb"
    program = (
        "import os, sys; from pathlib import Path\n"
        "from helicarrier.store.warehouse import WarehouseStore\n"
        "store = WarehouseStore(Path(sys.argv[1]), migrations=Path(sys.argv[2]))\n"
        "def add():\n"
        f"    with store.write() as connection: connection.execute('{ADD}')\n"
        "    return id(store._engines[os.getpid()])\n"
        "own = add(); child = os.fork()\n"
        "if child == 0: os._exit(0 if add() != own else 1)\n"
        "add(); sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(path), str(migrations)]
    assert subprocess.run(command, check=False, cwd=ROOT, timeout=600).returncode == 0
    assert count(WarehouseStore(path, migrations=migrations)) == 3


def test_a_killed_writer_leaves_whole_transactions(tmp_path: Path, migrations: Path) -> None:
    """What was committed is there, what was not is not, and the lock is free."""
    path = tmp_path / "killed.duckdb"
    program = (
        "import os, sys; from pathlib import Path\n"
        "from helicarrier.store.warehouse import WarehouseStore\n"
        "store = WarehouseStore(Path(sys.argv[1]), migrations=Path(sys.argv[2]))\n"
        f"with store.write() as connection: connection.execute('{ADD}')\n"
        "with store.write() as connection:\n"
        f"    connection.execute('{ADD}')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(path), str(migrations)]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -9
    with closing(WarehouseStore(path, wait_seconds=1, migrations=migrations)) as store:
        assert count(store) == 1
        with store.write() as connection:
            connection.execute(ADD)
        assert count(store) == 2


def test_a_new_migration_runs_once_on_an_existing_file(
    warehouse: WarehouseStore, migrations: Path
) -> None:
    """Rows stay; a second write does not run it again."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    (migrations / "0002_label.sql").write_text("ALTER TABLE notes ADD COLUMN label VARCHAR;\n")
    for _ in range(2):
        with closing(WarehouseStore(warehouse.path, migrations=migrations)) as newer:  # noqa: SIM117
            with newer.write() as connection:
                rows = connection.execute("SELECT n, label FROM notes").fetchall()
        assert rows == [(1, None)]


def test_reading_brings_a_file_of_an_earlier_version_up_to_date(
    warehouse: WarehouseStore, migrations: Path
) -> None:
    """Its rows are there: they must not read as if nothing had been written."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    (migrations / "0002_label.sql").write_text("ALTER TABLE notes ADD COLUMN label VARCHAR;\n")
    with closing(WarehouseStore(warehouse.path, migrations=migrations)) as newer:  # noqa: SIM117
        with newer.read() as connection:
            assert connection.execute("SELECT n, label FROM notes").fetchall() == [(1, None)]


def test_no_other_module_opens_the_file() -> None:
    """DuckDB works in memory elsewhere; files are opened by their owner alone."""
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("helicarrier", "assets", "checks", "resources", "sensors", "schedules")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"duckdb\.connect\((?!\)|\":memory:\"|config=)|ATTACH '", path.read_text())
    }
    assert found == {"helicarrier/store/warehouse.py"}


def test_a_failing_migration_is_rolled_back(warehouse: WarehouseStore, migrations: Path) -> None:
    """With what it had done already; the earlier version goes on working."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    (migrations / "0002_bad.sql").write_text("CREATE TABLE half (n INTEGER);\nTHIS IS NOT SQL;\n")
    newer = WarehouseStore(warehouse.path, migrations=migrations)
    with pytest.raises(NotReady) as caught, newer.write():
        pass
    newer.close()
    assert caught.value.code is ErrorCode.MIGRATION_FAILED
    with warehouse.read() as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    assert names == [("helicarrier_warehouse_version",), ("notes",)]


def test_a_file_of_a_newer_program_is_refused(warehouse: WarehouseStore, tmp_path: Path) -> None:
    """To read and to write."""
    with warehouse.write() as connection:
        connection.execute(ADD)
    (tmp_path / "none").mkdir()
    older = WarehouseStore(warehouse.path, migrations=tmp_path / "none")
    for enter in (older.write, older.read):
        with pytest.raises(NotReady) as caught, enter():
            pass
        assert caught.value.code is ErrorCode.SCHEMA_TOO_NEW
    older.close()


def test_reading_before_the_first_write_is_pending(warehouse: WarehouseStore) -> None:
    """And makes no file."""
    with pytest.raises(NotReady) as caught, warehouse.read():
        pass
    assert caught.value.code is ErrorCode.MIGRATION_PENDING
    assert not warehouse.path.parent.exists()


def test_a_reader_cannot_write(warehouse: WarehouseStore) -> None:
    """The file is opened read-only."""
    with warehouse.write():
        pass
    with pytest.raises(duckdb.Error), warehouse.read() as connection:
        connection.execute(ADD)


@pytest.mark.parametrize("kind", ["folder", "text"])
def test_a_path_that_holds_something_else_is_refused(
    kind: str, tmp_path: Path, migrations: Path
) -> None:
    """It stays as it is."""
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("a text that is long enough to hold a header")
    store = WarehouseStore(path, migrations=migrations)
    for enter in (store.write, store.read):
        with pytest.raises(HelicarrierError) as caught, enter():
            pass
        assert caught.value.code is ErrorCode.DB_PATH_INVALID
    assert path.is_dir() or path.read_text().startswith("a text")


def test_times_are_utc(warehouse: WarehouseStore) -> None:
    """Days are cut in SQL, so the session itself must speak UTC."""
    with warehouse.write() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
    with warehouse.read() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
