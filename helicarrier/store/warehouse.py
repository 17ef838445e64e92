"""The warehouse file: the one owner of the DuckDB file, one writer or many readers at a time.

DuckDB lets one process write a file and then nobody else open it, so every access first takes the
lock `<file>.lock` (shared to read, exclusive to write) and waits a bounded time for it. Writes are
short transactions: the file is attached to an engine in memory that lives as long as the store,
which is several times faster than opening it anew, and detached right after. Heavy work belongs
into Parquet files, not in here. The schema is made by numbered plain SQL files at the first write.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from helicarrier import times
from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable
from helicarrier.store.failures import not_a_database
from helicarrier.store.file_lock import PAUSE_SECONDS, held_by_another, locked
from helicarrier.store.versions import MIGRATIONS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MAGIC = b"DUCK"
_MAGIC_OFFSET = 8
_HELD = "Could not set lock on file"  # DuckDB has no codes for its errors.
_CORRUPT = "Corrupt database file"

_HAS_VERSIONS = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'helicarrier_warehouse_version'"
_VERSION = "SELECT COALESCE(MAX(version), 0) FROM helicarrier_warehouse_version"
_CREATE_VERSIONS = """
CREATE TABLE IF NOT EXISTS helicarrier_warehouse_version (
  version INTEGER PRIMARY KEY,
  name VARCHAR NOT NULL,
  applied_at TIMESTAMP WITH TIME ZONE NOT NULL
)
"""
_RECORD_VERSION = "INSERT INTO helicarrier_warehouse_version VALUES ($version, $name, $applied_at)"


class WarehouseStore:
    """The DuckDB file at `path`; nothing is opened or made before the first write."""

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds: float = 10.0,
        migrations: Path = MIGRATIONS / "warehouse",
    ) -> None:
        """Args: the file, how long to wait for others, the folder of NNNN_name.sql files."""
        self.path = path.absolute()
        self._lock_path = self.path.with_name(self.path.name + ".lock")
        self._wait_seconds = wait_seconds
        self._migrations = sorted(migrations.glob("[0-9]*.sql"))
        self._engines: dict[int, DuckDBPyConnection] = {}  # by process id
        self._migrated_file: tuple[int, int] | None = None

    @contextmanager
    def write(self) -> Iterator["DuckDBPyConnection"]:
        """A connection in one transaction, for this process alone; rolled back on any error.

        Raises:
            StorageUnavailable: STORAGE_BUSY names the process that holds the file;
                DB_PATH_INVALID where there is and can be no DuckDB file.
            NotReady: SCHEMA_TOO_NEW or MIGRATION_FAILED.
        """
        self._require_possible()
        with (
            _damage_told(self.path),
            locked(
                self._lock_path,
                subject=self.path,
                exclusive=True,
                wait_seconds=self._wait_seconds,
            ) as deadline,
            self._attached(deadline) as connection,
        ):
            self._migrate(connection)
            with _transaction(connection):
                yield connection

    @contextmanager
    def read(self) -> Iterator["DuckDBPyConnection"]:
        """A read-only connection; other readers may read at the same time.

        A file of an earlier version is brought up to date first.

        Raises:
            NotReady: MIGRATION_PENDING, nothing was written yet; SCHEMA_TOO_NEW; MIGRATION_FAILED.
            StorageUnavailable: as for `write`.
        """
        import duckdb

        if not self.path.exists():
            raise self._pending()
        self._require_possible()
        with (
            _damage_told(self.path),
            locked(
                self._lock_path, subject=self.path, exclusive=False, wait_seconds=self._wait_seconds
            ) as deadline,
            self._patient(
                deadline, lambda: duckdb.connect(str(self.path), read_only=True)
            ) as connection,
        ):
            connection.execute("SET TimeZone = 'UTC'")
            if self._version(connection) == len(self._migrations):
                yield connection
                return
        # What an earlier version wrote must not read as if nothing were there.
        self._migrated_file = None
        with self.write():
            pass
        with self.read() as connection:
            yield connection

    def copy_to(self, target: Path) -> None:
        """A copy of the file as the last transaction left it; none where there is no file.

        Raises:
            StorageUnavailable: as for `write`.
        """
        self._require_possible()
        if not self.path.exists():
            return
        with locked(
            self._lock_path, subject=self.path, exclusive=False, wait_seconds=self._wait_seconds
        ):
            shutil.copyfile(self.path, target)
            log = self.path.with_name(self.path.name + ".wal")
            if log.exists():  # A killed writer left it, and the file is not whole without it.
                shutil.copyfile(log, target.with_name(target.name + ".wal"))

    def close(self) -> None:
        """Ends the engine in memory; a later write starts a new one."""
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.close()

    @contextmanager
    def _attached(self, deadline: float) -> Iterator["DuckDBPyConnection"]:
        """The file as the default database of a connection to this process' engine."""
        import duckdb

        path = str(self.path).replace("'", "''")
        is_new = not self.path.exists()
        connection = self._own_engine().cursor()
        try:
            self._patient(deadline, lambda: connection.execute(f"ATTACH '{path}' AS warehouse"))
            if is_new:
                self.path.chmod(0o600)
            connection.execute("USE warehouse")
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            try:
                connection.execute("USE memory")
                connection.execute("DETACH DATABASE IF EXISTS warehouse")
            except duckdb.Error:
                self.close()  # Whatever still holds the file goes with the engine.
            connection.close()

    def _own_engine(self) -> "DuckDBPyConnection":
        """The engine of this process, on one thread: that suffices for short transactions.

        A fork must neither use its parent's engine nor let go of it: closing it would wait for
        threads that only the parent has.
        """
        import duckdb

        pid = os.getpid()
        if pid not in self._engines:
            self._engines[pid] = duckdb.connect(":memory:", config={"threads": 1})
        return self._engines[pid]

    def _patient(
        self, deadline: float, open_file: "Callable[[], DuckDBPyConnection]"
    ) -> "DuckDBPyConnection":
        """Programs that do not know the lock file (the DuckDB shell) hold DuckDB's own lock."""
        import duckdb

        while True:
            try:
                return open_file()
            except duckdb.IOException as error:
                if _HELD not in str(error):
                    raise StorageUnavailable(
                        f"the warehouse file {self.path} cannot be opened",
                        hint="`helicarrier doctor` looks at the folder, the disk and the file.",
                    ) from error
                if time.monotonic() > deadline:
                    raise held_by_another(self.path) from error
            time.sleep(PAUSE_SECONDS)

    def _require_possible(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                return
            with self.path.open("rb") as file:
                head = file.read(_MAGIC_OFFSET + len(_MAGIC))
        except OSError:
            raise StorageUnavailable(
                f"the warehouse file {self.path} cannot exist there",
                code=ErrorCode.DB_PATH_INVALID,
                hint="Set HELICARRIER_DATA_DIR to a folder that can be written.",
            ) from None
        if head[_MAGIC_OFFSET:] != _MAGIC:
            raise not_a_database(f"the warehouse file {self.path}")

    def _version(self, connection: "DuckDBPyConnection") -> int:
        if connection.execute(_HAS_VERSIONS).fetchone() is None:
            return 0
        # All of it: while a result is unfinished the connection makes no relation.
        found = connection.execute(_VERSION).fetchall()
        version = int(found[0][0])
        if version > len(self._migrations):
            raise NotReady(
                f"the warehouse file {self.path} is at version {version}, "
                f"this program knows {len(self._migrations)}",
                code=ErrorCode.SCHEMA_TOO_NEW,
                hint="Run a newer helicarrier.",
            )
        return version

    def _migrate(self, connection: "DuckDBPyConnection") -> None:
        """Runs what is pending, each file and its record in one transaction."""
        import duckdb

        status = self.path.stat()
        this_file = (status.st_dev, status.st_ino)
        if self._migrated_file == this_file:
            return
        for number in range(self._version(connection) + 1, len(self._migrations) + 1):
            script = self._migrations[number - 1]
            try:
                with _transaction(connection):
                    connection.execute(_CREATE_VERSIONS)
                    connection.execute(script.read_text(encoding="utf-8"))
                    record = {"version": number, "name": script.stem, "applied_at": times.now()}
                    connection.execute(_RECORD_VERSION, record)
            except duckdb.Error as error:
                raise NotReady(
                    f"migration {script.stem} of the warehouse file {self.path} failed "
                    "and was rolled back",
                    code=ErrorCode.MIGRATION_FAILED,
                    hint="The file is as it was before; report the cause.",
                ) from error
        self._migrated_file = this_file

    def _pending(self) -> NotReady:
        return NotReady(
            f"the warehouse file {self.path} does not hold this version's tables yet",
            code=ErrorCode.MIGRATION_PENDING,
            hint="The first import or refresh makes them.",
        )


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turns what DuckDB says of a damaged file into an error of the project, lets the rest pass."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        broken = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
        if not isinstance(error, broken) and _CORRUPT not in str(error):
            raise
        raise StorageUnavailable(
            f"the warehouse file {path} is damaged",
            hint="Keep it as evidence and put a copy from before in its place.",
        ) from error


@contextmanager
def _transaction(connection: "DuckDBPyConnection") -> Iterator[None]:
    import duckdb

    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # DuckDB may have ended the transaction by itself.
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
