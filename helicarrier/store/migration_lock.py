"""The lock guard: one migrator at a time, on a connection that is already in its transaction.

Who holds the lock sees a store that no other migrator can change, so two that start at once do the
work once: the second waits and finds it done. On SQLite the lock is the transaction itself, taken
with BEGIN IMMEDIATE: it keeps every other writer and migrator out, yet the backup that is taken
first may read through a connection of its own. Foreign keys are off before it begins, since inside
a transaction SQLite ignores the switch and a dropped table would take its children's rows along;
`check_foreign_keys` makes good for that before the commit. On Postgres it is a session's advisory
lock, which leaves with the session even when the process is killed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection, NullPool, create_engine, event, text

from helicarrier.store import sqlite_file
from helicarrier.store.addresses import Address, PostgresDatabase, SqliteFile
from helicarrier.store.failures import as_storage_failures
from helicarrier.store.operational import postgres_engine

WAIT_SECONDS = 60
"""How long a migrator waits for another one, and for readers and writers to let go of tables."""

ADVISORY_LOCK = 7_236_415_981
"""The number of the advisory lock; only this program uses it in its database."""


@contextmanager
def locked(address: Address) -> Iterator[Connection]:
    """A connection inside the one transaction of a migration; committed unless the block fails.

    Raises:
        StorageUnavailable: the store cannot be reached or written, or STORAGE_BUSY after waiting.
    """
    with as_storage_failures(address.place), _locked(address) as connection:
        yield connection


def check_foreign_keys(connection: Connection) -> list[str]:
    """SQLite: tables that hold a row without its parent, sorted; empty on Postgres."""
    if connection.dialect.name != "sqlite":
        return []
    return sorted({str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})


def _locked(address: Address) -> AbstractContextManager[Connection]:
    match address:
        case SqliteFile():
            return _locked_sqlite(address)
        case PostgresDatabase():
            return _locked_postgres(address)


@contextmanager
def _locked_sqlite(file: SqliteFile) -> Iterator[Connection]:
    def connect() -> sqlite3.Connection:
        connection = sqlite_file.connect(file, "rw", timeout=WAIT_SECONDS)
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        with connection.begin():
            yield connection
        _switch_to_wal(connection)


def _switch_to_wal(connection: Connection) -> None:
    """Between transactions; a file in use keeps its mode, and the next writer tries again."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        return
    finally:
        cursor.close()


@contextmanager
def _locked_postgres(server: PostgresDatabase) -> Iterator[Connection]:
    engine = postgres_engine(server)
    try:
        with engine.connect() as connection:
            wait = {"wait": f"{WAIT_SECONDS}s"}
            connection.execute(text("SELECT set_config('lock_timeout', :wait, false)"), wait)
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
            connection.commit()
            with connection.begin():
                yield connection
            # The lock leaves with the session, which the engine's end closes.
    finally:
        engine.dispose()
