"""Replacing days of an aggregate table: DELETE and a bulk INSERT, both in the caller's transaction.

The rows come as one Arrow table that was validated before. They go to the driver in its fastest
form: SQLite takes tuples of its storage forms, Postgres a CSV stream. The days are deleted by
equality on the first column of the primary key, whether they have new rows or not.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from helicarrier.governance.arrow import nanos_of_money
from helicarrier.governance.contract import Column, ColumnKind
from helicarrier.usage.aggregates import Aggregate

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = date(1970, 1, 1)
_INSTANT_FORM = "%Y-%m-%dT%H:%M:%SZ"  # Arrow's seconds have six decimals at this resolution


def replace_days(
    connection: Connection, aggregate: Aggregate, days: Iterable[date], rows: "pa.Table"
) -> None:
    """Put `rows` in the place of all rows of these days.

    Args:
        connection: an open write transaction.
        aggregate: names the table and its day column.
        days: the days to replace; `rows` has no others.
        rows: in the contract's schema, ordered by primary key: SQLite then appends.
    """
    replaced = [day.isoformat() for day in sorted(set(days))]
    if connection.dialect.name == "sqlite":
        _replace_on_sqlite(connection, aggregate, replaced, rows)
    else:
        _replace_on_postgres(connection, aggregate, replaced, rows)


def rows_between(rows: "pa.Table", aggregate: Aggregate, first: date, last: date) -> "pa.Table":
    """The part of a result, which is ordered by its days, that lies on first to last."""
    import pyarrow as pa

    days = rows.column(aggregate.day).cast(pa.int32()).to_numpy()
    start = days.searchsorted((first - _EPOCH).days, side="left")
    end = days.searchsorted((last - _EPOCH).days, side="right")
    return rows.slice(start, end - start)


def _replace_on_sqlite(
    connection: Connection, aggregate: Aggregate, days: Sequence[str], rows: "pa.Table"
) -> None:
    contract = aggregate.contract
    names = ", ".join(contract.column_names)
    places = ", ".join("?" * len(contract.columns))
    delete = f"DELETE FROM {contract.name} WHERE {aggregate.day} = ?"  # noqa: S608 - contract
    insert = f"INSERT INTO {contract.name} ({names}) VALUES ({places})"  # noqa: S608 - contract
    columns = [_stored(column, rows.column(column.name)) for column in contract.columns]
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(delete, [(day,) for day in days])
        # sqlite3 takes any iterable, so the rows need not all be tuples at once.
        cursor.executemany(insert, zip(*columns, strict=True))  # type: ignore[arg-type]
    finally:
        cursor.close()


def _stored(column: Column, values: "pa.ChunkedArray") -> list[object]:
    """A column as the list of its SQLite storage forms."""
    import pyarrow as pa
    import pyarrow.compute as pc

    match column.kind:
        case ColumnKind.MONEY:
            parts = [nanos_of_money(part) for part in values.chunks]
            return pa.chunked_array(parts, pa.int64()).to_pylist()  # type: ignore[no-any-return]
        case ColumnKind.TIMESTAMP:
            return _repeated(values, lambda few: pc.strftime(few, _INSTANT_FORM))
        case ColumnKind.DAY:
            return _repeated(values, lambda few: few.cast(pa.string()))
        case ColumnKind.TEXT | ColumnKind.JSON:
            return _repeated(values, lambda few: few)
        case ColumnKind.INTEGER | ColumnKind.REAL | ColumnKind.BYTES:
            return values.to_pylist()  # type: ignore[no-any-return]


def _repeated(values: "pa.ChunkedArray", form: "Callable[[pa.Array], pa.Array]") -> list[object]:
    """Texts of which there are few: each is made once, and the rows share it."""
    import numpy as np
    import pyarrow as pa

    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    few = np.array([*form(encoded.dictionary).to_pylist(), None], dtype=object)
    places = encoded.indices.fill_null(len(few) - 1).to_numpy()
    return few[places].tolist()  # type: ignore[no-any-return]


def _replace_on_postgres(
    connection: Connection, aggregate: Aggregate, days: Sequence[str], rows: "pa.Table"
) -> None:
    import pyarrow as pa
    from pyarrow import csv

    contract = aggregate.contract
    names = ", ".join(contract.column_names)
    lines = pa.BufferOutputStream()
    # Every text is quoted, so that an empty one is not read as NULL.
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    csv.write_csv(rows, lines, options)
    cursor = connection.connection.cursor()
    try:
        # Two refreshes of one day would otherwise both delete nothing and both insert.
        cursor.execute(f"LOCK TABLE {contract.name} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            f"DELETE FROM {contract.name} WHERE {aggregate.day} = ANY(%s::date[])",  # noqa: S608
            (list(days),),
        )
        with cursor.copy(f"COPY {contract.name} ({names}) FROM STDIN (FORMAT csv)") as stream:
            stream.write(lines.getvalue().to_pybytes())
    finally:
        cursor.close()
