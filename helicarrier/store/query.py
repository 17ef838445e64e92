"""The light read path: one snapshot of the operational store, without SQLAlchemy.

A report must be on the screen in 300 ms and SQLAlchemy's import alone costs more, so reads that
need speed go straight to the driver: `:name` parameters on both dialects, plain dicts out. All
statements of one `open_query` see the same state of the store, and none can write.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import date, datetime
from functools import lru_cache
from typing import cast

from helicarrier import times
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.store import sqlite_file
from helicarrier.store.addresses import (
    Address,
    Dialect,
    PostgresDatabase,
    SqliteFile,
    dialect_of,
    parse_address,
)
from helicarrier.store.failures import as_storage_failures
from helicarrier.store.versions import CORE, Environment

Row = dict[str, object]
_Fetch = Callable[[str, Mapping[str, object]], list[Row]]

_HAS_TABLE = {
    "sqlite": "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = :name",
    "postgresql": "SELECT 1 AS found WHERE to_regclass(:name) IS NOT NULL",
}

# Text, identifiers, comments and casts hold no parameters; what is left and begins with one colon
# does. Postgres' driver also reads every percent sign, wherever it stands.
_TOKENS = re.compile(
    r"""(?P<opaque>'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | ::)
      | :(?P<name>[A-Za-z_]\w*)
      | (?P<percent>%)""",
    re.VERBOSE | re.DOTALL,
)


class Query:
    """Reads on one snapshot; made by `open_query`."""

    def __init__(self, dialect: Dialect, place: str, fetch: _Fetch) -> None:
        """Args: the dialect to write SQL in, the store in words, how rows are fetched."""
        self.dialect = dialect
        self.place = place
        self._fetch = fetch

    def rows(self, sql: str, params: Mapping[str, object] | None = None) -> list[Row]:
        """All rows of a SELECT with `:name` parameters.

        Values are equal on both dialects for days (ISO text) and instants (27-character text);
        money stays in its storage form (see `money.from_storage`).

        Raises:
            StorageUnavailable: the store could not be read.
        """
        with as_storage_failures(self.place):
            return self._fetch(sql, params or {})

    def has_table(self, name: str) -> bool:
        """Whether the store has a table of this name."""
        return bool(self.rows(_HAS_TABLE[self.dialect], {"name": name}))

    def current_revision(self, environment: Environment = CORE) -> str | None:
        """The revision that the store records; None when no migration has run."""
        if not all(map(self.has_table, (environment.version_table, *environment.guests))):
            return None
        found = [str(row["version_num"]) for row in self.rows(environment.version_query)]
        return found[-1] if found else None

    def ready(self, environment: Environment = CORE) -> None:
        """Passes when the store is at the schema that this version needs.

        Raises:
            NotReady: MIGRATION_PENDING or SCHEMA_TOO_NEW.
        """
        require_head(self.current_revision(environment), self.place, environment)


def require_head(current: str | None, place: str, environment: Environment) -> None:
    """Passes when `current` is the newest revision that this program knows.

    Raises:
        NotReady: MIGRATION_PENDING or SCHEMA_TOO_NEW.
    """
    code = environment.judge(current)
    if code is None:
        return
    if code is ErrorCode.SCHEMA_TOO_NEW:
        raise NotReady(
            f"{place} is at revision {current}, which this version does not know",
            code=code,
            hint="Run a newer helicarrier, or `helicarrier restore` an older backup.",
        )
    raise NotReady(
        f"{place} is at revision {current or 'none'}, this version needs {environment.head}",
        code=code,
        hint=f"Run `{environment.remedy}`.",
    )


@contextmanager
def open_query(url: str) -> Iterator[Query]:
    """A snapshot of the store at `url`, closed at the end of the block.

    Raises:
        NotReady: MIGRATION_PENDING, there is no database yet.
        StorageUnavailable: it cannot be reached, or DB_PATH_INVALID.
    """
    address = parse_address(url)
    with _open(address) as fetch:
        yield Query(dialect_of(address), address.place, fetch)


def _open(address: Address) -> AbstractContextManager[_Fetch]:
    match address:
        case SqliteFile():
            return _open_sqlite(address)
        case PostgresDatabase():
            return _open_postgres(address)


@contextmanager
def _open_sqlite(file: SqliteFile) -> Iterator[_Fetch]:
    sqlite_file.require(file)
    with as_storage_failures(file.place):
        connection = sqlite_file.connect(file, "ro")
    with closing(connection):

        def fetch(sql: str, params: Mapping[str, object]) -> list[Row]:
            cursor = connection.execute(sql, cast("dict[str, str]", dict(params)))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        with as_storage_failures(file.place):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
        yield fetch


@contextmanager
def _open_postgres(server: PostgresDatabase) -> Iterator[_Fetch]:
    import psycopg

    with as_storage_failures(server.place):
        connection = psycopg.connect(
            server.conninfo,
            connect_timeout=5,
            application_name="helicarrier",
            options="-c TimeZone=UTC",
        )
    with closing(connection):
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def fetch(sql: str, params: Mapping[str, object]) -> list[Row]:
            cursor = connection.execute(to_pyformat(sql), dict(params))
            names = [column.name for column in cursor.description or ()]
            return [
                {name: _plain(value) for name, value in zip(names, row, strict=True)}
                for row in cursor
            ]

        yield fetch


@lru_cache(maxsize=256)
def to_pyformat(sql: str) -> str:
    """SQL with `:name` parameters -> the `%(name)s` form of psycopg."""
    return _TOKENS.sub(_pyformat_token, sql)


def _pyformat_token(token: re.Match[str]) -> str:
    name = token.group("name")
    if name is not None:
        return f"%({name})s"
    return token.group().replace("%", "%%")


def _plain(value: object) -> object:
    match value:
        case datetime():
            return times.utc_text(value)
        case date():
            return value.isoformat()
        case _:
            return value
