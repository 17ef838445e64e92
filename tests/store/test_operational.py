"""The operational store: transactions, locks and failures on both engines."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable
from helicarrier.ledger.tables import audit_log
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.operational import OperationalStore

ROOT = Path(__file__).parents[2]
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE_ENTRY = """
INSERT INTO audit_log VALUES ('a', '2026-03-01T12:00:00.000000Z', 'x', 'x', 'x', '{}')
"""


def add_entry(connection: Connection, name: str) -> None:
    """One row in the audit log."""
    connection.execute(
        insert(audit_log).values(
            audit_id=name,
            occurred_at=MOMENT,
            actor="test",
            action="write",
            subject="row",
            details_json="{}",
        )
    )


def add_many(connection: Connection) -> None:
    """More rows than a few pages hold."""
    for n in range(1000):
        add_entry(connection, f"{n:0500}")


def fail_after(_done: object) -> None:
    """What a block does that gets this far and no further."""
    raise ZeroDivisionError


def entries(store: OperationalStore) -> int:
    """How many rows are committed."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(audit_log)).scalar_one()


def test_a_block_that_ends_is_committed(store: OperationalStore) -> None:
    """Other connections see the row."""
    with store.write() as connection:
        add_entry(connection, "a")
    assert entries(store) == 1


def test_a_block_that_fails_leaves_nothing(store: OperationalStore) -> None:
    """Whatever the error is, all of it is rolled back, and the next block works."""
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        fail_after(add_entry(connection, "a"))
    assert entries(store) == 0
    with store.write() as connection:
        add_entry(connection, "a")
    assert entries(store) == 1


def test_rows_of_the_drivers_cursor_belong_to_the_transaction(store: OperationalStore) -> None:
    """Bulk statements go through it and must roll back like the rest."""
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        fail_after(connection.connection.cursor().execute(ONE_ENTRY))
    assert entries(store) == 0


def test_a_refused_row_stays_an_integrity_error(store: OperationalStore) -> None:
    """It is the caller's defect, not a failure of the storage."""
    with store.write() as connection:
        add_entry(connection, "a")
    with pytest.raises(IntegrityError), store.write() as connection:
        add_entry(connection, "a")


def test_a_missing_parent_is_refused(store: OperationalStore) -> None:
    """Foreign keys are in force, on SQLite too."""
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO session_events VALUES "
                "('e', 'nobody', 'u', NULL, 'r', 0, 'message', '2026-03-01T00:00:00.000000Z', '{}')"
            )
        )


def test_a_reader_cannot_write(store: OperationalStore) -> None:
    """The engine refuses it, whatever the statement."""
    with pytest.raises((DBAPIError, StorageUnavailable), match="read"), store.read() as connection:
        add_entry(connection, "a")
    assert entries(store) == 0


def test_a_reader_sees_one_state(store: OperationalStore) -> None:
    """What is committed meanwhile is seen by the next block."""
    count = select(func.count()).select_from(audit_log)
    with store.read() as reader:
        assert reader.execute(count).scalar_one() == 0
        with store.write() as writer:
            add_entry(writer, "a")
        assert reader.execute(count).scalar_one() == 0
    assert entries(store) == 1


def test_instants_come_back_in_utc_whatever_the_server_thinks(store: OperationalStore) -> None:
    """Days are cut in SQL, so the session itself must speak UTC."""
    with store.write() as connection:
        add_entry(connection, "a")
    with store.read() as connection:
        found = connection.execute(select(audit_log.c.occurred_at)).scalar_one()
        if store.dialect == "postgresql":
            assert connection.execute(text("SHOW TimeZone")).scalar_one() == "UTC"
    assert found == MOMENT
    assert found.utcoffset().total_seconds() == 0


def test_sqlite_is_durable_and_strict(sqlite_store: OperationalStore) -> None:
    """WAL, foreign keys, FULL synchronisation: what a commit promises."""
    with sqlite_store.write() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        ]
    assert found == ["wal", 1, 2]


def test_a_write_holds_the_lock_from_its_beginning(sqlite_store: OperationalStore) -> None:
    """A deferred transaction would fail in its middle instead of waiting at its start."""
    with closing(OperationalStore(sqlite_store.url, wait_seconds=0.1)) as other:  # noqa: SIM117
        with sqlite_store.write():
            with pytest.raises(StorageUnavailable) as caught, other.write():
                pass
    assert caught.value.code is ErrorCode.STORAGE_BUSY


def test_a_second_thread_waits_its_turn_and_then_gives_up(sqlite_store: OperationalStore) -> None:
    """A process has one writer; who waits too long is told so."""
    caught: list[StorageUnavailable] = []

    def write() -> None:
        try:
            with sqlite_store.write():
                pass
        except StorageUnavailable as error:
            caught.append(error)

    with sqlite_store.write():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert [error.code for error in caught] == [ErrorCode.STORAGE_BUSY]


def test_four_processes_write_without_losing_a_row(migrated_sqlite_url: str) -> None:
    """None of them ever meets a locked database."""
    program = (
        "import sys\n"
        "from tests.store.test_operational import add_entry\n"
        "from helicarrier.store.operational import OperationalStore\n"
        "store = OperationalStore(sys.argv[1])\n"
        "for n in range(50):\n"
        "    with store.write() as connection: add_entry(connection, f'{sys.argv[2]}-{n}')\n"
        "store.close()"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program, migrated_sqlite_url, str(n)], cwd=ROOT)
        for n in range(4)
    ]
    assert [worker.wait(timeout=600) for worker in workers] == [0, 0, 0, 0]
    with closing(OperationalStore(migrated_sqlite_url)) as store:
        assert entries(store) == 200


def test_a_store_that_was_never_migrated_is_pending(sqlite_url: str, tmp_path: Path) -> None:
    """Opening it makes no file."""
    with closing(OperationalStore(sqlite_url)) as store:  # noqa: SIM117
        with pytest.raises(NotReady) as caught, store.write():
            pass
    assert caught.value.code is ErrorCode.MIGRATION_PENDING
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """Its bytes and its folder stay as they were."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, this is certainly not a database")
    with closing(OperationalStore(f"sqlite:///{path}")) as store:  # noqa: SIM117
        with pytest.raises(StorageUnavailable) as caught, store.write():
            pass
    assert caught.value.code is ErrorCode.DB_PATH_INVALID
    assert path.read_text() == "dear diary, this is certainly not a database"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_database_is_unavailable_and_recovers(sqlite_store: OperationalStore) -> None:
    """The failed block leaves nothing; with space again the store works without a restart."""
    with sqlite_store.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageUnavailable) as caught, sqlite_store.write() as connection:
        add_many(connection)
    assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert entries(sqlite_store) == 0
    with sqlite_store.write() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages * 10}")
        add_entry(connection, "a")
    assert entries(sqlite_store) == 1


def write_around_the_end_of_the_session(connection: Connection, conninfo: str) -> None:
    """One row before the server ends the session, one after."""
    add_entry(connection, "a")
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(conninfo, autocommit=True) as killer:
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    add_entry(connection, "b")


@pytest.fixture
def postgres_store(migrated_postgres_url: str) -> Iterator[OperationalStore]:
    """A Postgres store at the newest revision."""
    with closing(OperationalStore(migrated_postgres_url)) as store:
        yield store


def test_a_lost_server_connection_is_unavailable_and_recovers(
    postgres_store: OperationalStore,
) -> None:
    """The block in progress fails as a whole; the next one finds a new connection."""
    address = parse_address(postgres_store.url)
    assert isinstance(address, PostgresDatabase)
    with pytest.raises(StorageUnavailable), postgres_store.write() as connection:
        write_around_the_end_of_the_session(connection, address.conninfo)
    with postgres_store.write() as connection:
        add_entry(connection, "c")
    assert entries(postgres_store) == 1


def test_a_file_of_another_mode_is_switched_to_wal(sqlite_store: OperationalStore) -> None:
    """A database that was copied by hand may have lost it."""
    with sqlite_store.write():
        pass
    sqlite_store.close()
    path = sqlite_store.url.removeprefix("sqlite:///")
    program = f"import sqlite3; sqlite3.connect({path!r}).execute('PRAGMA journal_mode = DELETE')"
    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))
    with sqlite_store.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
