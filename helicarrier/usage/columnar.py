"""Rows of the operational store as Arrow tables, at the speed of the driver's text.

A Python object for each value would cost more than the database's own work. So both dialects hand
over whole rows as CSV lines, which Arrow parses into columns of the declared types: Postgres by
COPY, SQLite by formatting the line inside the query. Money travels as whole nano-dollars and
instants as canonical text, so one parser serves both.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from helicarrier.governance.arrow import table_of_csv
from helicarrier.governance.contract import Column, ColumnKind, TableContract
from helicarrier.store.query import to_pyformat

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 20_000
_BATCH_BYTES = 4_000_000


def read(
    connection: Connection,
    contract: TableContract,
    query: str,
    params: Mapping[str, str],
    *,
    order_by: str,
) -> "Iterator[pa.Table]":
    """The rows of a query, batch by batch, in the order of one column.

    Args:
        connection: a read transaction.
        contract: declares the columns that the query returns, by name.
        query: a SELECT without ORDER BY (SQLite would buffer its rows before they are formatted)
            in the words that both dialects know, with `:name` parameters.
        params: instants and days as text.
        order_by: a column of the contract.

    Raises:
        pyarrow.ArrowInvalid: a stored value is not of its column's kind.
    """
    sqlite = connection.dialect.name == "sqlite"
    line = _sqlite_line(contract) if sqlite else _postgres_line(contract)
    select = f"SELECT {line} FROM ({query}) AS wanted ORDER BY {order_by}"  # noqa: S608 - names
    fetch = _sqlite_lines if sqlite else _postgres_lines
    for data in fetch(connection, select, params):
        yield table_of_csv(contract, data)


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime.combine(day, time(), UTC)


def _sqlite_lines(
    connection: Connection, select: str, params: Mapping[str, str]
) -> Iterator[bytes]:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(select, dict(params))
        while rows := cursor.fetchmany(_BATCH_ROWS):
            # With an end after the last line: Arrow takes an empty value right before the end of
            # the data for a quoted one.
            yield "\n".join([*[row[0] for row in rows], ""]).encode()
    finally:
        cursor.close()


def _sqlite_line(contract: TableContract) -> str:
    formats = ",".join(_sqlite_format(column) for column in contract.columns)
    values = ", ".join(_sqlite_value(column) for column in contract.columns)
    return f"printf('{formats}', {values})"


def _sqlite_format(column: Column) -> str:
    # %w doubles the quotes inside a text and writes NULL as an empty text, %s writes it as nothing.
    return '"%w"' if _is_open_text(column) and not column.nullable else "%s"


def _sqlite_value(column: Column) -> str:
    name = column.name
    if _is_open_text(column) and column.nullable:
        return f"CASE WHEN {name} IS NOT NULL THEN printf('\"%w\"', {name}) END"
    return f"hex({name})" if column.kind is ColumnKind.BYTES else name


def _is_open_text(column: Column) -> bool:
    return column.kind in {ColumnKind.TEXT, ColumnKind.JSON} and not column.values


def _postgres_lines(
    connection: Connection, select: str, params: Mapping[str, str]
) -> Iterator[bytes]:
    cursor = connection.connection.cursor()
    copy = to_pyformat(f"COPY ({select}) TO STDOUT (FORMAT csv)")
    try:
        with cursor.copy(copy, dict(params)) as lines:
            pending = bytearray()
            for line in lines:
                pending += line
                if len(pending) >= _BATCH_BYTES:
                    yield bytes(pending)
                    pending.clear()
            if pending:
                yield bytes(pending)
    finally:
        cursor.close()


def _postgres_line(contract: TableContract) -> str:
    return ", ".join(_postgres_value(column) for column in contract.columns)


def _postgres_value(column: Column) -> str:
    name = column.name
    match column.kind:
        case ColumnKind.MONEY:
            return f"CAST({name} * 1000000000 AS BIGINT)"
        case ColumnKind.TIMESTAMP:
            return f"""to_char({name}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        case ColumnKind.BYTES:
            return f"encode({name}, 'hex')"
        case _:
            return name
