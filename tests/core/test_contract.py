"""The rules of a table contract as SQL: they hold, fail and pass over NULL as a CHECK does."""

import sqlite3
from enum import StrEnum

import pytest

from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    JoinedOf,
    NotBefore,
    NullExactlyWhen,
    RequiredFor,
    Requires,
    Rule,
    SumOf,
    TableContract,
    rule_sql,
    values_of,
)

REQUIRES = Requires(name="r", column="a", others=("b", "c"), remedy="")
UNKNOWN = NullExactlyWhen(name="u", column="a", flag="b", value="missing", remedy="")
SUM = SumOf(name="s", total="a", parts=("b", "c"), remedy="")
ORDER = NotBefore(name="o", earlier="a", later="b", remedy="")
NEEDED = RequiredFor(name="n", flag="a", value="post", others=("b", "c"), remedy="")
JOINED = JoinedOf(name="j", column="a", parts=("b", "c"), separator="@", remedy="")


@pytest.mark.parametrize(
    ("rule", "a", "b", "c", "passes"),
    [
        (REQUIRES, 1, 1, 1, True),
        (REQUIRES, None, None, None, True),
        (REQUIRES, None, 1, None, True),
        (REQUIRES, 1, None, 1, False),
        (REQUIRES, 1, 1, None, False),
        (REQUIRES, 0, None, None, False),
        (UNKNOWN, None, "missing", 0, True),
        (UNKNOWN, 1, "derived", 0, True),
        (UNKNOWN, 0, "missing", 0, False),
        (UNKNOWN, None, "derived", 0, False),
        (UNKNOWN, None, None, 0, True),
        (SUM, 3, 1, 2, True),
        (SUM, 4, 1, 2, False),
        (SUM, 3, None, 2, True),
        (ORDER, 1, 1, 0, True),
        (ORDER, 1, 2, 0, True),
        (ORDER, 2, 1, 0, False),
        (ORDER, 2, None, 0, True),
        (ORDER, "2026-01-02", "2026-01-01", 0, False),
        (NEEDED, "post", 1, 1, True),
        (NEEDED, "post", None, 1, False),
        (NEEDED, "post", 1, None, False),
        (NEEDED, "note", None, None, True),
        (NEEDED, None, None, None, True),
        (JOINED, "k@1", "k", 1, True),
        (JOINED, "k@2", "k", 1, False),
        (JOINED, "k", "k", 1, False),
        (JOINED, "k@1", None, 1, True),
    ],
)
def test_a_rule_judges_a_row_as_a_check_does(
    rule: Rule, a: object, b: object, c: object, passes: bool
) -> None:
    """A row is refused exactly when the condition is false; unknown passes."""
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE t (a, b, c, CHECK ({rule_sql(rule)}))")
    try:
        database.execute("INSERT INTO t VALUES (?, ?, ?)", (a, b, c))
        inserted = True
    except sqlite3.IntegrityError:
        inserted = False
    finally:
        database.close()
    assert inserted is passes


class Colour(StrEnum):
    """A vocabulary in an order of its own."""

    RED = "red"
    BLUE = "blue"


def _contract(*columns: Column, rules: tuple[Rule, ...] = ()) -> TableContract:
    return TableContract(name="t", grain="x", columns=columns, primary_key=("a",), rules=rules)


def test_a_vocabulary_becomes_a_check_of_every_value() -> None:
    """In the order of the enum; the values are those of the enum alone."""
    column = Column(name="a", kind=ColumnKind.TEXT, meaning="", values=values_of(Colour))
    assert _contract(column).checks() == {"a_known": "a = 'red' OR a = 'blue'"}


def test_a_lower_bound_becomes_a_check() -> None:
    """Also where the bound is zero."""
    column = Column(name="a", kind=ColumnKind.INTEGER, meaning="", at_least=0)
    assert _contract(column).checks() == {"a_range": "a >= 0"}


def test_rules_are_checks_by_their_names() -> None:
    """Whoever reads a violation finds the rule in the declaration."""
    column = Column(name="a", kind=ColumnKind.INTEGER, meaning="")
    checks = _contract(column, rules=(REQUIRES, SUM)).checks()
    assert checks == {"r": rule_sql(REQUIRES), "s": "a = b + c"}


def test_columns_keep_their_order() -> None:
    """It is the order in which rows are written."""
    columns = [Column(name=name, kind=ColumnKind.TEXT, meaning="") for name in "cab"]
    contract = _contract(*columns)
    assert contract.column_names == ("c", "a", "b")
    assert list(contract.by_name) == ["c", "a", "b"]
