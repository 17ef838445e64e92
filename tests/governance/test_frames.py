"""Contracts as pandera schemas: pandas and SQL agree row by row, and each rule can fail."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helicarrier.errors import ErrorCode, VerificationFailed
from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.columns import governance_columns
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
)
from helicarrier.governance.frames import KEY_RULE, SAMPLE, Breaches, validate
from helicarrier.ledger.tables import SESSION_USAGE
from helicarrier.usage.tables import CONTRACTS, FACTS

KEY = Column(name="id", kind=ColumnKind.INTEGER, meaning="Key.")


def number(name: str, at_least: int | None = None) -> Column:
    """A nullable number."""
    return Column(
        name=name, kind=ColumnKind.INTEGER, meaning="A number.", nullable=True, at_least=at_least
    )


def word(name: str, *values: str) -> Column:
    """A nullable text, of closed vocabulary where values are given."""
    return Column(name=name, kind=ColumnKind.TEXT, meaning="A text.", nullable=True, values=values)


def contract(columns: Sequence[Column], *rules: Rule) -> TableContract:
    """A table of these columns beside its key."""
    return TableContract(
        name="probe", grain="probe", primary_key=("id",), columns=(KEY, *columns), rules=rules
    )


SMALL = st.none() | st.integers(-2, 2)
FLAG = st.none() | st.sampled_from(["missing", "derived", ""])

# A contract of one rule each, and what its columns hold.
KINDS = {
    "requires": (
        contract(
            [number("a"), number("b"), number("c")],
            Requires(name="rule", column="a", others=("b", "c"), remedy="r"),
        ),
        (SMALL, SMALL, SMALL),
    ),
    "null_exactly_when": (
        contract(
            [number("a"), word("flag")],
            NullExactlyWhen(name="rule", column="a", flag="flag", value="missing", remedy="r"),
        ),
        (SMALL, FLAG),
    ),
    "sum_of": (
        contract(
            [number("a"), number("b"), number("c")],
            SumOf(name="rule", total="a", parts=("b", "c"), remedy="r"),
        ),
        (SMALL, SMALL, SMALL),
    ),
    "not_before": (
        contract(
            [number("a"), number("b")],
            NotBefore(name="rule", earlier="a", later="b", remedy="r"),
        ),
        (SMALL, SMALL),
    ),
    "required_for": (
        contract(
            [word("flag"), number("a"), number("b")],
            RequiredFor(name="rule", flag="flag", value="missing", others=("a", "b"), remedy="r"),
        ),
        (FLAG, SMALL, SMALL),
    ),
    "joined_of": (
        contract(
            [word("whole"), word("a"), number("b")],
            JoinedOf(name="rule", column="whole", parts=("a", "b"), separator="@", remedy="r"),
        ),
        (st.none() | st.sampled_from(["x@1", "x@-1", "@0", ""]), st.sampled_from(["x", ""]), SMALL),
    ),
    "filled": (
        contract(
            [Column(name="t", kind=ColumnKind.TEXT, meaning="T.", nullable=True, filled=True)]
        ),
        (FLAG,),
    ),
    "known": (contract([word("flag", "missing", "derived")]), (FLAG,)),
    "range": (contract([number("a", at_least=1)]), (SMALL,)),
}


def refused_by_sqlite(probe: TableContract, rows: Sequence[tuple[object, ...]]) -> set[int]:
    """Keys of the rows that a table with the contract's CHECKs does not take."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        return _refused(probe, rows, connection.execute, sqlite3.IntegrityError)
    finally:
        connection.close()


def refused_by_duckdb(probe: TableContract, rows: Sequence[tuple[object, ...]]) -> set[int]:
    """Keys of the rows that a table with the contract's CHECKs does not take."""
    # A database takes longer to open than all rows to insert: a cursor shares the one in memory.
    with duckdb.cursor() as connection:
        connection.execute("DROP TABLE IF EXISTS probe")
        return _refused(probe, rows, connection.execute, duckdb.ConstraintException)


def _refused(
    probe: TableContract,
    rows: Sequence[tuple[object, ...]],
    execute: Callable[..., object],
    refusal: type[Exception],
) -> set[int]:
    columns = ", ".join(
        f"{column.name} {'BIGINT' if column.kind is ColumnKind.INTEGER else 'TEXT'}"
        for column in probe.columns
    )
    checks = "".join(f", CHECK ({condition})" for condition in probe.checks().values())
    execute(f"CREATE TABLE probe ({columns}{checks})")
    places = ", ".join("?" * len(probe.columns))
    refused = set()
    for row in rows:
        try:
            execute(f"INSERT INTO probe VALUES ({places})", row)  # noqa: S608 - test
        except refusal:
            refused.add(int(str(row[0])))
    return refused


def refused_by_pandera(probe: TableContract, rows: Sequence[tuple[object, ...]]) -> set[int]:
    """Keys of the rows that break a rule; there are fewer rows than a breach shows."""
    table = pa.Table.from_pylist(
        [dict(zip(probe.column_names, row, strict=True)) for row in rows],
        schema=arrow_schema(probe),
    )
    breaches = validate(probe, table).breaches
    return {int(key) for breach in breaches for (key,) in breach.sample}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50)
@given(data=st.data())
def test_sql_and_pandas_agree_row_by_row(kind: str, data: st.DataObject) -> None:
    """What a CHECK of SQLite or DuckDB refuses is what the schema refuses, NULL included."""
    probe, columns = KINDS[kind]
    values = data.draw(st.lists(st.tuples(*columns), max_size=6))
    rows = [(key, *row) for key, row in enumerate(values)]
    refused = refused_by_pandera(probe, rows)
    assert refused == refused_by_sqlite(probe, rows)
    assert refused == refused_by_duckdb(probe, rows)


GOOD = {
    "usage_id": "call-1",
    "session_id": "session-1",
    "source_uri": "/logs/a.jsonl",
    "source_line": 7,
    "run_id": "run-1",
    "seq": 0,
    "occurred_at": datetime(2026, 10, 5, 12, tzinfo=UTC),
    "provider": "acme",
    "model_id": "rocket",
    "prompt_tokens": 10,
    "cache_read_tokens": 20,
    "cache_write_5m_tokens": 3,
    "cache_write_1h_tokens": 4,
    "completion_tokens": 5,
    "reasoning_tokens": 2,
    "total_tokens": 42,
    "price_context": None,
    "runtime_ms": 900,
    "cost_usd": Decimal("0.000000001"),
    "pricing_version": "list@1",
    "cost_source": "derived",
    "cost_confidence": "medium",
    "token_source": "provider_reported",
    "token_confidence": "high",
    "runtime_source": "derived",
    "runtime_confidence": "medium",
    "computed_at": datetime(2026, 10, 6, tzinfo=UTC),
}


def calls(*changes: dict[str, object]) -> pa.Table:
    """A good call and, for each change, one that differs from it in key and change."""
    rows = [GOOD] + [
        GOOD | {"usage_id": f"changed-{place}"} | change for place, change in enumerate(changes)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(SESSION_USAGE))


def rules_of(breaches: Breaches) -> set[str]:
    """The rules that rows broke."""
    return {breach.rule for breach in breaches.breaches}


def test_good_rows_pass() -> None:
    """The row that the other tests break is whole."""
    assert validate(SESSION_USAGE, calls()) == Breaches(
        contract="session_usage", rows=1, breaches=()
    )


def test_an_unknown_cost_without_a_price_passes() -> None:
    """Unknown is NULL, and NULL needs no price list."""
    unknown = {
        "cost_usd": None,
        "pricing_version": None,
        "cost_source": "missing",
        "cost_confidence": "unknown",
    }
    assert not validate(SESSION_USAGE, calls(unknown)).breaches


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"pricing_version": None}, "cost_has_version"),
        ({"cost_usd": None}, "cost_has_source"),
        ({"cost_usd": None}, "cost_has_confidence"),
        ({"cost_source": "missing"}, "cost_has_source"),
        ({"cost_confidence": "unknown"}, "cost_has_confidence"),
        ({"cost_usd": Decimal(-1)}, "cost_usd_range"),
        ({"cost_source": "guessed"}, "cost_source_known"),
        ({"cost_confidence": "sure"}, "cost_confidence_known"),
        ({"token_source": "guessed"}, "token_source_known"),
        ({"token_confidence": "sure"}, "token_confidence_known"),
        ({"runtime_source": "guessed"}, "runtime_source_known"),
        ({"runtime_confidence": "sure"}, "runtime_confidence_known"),
        ({"runtime_source": "missing"}, "runtime_has_source"),
        ({"total_tokens": 43}, "total_is_sum"),
        ({"reasoning_tokens": 6}, "reasoning_in_completion"),
        ({"cost_source": None}, "cost_source_not_null"),
        ({"cost_confidence": None}, "cost_confidence_not_null"),
        ({"token_source": None}, "token_source_not_null"),
        ({"token_confidence": None}, "token_confidence_not_null"),
        ({"runtime_source": None}, "runtime_source_not_null"),
        ({"runtime_confidence": None}, "runtime_confidence_not_null"),
        ({"computed_at": None}, "computed_at_not_null"),
        ({"usage_id": "call-1"}, KEY_RULE),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_governance_rule_can_fail(change: dict[str, object], rule: str) -> None:
    """One wrong value breaks the rule that watches over it."""
    assert rule in rules_of(validate(SESSION_USAGE, calls(change)))


def test_every_governance_column_has_a_rule_that_can_fail() -> None:
    """The table above leaves no column of provenance out."""
    (mark,) = test_each_governance_rule_can_fail.pytestmark
    tried = {name for change, _ in mark.args[1] for name in change}
    assert {column.name for column in governance_columns()} <= tried


def test_failing_rows_are_counted_and_named() -> None:
    """A breach counts all rows and shows the keys of the first ones."""
    wrong = [{"total_tokens": 1}] * (SAMPLE + 5)
    (breach,) = validate(SESSION_USAGE, calls(*wrong)).breaches
    assert breach.failing == SAMPLE + 5
    assert breach.sample == tuple((f"changed-{place}",) for place in range(SAMPLE))
    assert breach.remedy.startswith("Import the source again")


def test_the_error_names_rules_and_no_values() -> None:
    """What is logged never holds what was in the rows."""
    breaches = validate(SESSION_USAGE, calls({"cost_source": "secret-value"}))
    with pytest.raises(VerificationFailed, match=r"cost_source_known \(1\)") as raised:
        breaches.raise_if_any()
    assert raised.value.code is ErrorCode.GOVERNANCE_BREACH
    assert "secret-value" not in str(raised.value) + raised.value.hint


def test_no_breach_raises_nothing() -> None:
    """A whole frame passes the gate."""
    validate(SESSION_USAGE, calls()).raise_if_any()


def test_a_missing_column_is_a_breach() -> None:
    """Rules over a column that is not there are not taken for kept."""
    table = calls().drop_columns(["cost_source"])
    assert rules_of(validate(SESSION_USAGE, table)) == {"cost_source_present"}


def test_an_unknown_column_is_a_breach() -> None:
    """A frame of another table does not pass for this one."""
    table = calls().append_column("extra", pa.array([1]))
    assert rules_of(validate(SESSION_USAGE, table)) == {"columns_known"}


def test_a_column_of_another_type_is_a_breach() -> None:
    """Money as a float is not money."""
    table = calls()
    place = table.schema.get_field_index("cost_usd")
    floats = table.set_column(place, "cost_usd", pa.array([0.1]))
    assert rules_of(validate(SESSION_USAGE, floats)) == {"cost_usd_type"}


def test_a_plain_frame_is_read_like_an_arrow_one() -> None:
    """None, NaN and NaT are NULL, whatever pandas keeps the column in."""
    frame = pd.DataFrame([GOOD, GOOD | {"usage_id": "b", "runtime_ms": None}])
    assert rules_of(validate(SESSION_USAGE, frame)) == {"runtime_has_source"}


def test_a_plain_frame_with_a_wrong_type_is_a_breach() -> None:
    """A column that cannot become its declared type is named."""
    frame = pd.DataFrame([GOOD | {"seq": "first"}])
    assert rules_of(validate(SESSION_USAGE, frame)) == {"seq_type"}


def test_an_empty_frame_passes() -> None:
    """A day without rows breaks nothing."""
    assert validate(SESSION_USAGE, arrow_schema(SESSION_USAGE).empty_table()).breaches == ()


def test_pandera_cannot_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's switches do not reach the gate."""
    monkeypatch.setenv("PANDERA_VALIDATION_ENABLED", "False")
    monkeypatch.setenv("PANDERA_VALIDATION_DEPTH", "SCHEMA_ONLY")
    from pandera.config import config_context

    with config_context(validation_enabled=False):
        assert validate(SESSION_USAGE, calls({"total_tokens": 1})).breaches


@pytest.mark.parametrize("probe", [*CONTRACTS, *FACTS], ids=lambda probe: probe.name)
def test_the_key_of_every_table_is_checked(probe: TableContract) -> None:
    """Two equal rows break the primary key, and at most what else is wrong with them."""
    schema = arrow_schema(probe)
    table = pa.Table.from_pylist([_filled(probe)] * 2, schema=schema)
    (breach,) = [b for b in validate(probe, table).breaches if b.rule == KEY_RULE]
    assert breach.failing == 2


def _filled(probe: TableContract) -> dict[str, object]:
    examples = {
        ColumnKind.TEXT: "x",
        ColumnKind.JSON: "{}",
        ColumnKind.INTEGER: 1,
        ColumnKind.REAL: 0.5,
        ColumnKind.SCORE: 0.5,
        ColumnKind.MONEY: Decimal(1),
        ColumnKind.TIMESTAMP: datetime(2026, 10, 5, tzinfo=UTC),
        ColumnKind.DAY: date(2026, 10, 5),
        ColumnKind.BYTES: b"x",
    }
    return {column.name: examples[column.kind] for column in probe.columns}
