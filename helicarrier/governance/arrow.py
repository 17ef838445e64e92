"""Contracts as Arrow: the declared schema of a table, and a database's CSV as such a table.

The schema of a Parquet partition is declared, never guessed from its first rows: a column that is
NULL all day has the type it always has. Money comes as whole nano-dollars and becomes DECIMAL
without moving a digit: both are the same 128-bit integers, only the declared scale differs.
"""

from typing import TYPE_CHECKING

from helicarrier.governance.contract import Column, ColumnKind, TableContract

if TYPE_CHECKING:
    import pyarrow as pa

_NANO_SCALE = 9
_MONEY_DIGITS = 20
_INTEGER_DIGITS = 19  # what Arrow asks for when 64-bit integers become decimals


def arrow_schema(contract: TableContract) -> "pa.Schema":
    """The Arrow schema of a contract, columns in its order.

    Money is DECIMAL(20,9), instants are microseconds in UTC, days are date32. Each field carries
    its meaning and unit as metadata, so that a Parquet file explains itself.
    """
    import pyarrow as pa

    return pa.schema([_field(column) for column in contract.columns])


def table_of_csv(contract: TableContract, data: bytes) -> "pa.Table":
    r"""CSV lines in the contract's column order, without a header -> a table of its schema.

    Args:
        contract: declares the columns.
        data: RFC 4180 with `\n` ends of line; instants as ISO 8601 with a zone, days as ISO text,
            money as whole nano-dollars. NULL is nothing at all, an empty text is a pair of quotes.

    Raises:
        pyarrow.ArrowInvalid: a line has other columns, or a value is not of its column's kind.
    """
    import pyarrow as pa
    from pyarrow import csv

    schema = arrow_schema(contract)
    if not data:
        return schema.empty_table()
    parsed = csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(column_names=schema.names, block_size=len(data)),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=[_field_of_csv(column) for column in contract.columns],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    arrays = [
        money_of_nanos(array) if column.kind is ColumnKind.MONEY else array
        for column, array in zip(contract.columns, map(_only_chunk, parsed.columns), strict=True)
    ]
    return pa.table(arrays, schema=schema)


def money_of_nanos(nanos: "pa.Array") -> "pa.Array":
    """Whole nano-dollars (int64) -> DECIMAL(20,9), reading the same integers with a scale."""
    import pyarrow as pa

    whole = nanos.cast(pa.decimal128(_INTEGER_DIGITS, 0))
    return _reinterpreted(whole, _type(ColumnKind.MONEY))


def nanos_of_money(money: "pa.Array") -> "pa.Array":
    """DECIMAL(20,9) -> whole nano-dollars (int64), reading the same integers without a scale.

    Raises:
        pyarrow.ArrowInvalid: an amount beyond nine billion dollars.
    """
    import pyarrow as pa

    return _reinterpreted(money, pa.decimal128(_MONEY_DIGITS, 0)).cast(pa.int64())


def _reinterpreted(decimals: "pa.Array", wanted: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    return pa.Array.from_buffers(
        wanted, len(decimals), decimals.buffers(), decimals.null_count, decimals.offset
    )


def _only_chunk(column: "pa.ChunkedArray") -> "pa.Array":
    return column.chunk(0)


def _field(column: Column) -> "pa.Field":
    import pyarrow as pa

    metadata = {"comment": column.meaning}
    if column.unit:
        metadata["unit"] = column.unit
    return pa.field(column.name, _type(column.kind), column.nullable, metadata)


def _field_of_csv(column: Column) -> "pa.Field":
    import pyarrow as pa

    kind = ColumnKind.INTEGER if column.kind is ColumnKind.MONEY else column.kind
    return pa.field(column.name, _type(kind))


def _type(kind: ColumnKind) -> "pa.DataType":
    import pyarrow as pa

    match kind:
        case ColumnKind.TEXT | ColumnKind.JSON:
            return pa.string()
        case ColumnKind.INTEGER:
            return pa.int64()
        case ColumnKind.REAL | ColumnKind.SCORE:
            return pa.float64()
        case ColumnKind.MONEY:
            return pa.decimal128(_MONEY_DIGITS, _NANO_SCALE)
        case ColumnKind.TIMESTAMP:
            return pa.timestamp("us", tz="UTC")
        case ColumnKind.DAY:
            return pa.date32()
        case ColumnKind.BYTES:
            return pa.binary()
