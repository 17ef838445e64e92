"""The operational store: one writer engine and one reader engine over SQLite or Postgres.

SQLite allows one writer at a time. Every write transaction therefore takes the lock at its start
(BEGIN IMMEDIATE; a deferred one would fail in the middle when another process got in between), a
process has one writer connection, and readers are `query_only` with a snapshot each. A commit is
durable before it returns (synchronous FULL). Failures of the surroundings leave this module as
`StorageUnavailable`; a refused row stays SQLAlchemy's IntegrityError.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Pool, QueuePool, create_engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from helicarrier.errors import ErrorCode
from helicarrier.store import sqlite_file
from helicarrier.store.addresses import (
    Dialect,
    PostgresDatabase,
    SqliteFile,
    dialect_of,
    parse_address,
)
from helicarrier.store.failures import as_storage_failures, busy, storage_failure

WAIT_SECONDS = 30.0
"""How long a writer tries to get its turn before it gives up with STORAGE_BUSY."""

_READERS = 4
_BULK = (
    "PRAGMA cache_size = -16384",
    "PRAGMA wal_autocheckpoint = 4096",
    "PRAGMA temp_store = MEMORY",
)
"""A writer keeps up to 16 MB of pages, so that the indexes that a large transaction fills are not
read and written over and over; the log is copied back every 16 MB; and what takes a failed
statement back, a copy of each page that it touches, is kept in memory instead of a temporary file.
None of them touches durability.
"""


class OperationalStore:
    """The store at a URL; connections are opened at first use and kept until `close`."""

    def __init__(self, url: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
        """Nothing is opened yet.

        Args:
            url: `sqlite:///PATH` or `postgresql+psycopg://...`.
            wait_seconds: how long a writer tries to get its turn.
        """
        self.url = url
        self._address = parse_address(url)
        self.dialect: Dialect = dialect_of(self._address)
        match self._address:
            case SqliteFile():
                self._writer = _sqlite_writer(self._address, wait_seconds)
                self._reader = _sqlite_reader(self._address)
            case PostgresDatabase():
                self._use(postgres_engine(self._address))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in one write transaction: committed at the end, rolled back on any error.

        Keep it short (about half a second), so that other writers get their turn. The driver's
        cursor for bulk statements is `connection.connection.cursor()`.

        Raises:
            NotReady: MIGRATION_PENDING, there is no database yet.
            StorageUnavailable: the store cannot be reached or written; nothing was committed.
        """
        with self._failures(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one snapshot and cannot write.

        Raises:
            NotReady: MIGRATION_PENDING, there is no database yet.
            StorageUnavailable: the store cannot be reached.
        """
        with self._failures(), self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection; a later use opens new ones."""
        self._writer.dispose()
        self._reader.dispose()

    def _use(self, engine: Engine) -> None:
        """Postgres: write through this engine, and read through it in snapshots."""
        self._writer = engine
        self._reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        place = self._address.place
        try:
            with as_storage_failures(place):
                yield
        except PoolTimeoutError as error:
            raise busy(place) from error


def postgres_engine(
    server: PostgresDatabase, *, poolclass: type[Pool] = QueuePool, ping: bool = True
) -> Engine:
    """An engine whose sessions speak UTC and that survives a restart of the server.

    Without `ping` a connection is not tried before it is used: a statement less for each
    transaction, and the first one after a restart fails.
    """
    return create_engine(
        server.url,
        poolclass=poolclass,
        pool_pre_ping=ping,
        connect_args={
            "application_name": "helicarrier",
            "connect_timeout": 5,
            "options": "-c TimeZone=UTC",
        },
    )


def _sqlite_writer(file: SqliteFile, wait_seconds: float) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite_file.connect(
            file, "rw", timeout=min(wait_seconds, sqlite_file.BUSY_TIMEOUT_SECONDS)
        )
        _set(connection, "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL", *_BULK)
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            _set(connection, "PRAGMA journal_mode = WAL")
        return connection

    engine = _sqlite_engine(file, connect, connections=1, wait_seconds=wait_seconds)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        _begin_immediate(connection, file.place, wait_seconds)

    return engine


def _sqlite_reader(file: SqliteFile) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite_file.connect(file, "rw")
        _set(connection, "PRAGMA query_only = ON")
        return connection

    engine = _sqlite_engine(file, connect, connections=_READERS, wait_seconds=WAIT_SECONDS)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _sqlite_engine(
    file: SqliteFile,
    connect: Callable[[], sqlite3.Connection],
    *,
    connections: int,
    wait_seconds: float,
) -> Engine:
    def creator() -> sqlite3.Connection:
        sqlite_file.require(file)
        return connect()

    return create_engine(
        "sqlite+pysqlite://",
        creator=creator,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=wait_seconds,
    )


def _set(connection: sqlite3.Connection, *pragmas: str) -> None:
    """Runs pragmas on a new connection, which is not left open when one fails."""
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise


def _begin_immediate(connection: Connection, place: str, wait_seconds: float) -> None:
    """SQLite's lock is no queue: within the busy timeout a waiter polls ever more slowly.

    Starting anew polls fast again and so finds the gaps between the transactions of a busy
    importer; the random pause keeps waiting processes from knocking in step.
    """
    deadline = time.monotonic() + wait_seconds
    cursor = connection.connection.cursor()
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                failure = storage_failure(error, place)
                waited_enough = time.monotonic() > deadline
                if failure is None or failure.code is not ErrorCode.STORAGE_BUSY or waited_enough:
                    raise
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  a pause, no secret
            else:
                return
    finally:
        cursor.close()
