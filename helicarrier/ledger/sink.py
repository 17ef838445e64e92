"""The ledger's statements on one open write transaction, for SQLite and for Postgres.

Bulk work goes straight to the DBAPI cursor with statements compiled once by SQLAlchemy: on SQLite
`executemany`, on Postgres COPY into a temporary table and one INSERT from it. Keys are looked up
in sets (`json_each`, `ANY`). Rows are tuples in the column order of their contract, instants as
canonical text, money as nano-dollars; what comes back has the same forms on both.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Protocol, Self

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier import times
from helicarrier.money import from_nanos, to_nanos
from helicarrier.store.types import Money

Scalar = str | int | bytes | None
Row = tuple[Scalar, ...]

_COPIES = (
    "SELECT u.usage_id, u.session_id, s.started_at, u.occurred_at, u.total_tokens, u.cost_usd"
    " FROM session_ledger s, {keys} k, session_usage u WHERE s.session_id = u.session_id AND "
)
_SEARCHED = {"session_ledger"}
_ROWS_OF_A_STATEMENT = 100
_LEDGER_LOCK = 0x48454C49  # "HELI": one writer of the ledger at a time


class Cursor(Protocol):
    """The part of a DBAPI cursor that bulk work needs."""

    def execute(self, sql: str, params: Sequence[object] = ..., /) -> object:
        """Run one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[object]], /) -> object:
        """Run one statement for each row."""
        ...

    def fetchall(self) -> list[tuple[object, ...]]:
        """All rows of the last statement."""
        ...


class Sink(Protocol):
    """Set-based statements inside one write transaction."""

    def lookup(self, sql: str, keys: Iterable[str]) -> list[Row]:
        """Rows of a query over `{keys}`, the relation of the keys with its one column `value`."""
        ...

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows whose keys are known to be new."""
        ...

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows; a row with the same primary key is replaced."""
        ...

    def add(self, table: Table, rows: Sequence[Row], counts: Collection[str]) -> None:
        """Insert rows; to a row with the same primary key the `counts` are added.

        Its other columns are replaced.
        """
        ...

    def copies(self, message_keys: Iterable[str]) -> list[Row]:
        """Calls whose id begins with a key and `:`.

        Rows of usage_id, session_id, the session's started_at, occurred_at, total_tokens,
        cost_usd.
        """
        ...

    def execute(self, sql: str, keys: Iterable[str]) -> None:
        """Run a statement over `{keys}`."""
        ...

    def execute_each(self, sql: str, rows: Sequence[Row]) -> None:
        """Run a statement with `?` parameters for each row."""
        ...

    def serialize(self) -> None:
        """Wait until no other transaction writes to the ledger; lasts until the commit."""
        ...


def sink_of(connection: Connection) -> Sink:
    """The sink of an open write transaction."""
    cursor = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        return SqliteSink(cursor)  # type: ignore[arg-type]
    return PostgresSink(cursor)  # type: ignore[arg-type]


class SqliteSink:
    """Statements on SQLite."""

    _KEYS = "(SELECT value FROM json_each(?))"

    def __init__(self, cursor: Cursor) -> None:
        """Args: a cursor inside a transaction that began with BEGIN IMMEDIATE."""
        self._cursor = cursor

    def lookup(self, sql: str, keys: Iterable[str]) -> list[Row]:
        """See `Sink.lookup`."""
        self.execute(sql, keys)
        return self._cursor.fetchall()  # type: ignore[return-value]

    def copies(self, message_keys: Iterable[str]) -> list[Row]:
        """See `Sink.copies`: a range of the primary key for each; `;` follows `:`."""
        return self.lookup(
            _COPIES + "u.usage_id >= k.value || ':' AND u.usage_id < k.value || ';'", message_keys
        )

    def execute(self, sql: str, keys: Iterable[str]) -> None:
        """See `Sink.execute`."""
        listed = msgspec.json.encode(list(keys)).decode()
        self._cursor.execute(sql.replace("{keys}", self._KEYS), (listed,) * sql.count("{keys}"))

    def execute_each(self, sql: str, rows: Sequence[Row]) -> None:
        """See `Sink.execute_each`."""
        if rows:
            self._cursor.executemany(sql, rows)

    def serialize(self) -> None:
        """BEGIN IMMEDIATE has done it already."""

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Sink.insert`: more than twice as fast as an upsert of the same rows.

        The search writes its part of the index at the end of each statement that fires it, which
        costs several times the row itself, so such rows go many to a statement.
        """
        for start in range(0, len(rows), _ROWS_OF_A_STATEMENT):
            part = rows[start : start + _ROWS_OF_A_STATEMENT]
            several = tuple(chain.from_iterable(part))
            self._cursor.execute(_sqlite_inserts(table, len(part)), several)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Sink.upsert`."""
        if rows:
            self._cursor.executemany(_sqlite_upsert(table), rows)

    def add(self, table: Table, rows: Sequence[Row], counts: Collection[str]) -> None:
        """See `Sink.add`."""
        if rows:
            self._cursor.executemany(_addition(table, frozenset(counts)), rows)


class PostgresSink:
    """Statements on Postgres."""

    _KEYS = "(SELECT unnest(%s::text[]) AS value)"

    def __init__(self, cursor: "PostgresCursor") -> None:
        """Args: a psycopg cursor inside a transaction."""
        self._cursor = cursor

    def lookup(self, sql: str, keys: Iterable[str]) -> list[Row]:
        """See `Sink.lookup`."""
        self.execute(sql, keys)
        return [tuple(map(_text_form, row)) for row in self._cursor.fetchall()]

    def copies(self, message_keys: Iterable[str]) -> list[Row]:
        """See `Sink.copies`: by bytes, whatever the database's collation is."""
        return self.lookup(
            _COPIES + "u.usage_id ~>=~ (k.value || ':') AND u.usage_id ~<~ (k.value || ';')",
            message_keys,
        )

    def execute(self, sql: str, keys: Iterable[str]) -> None:
        """See `Sink.execute`."""
        prepared = sql.replace("%", "%%").replace("{keys}", self._KEYS)
        self._cursor.execute(prepared, (list(keys),) * sql.count("{keys}"))

    def execute_each(self, sql: str, rows: Sequence[Row]) -> None:
        """See `Sink.execute_each`."""
        if rows:
            self._cursor.executemany(sql.replace("?", "%s"), rows)

    def serialize(self) -> None:
        """See `Sink.serialize`."""
        self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LEDGER_LOCK,))

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Sink.insert`; COPY makes no difference between new and known keys."""
        self.upsert(table, rows)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Sink.upsert`."""
        if not rows:
            return
        create, copy, insert, drop = _postgres_upsert(table)
        self._cursor.execute(create)
        with self._cursor.copy(copy) as stream:
            for row in _in_dollars(table, rows):
                stream.write_row(row)
        self._cursor.execute(insert)
        self._cursor.execute(drop)

    def add(self, table: Table, rows: Sequence[Row], counts: Collection[str]) -> None:
        """See `Sink.add`."""
        if rows:
            addition = _addition(table, frozenset(counts)).replace("?", "%s")
            self._cursor.executemany(addition, _in_dollars(table, rows))


class CopyStream(Protocol):
    """An open COPY ... FROM STDIN."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *exc: object) -> None:
        """End."""
        ...

    def write_row(self, row: Sequence[object]) -> None:
        """Send one row."""
        ...


class PostgresCursor(Cursor, Protocol):
    """A psycopg cursor."""

    def copy(self, statement: str) -> CopyStream:
        """Begin a COPY."""
        ...


def _text_form(value: object) -> Scalar:
    match value:
        case datetime():
            return times.utc_text(value)
        case Decimal():
            return to_nanos(value)
        case _:
            return value  # type: ignore[return-value]


def _in_dollars(table: Table, rows: Sequence[Row]) -> Iterator[Sequence[object]]:
    money = _money_positions(table)
    for row in rows:
        changed: list[object] = list(row)
        for position in money:
            nanos = row[position]
            if isinstance(nanos, int):
                changed[position] = from_nanos(nanos)
        yield changed


@cache
def _money_positions(table: Table) -> tuple[int, ...]:
    return tuple(n for n, column in enumerate(table.columns) if isinstance(column.type, Money))


@cache
def _sqlite_inserts(table: Table, count: int) -> str:
    insert = str(sqlite.insert(table).compile(dialect=sqlite.dialect(paramstyle="qmark")))
    head, _, values = insert.partition(" VALUES ")
    return f"{head} VALUES {', '.join([values] * count)}"


@cache
def _sqlite_upsert(table: Table) -> str:
    statement = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=rest)
    return str(upsert.compile(dialect=sqlite.dialect(paramstyle="qmark")))


@cache
def _addition(table: Table, counts: frozenset[str]) -> str:
    """With `?` for each column; all names come from the table."""
    columns = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    rest = ", ".join(
        f"{name} = {table.name}.{name} + excluded.{name}"
        if name in counts
        else f"{name} = excluded.{name}"
        for name in columns
        if name not in keys
    )
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)})"  # noqa: S608
        f" VALUES ({', '.join('?' * len(columns))})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {rest}"
    )


@cache
def _postgres_upsert(table: Table) -> tuple[str, str, str, str]:
    """CREATE, COPY, INSERT and DROP of a stage; all names come from the table."""
    quote = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]
    name, stage = quote(table.name), quote(f"stage_{table.name}")
    columns = ", ".join(quote(column.name) for column in table.columns)
    keys = ", ".join(quote(column.name) for column in table.primary_key)
    rest = ", ".join(
        f"{quote(column.name)} = EXCLUDED.{quote(column.name)}"
        for column in table.columns
        if not column.primary_key
    )
    return (
        f"CREATE TEMPORARY TABLE {stage} (LIKE {name} INCLUDING DEFAULTS) ON COMMIT DROP",
        f"COPY {stage} ({columns}) FROM STDIN",
        (
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {stage} "  # noqa: S608
            f"ON CONFLICT ({keys}) DO UPDATE SET {rest}"
        ),
        f"DROP TABLE {stage}",
    )
