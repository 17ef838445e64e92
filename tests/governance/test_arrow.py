"""Contracts as Arrow: declared types whatever the data, and CSV of a database read exactly."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.governance.arrow import (
    arrow_schema,
    money_of_nanos,
    nanos_of_money,
    table_of_csv,
)
from helicarrier.governance.contract import Column, ColumnKind, TableContract
from helicarrier.money import from_nanos


def column(name: str, kind: ColumnKind, *, nullable: bool = True, unit: str = "") -> Column:
    """A column without rules."""
    return Column(name=name, kind=kind, meaning=f"The {name}.", nullable=nullable, unit=unit)


EVERYTHING = TableContract(
    name="everything",
    grain="test",
    primary_key=("label",),
    columns=(
        column("label", ColumnKind.TEXT, nullable=False),
        column("amount", ColumnKind.INTEGER, unit="tokens"),
        column("share", ColumnKind.REAL),
        column("cost", ColumnKind.MONEY),
        column("at", ColumnKind.TIMESTAMP),
        column("on", ColumnKind.DAY),
        column("details", ColumnKind.JSON),
    ),
)


def test_every_kind_has_its_declared_type() -> None:
    """Money is exact, instants are UTC microseconds."""
    assert arrow_schema(EVERYTHING).types == [
        pa.string(),
        pa.int64(),
        pa.float64(),
        pa.decimal128(20, 9),
        pa.timestamp("us", tz="UTC"),
        pa.date32(),
        pa.string(),
    ]


def test_a_field_explains_itself() -> None:
    """Meaning and unit travel with the file."""
    field = arrow_schema(EVERYTHING).field("amount")
    assert field.metadata == {b"comment": b"The amount.", b"unit": b"tokens"}


def test_nullability_is_the_contracts() -> None:
    """A column that must have a value says so in the schema."""
    assert [field.nullable for field in arrow_schema(EVERYTHING)] == [False] + [True] * 6


def test_a_line_becomes_a_row_of_the_declared_types() -> None:
    """Each kind is read from the text that the database hands over."""
    line = b'"a",12,0.5,1500000000,2026-10-05T12:00:00.000001Z,2026-10-05,"{""k"":1}"'
    assert table_of_csv(EVERYTHING, line).to_pylist() == [
        {
            "label": "a",
            "amount": 12,
            "share": 0.5,
            "cost": Decimal("1.5"),
            "at": datetime(2026, 10, 5, 12, microsecond=1, tzinfo=UTC),
            "on": date(2026, 10, 5),
            "details": '{"k":1}',
        }
    ]


def test_nothing_is_null_and_a_pair_of_quotes_is_an_empty_text() -> None:
    """The two are different things in every other engine, so they stay apart here."""
    table = table_of_csv(EVERYTHING, b'"",,,,,,\n"x",,,,,,""')
    assert table.column("label").to_pylist() == ["", "x"]
    assert table.column("details").to_pylist() == [None, ""]


def test_columns_that_are_null_throughout_keep_their_types() -> None:
    """A type is never guessed from what a day happens to hold."""
    assert table_of_csv(EVERYTHING, b'"a",,,,,,').schema == arrow_schema(EVERYTHING)


def test_no_bytes_are_an_empty_table() -> None:
    """A day without rows has the schema of every other day."""
    table = table_of_csv(EVERYTHING, b"")
    assert (table.num_rows, table.schema) == (0, arrow_schema(EVERYTHING))


@pytest.mark.parametrize(
    "label", ["a,b", 'say "so"', "two\nlines", "\r\n", "ünï", "NULL", " ", "\\", "'"]
)
def test_text_is_never_syntax(label: str) -> None:
    """Commas, quotes and ends of line inside a quoted text belong to it."""
    quoted = label.replace('"', '""')
    table = table_of_csv(EVERYTHING, f'"{quoted}",1,,,,,\n"next",2,,,,,'.encode())
    assert table.column("label").to_pylist() == [label, "next"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'"a",1', id="too few columns"),
        pytest.param(b'"a",one,,,,,', id="a word for a number"),
        pytest.param(b'"a",,,,2026-10-05T12:00:00.000000,,', id="an instant without a zone"),
        pytest.param(b'"a",,,99999999999999999999,,,', id="money beyond 64 bits"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(line: bytes) -> None:
    """Nothing is read as NULL or cut because it does not fit."""
    with pytest.raises(pa.ArrowInvalid):
        table_of_csv(EVERYTHING, line)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_money_keeps_every_digit(nanos: list[int | None]) -> None:
    """Reading the integers with a scale is the same as dividing exactly."""
    money = money_of_nanos(pa.array(nanos, pa.int64()))
    assert money.to_pylist() == [None if n is None else from_nanos(n) for n in nanos]
    assert nanos_of_money(money).to_pylist() == nanos


def test_a_slice_of_money_is_read_at_its_place() -> None:
    """The integers of a slice begin in the middle of the buffer."""
    money = money_of_nanos(pa.array([1, None, 3, 4]))
    assert nanos_of_money(money[2:]).to_pylist() == [3, 4]


def test_money_beyond_64_bits_of_nanos_is_refused() -> None:
    """Eleven billion dollars have a place in DECIMAL(20,9) but none in the ledger."""
    with pytest.raises(pa.ArrowInvalid):
        nanos_of_money(pa.array([Decimal(11_000_000_000)], pa.decimal128(20, 9)))
