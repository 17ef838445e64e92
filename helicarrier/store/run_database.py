"""Where runs are kept: the warehouse file, or Postgres for teams, behind one Protocol.

The statements of the run store are one text for both: `$name` parameters, and `epoch_us(...)` for
instants, which leave a database as whole microseconds. A write is one transaction, and writers take
turns, since each event of the chain needs the one before it.
"""

import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from helicarrier.errors import ErrorCode, NotReady
from helicarrier.store.operational import OperationalStore
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = tuple[Any, ...]
"""A row as the driver gives it; its types are settled where records are made of it."""

Params = Mapping[str, object]

_SCHEMA = "run_store"
_LOCK = 0x52554E53  # "RUNS": one writer of the run store at a time
_PARAMETER = re.compile(r"\$([a-z_0-9]+)")
_MICROSECONDS = re.compile(r"epoch_us\(([a-z_.]+)\)")


class Statements(Protocol):
    """Statements within one transaction."""

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run a statement."""
        ...

    def rows(self, sql: str, params: Params | None = None) -> list[Row]:
        """All rows of a query."""
        ...


class RunDatabase(Protocol):
    """The database of a run store."""

    def write(self) -> AbstractContextManager[Statements]:
        """One transaction of the only writer; rolled back on any error."""
        ...

    def read(self) -> AbstractContextManager[Statements]:
        """Reads.

        Raises:
            NotReady: MIGRATION_PENDING, nothing was ever written.
        """
        ...


class WarehouseRuns:
    """Runs in the warehouse file."""

    def __init__(self, warehouse: WarehouseStore) -> None:
        """Args: the owner of the file."""
        self._warehouse = warehouse

    @contextmanager
    def write(self) -> Iterator[Statements]:
        """See `RunDatabase.write`."""
        with self._warehouse.write() as connection:
            yield _DuckStatements(connection)

    @contextmanager
    def read(self) -> Iterator[Statements]:
        """See `RunDatabase.read`."""
        with self._warehouse.read() as connection:
            yield _DuckStatements(connection)


class PostgresRuns:
    """Runs in Postgres, in a schema of their own: other programs have tables of these names."""

    def __init__(self, url: str) -> None:
        """Args: the Postgres URL; connections are closed when this object goes."""
        self._store = OperationalStore(url)
        weakref.finalize(self, self._store.close)

    @contextmanager
    def write(self) -> Iterator[Statements]:
        """See `RunDatabase.write`."""
        with self._store.write() as connection, _missing_is_pending():
            statements = _PostgresStatements(connection.connection.cursor())
            statements.rows("SELECT pg_advisory_xact_lock($key)", {"key": _LOCK})
            yield statements

    @contextmanager
    def read(self) -> Iterator[Statements]:
        """See `RunDatabase.read`."""
        with self._store.read() as connection, _missing_is_pending():
            yield _PostgresStatements(connection.connection.cursor())


class _DuckStatements:
    def __init__(self, connection: "DuckDBPyConnection") -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params | None = None) -> None:
        self._connection.execute(sql, dict(params or {}))

    def rows(self, sql: str, params: Params | None = None) -> list[Row]:
        return self._connection.execute(sql, dict(params or {})).fetchall()


class _Cursor(Protocol):
    def execute(self, sql: str, params: Mapping[str, object], /) -> object: ...

    def fetchall(self) -> Sequence[Row]: ...


class _PostgresStatements:
    def __init__(self, cursor: "_Cursor") -> None:
        self._cursor = cursor
        self._cursor.execute(f"SET LOCAL search_path TO {_SCHEMA}", {})

    def execute(self, sql: str, params: Params | None = None) -> None:
        self._cursor.execute(_postgres(sql), dict(params or {}))

    def rows(self, sql: str, params: Params | None = None) -> list[Row]:
        self.execute(sql, params)
        return list(self._cursor.fetchall())


@lru_cache(maxsize=64)
def _postgres(sql: str) -> str:
    """The statement in Postgres' and psycopg's words."""
    named = _PARAMETER.sub(r"%(\1)s", sql)
    return _MICROSECONDS.sub(r"CAST(EXTRACT(EPOCH FROM \1) * 1000000 AS BIGINT)", named)


@contextmanager
def _missing_is_pending() -> Iterator[None]:
    from psycopg import errors

    try:
        yield
    except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
        raise NotReady(
            "the run store has no tables in Postgres yet",
            code=ErrorCode.MIGRATION_PENDING,
            hint="Run `helicarrier migrate up`.",
        ) from error
