"""Replacing days of an aggregate table: DELETE and a bulk INSERT in the caller's transaction.

The rows come as one Arrow table that was validated before, and go to the driver in its fastest
form. On SQLite most of the time goes into handing over values, one by one, so a statement inserts
many rows and what is equal in all of them is handed over once. Postgres takes a CSV stream.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, islice
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from helicarrier.governance.arrow import nanos_of_money
from helicarrier.governance.contract import Column, ColumnKind, TableContract
from helicarrier.usage.aggregates import Aggregate

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = date(1970, 1, 1)
_INSTANT_FORM = "%Y-%m-%dT%H:%M:%SZ"  # Arrow's seconds have six decimals at this resolution
_STAMPS = ("updated_at", "run_id")
"""Columns of every aggregate that are equal in all rows of one refresh."""
_ROWS_PER_STATEMENT = 100


def replace_days(
    connection: Connection, aggregate: Aggregate, days: Iterable[date], rows: "pa.Table"
) -> None:
    """Put `rows` in the place of all rows of these days.

    Args:
        connection: an open write transaction.
        aggregate: names the table and the column of its day.
        days: the days to replace, whether they have new rows or not; `rows` has no others.
        rows: of one refresh, in the contract's schema, ordered by primary key.
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
    start = int(days.searchsorted((first - _EPOCH).days, side="left"))
    end = int(days.searchsorted((last - _EPOCH).days, side="right"))
    return rows.slice(start, end - start)


def _replace_on_sqlite(
    connection: Connection, aggregate: Aggregate, days: Sequence[str], rows: "pa.Table"
) -> None:
    contract = aggregate.contract
    cursor = connection.connection.cursor()
    try:
        delete = f"DELETE FROM {contract.name} WHERE {aggregate.day} = ?"  # noqa: S608 - contract
        cursor.executemany(delete, [(day,) for day in days])
        if not rows.num_rows:
            return
        own = [column for column in contract.columns if column.name not in _STAMPS]
        stored = [_stored(column, rows.column(column.name)) for column in own]
        stamps = [_stored(contract.by_name[name], rows.column(name)[:1])[0] for name in _STAMPS]
        in_blocks, left = divmod(rows.num_rows, _ROWS_PER_STATEMENT)
        values = zip(*stored, strict=True)
        # sqlite3 takes any iterable, so the rows need not all be in memory as tuples.
        cursor.executemany(
            _insert(contract, own, _ROWS_PER_STATEMENT),
            _blocks(values, stamps, in_blocks),  # type: ignore[arg-type]
        )
        if left:
            cursor.execute(_insert(contract, own, left), [*stamps, *chain.from_iterable(values)])
    finally:
        cursor.close()


def _insert(contract: TableContract, own: Sequence[Column], rows: int) -> str:
    """INSERT of some rows. Parameters: the stamps, once, then the own columns row by row."""
    names = ", ".join([*(column.name for column in own), *_STAMPS])
    stamps = [f"?{place + 1}" for place in range(len(_STAMPS))]
    values = []
    for row in range(rows):
        first = len(_STAMPS) + 1 + row * len(own)
        places = [f"?{first + place}" for place in range(len(own))]
        values.append(f"({', '.join([*places, *stamps])})")
    return f"INSERT INTO {contract.name} ({names}) VALUES {', '.join(values)}"  # noqa: S608


def _blocks(
    values: Iterator[Sequence[object]], stamps: Sequence[object], blocks: int
) -> Iterator[list[object]]:
    for _ in range(blocks):
        yield [*stamps, *chain.from_iterable(islice(values, _ROWS_PER_STATEMENT))]


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
        case ColumnKind.INTEGER | ColumnKind.REAL | ColumnKind.SCORE | ColumnKind.BYTES:
            return values.to_pylist()  # type: ignore[no-any-return]


def _repeated(values: "pa.ChunkedArray", form: "Callable[[pa.Array], pa.Array]") -> list[object]:
    """Values of which there are few different ones: each is made once, and the rows share it."""
    import numpy as np
    import pyarrow as pa

    encoded = pa.concat_arrays(values.chunks).dictionary_encode()
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
    # This style quotes every text, so that an empty one is not read as NULL.
    csv.write_csv(rows, lines, csv.WriteOptions(include_header=False, quoting_style="needed"))
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
