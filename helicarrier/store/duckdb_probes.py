"""Constraint probes: rows that break one rule each, and whether a table refuses them for it.

That a constraint is written down does not show that it works: a rule in which NULL slips through
refuses nothing. From a contract and a few sound rows come probes for every NOT NULL, CHECK, primary
and foreign key; they are tried on empty tables in memory, made with the definitions of the file, so
the file itself is only read. A probe counts as refused when DuckDB names the very rule it breaks.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from helicarrier.governance.contract import (
    JoinedOf,
    NotBefore,
    NullExactlyWhen,
    RequiredFor,
    Requires,
    Rule,
    SumOf,
)
from helicarrier.store.duckdb_schema import WarehouseTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PRIMARY_KEY = "primary_key"
FOREIGN_KEY = "foreign_key"
_NOWHERE = "nothing"

_DEFINITIONS = """
SELECT table_name, sql FROM duckdb_tables() WHERE database_name = current_database()
"""
_NOISE = re.compile(r'[\s()"]')

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A row that breaks `rule` of `table` and no other; `says` is how DuckDB names that rule."""

    table: str
    rule: str
    row: Row
    says: str
    twice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """Whether the probe was refused for its rule; `answer` is what happened instead."""

    probe: Probe
    refused: bool
    answer: str = ""


def definitions(connection: "DuckDBPyConnection") -> dict[str, str]:
    """The CREATE TABLE of each table in the default database of a connection."""
    return {str(name): str(sql) for name, sql in connection.execute(_DEFINITIONS).fetchall()}


def probes(table: WarehouseTable, sound: Sequence[Row]) -> list[Probe]:
    """The probes of a table, by rule.

    Args: table; sound, rows that obey every rule and together meet the condition of each.
    """
    found = [
        *_of_columns(table, sound),
        *_of_rules(table, sound),
        Probe(
            table=table.name,
            rule=PRIMARY_KEY,
            row=sound[0],
            says="duplicate key",
            twice=True,
        ),
    ]
    for key in table.foreign_keys:
        row = _changed(table, sound[0], key.column, _NOWHERE)
        found.append(
            Probe(table=table.name, rule=FOREIGN_KEY, row=row, says="violates foreign key")
        )
    return sorted(found, key=lambda probe: probe.rule)


def run_probes(
    made: Mapping[str, str],
    tables: Sequence[WarehouseTable],
    sound: Mapping[str, Sequence[Row]],
) -> list[ProbeResult]:
    """Try every probe on empty tables.

    Args: made, the CREATE TABLE of each table as the file has it; tables, parents first; sound
    rows by table, the first of which a child's foreign key names.
    """
    import duckdb

    results = []
    with duckdb.connect(":memory:", config={"threads": 1}) as scratch:
        scratch.execute("SET TimeZone = 'UTC'")
        for table in tables:
            scratch.execute(made[table.name])
            parents = [(key.parent, sound[key.parent][0]) for key in table.foreign_keys]
            results += [
                _tried(scratch, probe, parents) for probe in probes(table, sound[table.name])
            ]
    return results


def _tried(
    scratch: "DuckDBPyConnection", probe: Probe, parents: Sequence[tuple[str, Row]]
) -> ProbeResult:
    import duckdb

    scratch.execute("BEGIN TRANSACTION")
    try:
        for table, row in parents:
            _insert(scratch, table, row)
        for _ in range(1 + probe.twice):
            _insert(scratch, probe.table, probe.row)
    except duckdb.ConstraintException as error:
        answer = str(error).partition("\n")[0]
        return ProbeResult(probe=probe, refused=plain(probe.says) in plain(answer), answer=answer)
    finally:
        scratch.execute("ROLLBACK")
    return ProbeResult(probe=probe, refused=False, answer="it was taken")


def _insert(scratch: "DuckDBPyConnection", table: str, row: Row) -> None:
    columns = ", ".join(row)
    places = ", ".join(f"${name}" for name in row)
    scratch.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", dict(row))  # noqa: S608 - names of the contract


def _of_columns(table: WarehouseTable, sound: Sequence[Row]) -> Iterator[Probe]:
    checks = table.contract.checks()
    for column in table.contract.columns:
        row = next((row for row in sound if row.get(column.name) is not None), sound[0])
        name = column.name
        if not column.nullable:
            yield Probe(
                table=table.name,
                rule=f"{name}_not_null",
                row=_changed(table, row, name, None),
                says=f"NOT NULL constraint failed: {table.name}.{name}",
            )
        wrong: list[tuple[str, object]] = []
        if column.values:
            wrong.append((f"{name}_known", _NOWHERE))
        if column.at_least is not None:
            wrong.append((f"{name}_range", column.at_least - 1))
        if column.filled:
            wrong.append((f"{name}_filled", ""))
        for rule, value in wrong:
            yield Probe(
                table=table.name,
                rule=rule,
                row=_changed(table, row, name, value),
                says=checks[rule],
            )


def _of_rules(table: WarehouseTable, sound: Sequence[Row]) -> Iterator[Probe]:
    checks = table.contract.checks()
    for rule in table.contract.rules:
        for row in _breaking(rule, sound):
            yield Probe(table=table.name, rule=rule.name, row=row, says=checks[rule.name])


def _breaking(rule: Rule, sound: Sequence[Row]) -> list[Row]:
    """Rows that break a rule: one for each column that it asks for."""
    match rule:
        case Requires():
            row = _first(sound, lambda row: row[rule.column] is not None)
            return [{**row, other: None} for other in rule.others]
        case RequiredFor():
            row = _first(sound, lambda row: row[rule.flag] == rule.value)
            return [{**row, other: None} for other in rule.others]
        case NullExactlyWhen():
            row = _first(sound, lambda row: row[rule.flag] != rule.value)
            return [{**row, rule.column: None}]
        case SumOf():
            row = _first(sound, lambda row: row[rule.total] is not None)
            return [{**row, rule.total: int(str(row[rule.total])) + 1}]
        case JoinedOf():
            row = sound[0]
            return [{**row, rule.column: f"{row[rule.column]}x"}]
        case NotBefore():
            row = _first(sound, lambda row: row[rule.earlier] is not None)
            earlier = row[rule.earlier]
            before = (
                earlier - timedelta(microseconds=1)
                if isinstance(earlier, datetime)
                else int(str(earlier)) - 1
            )
            return [{**row, rule.later: before}]


def _first(sound: Sequence[Row], meets: Callable[[Row], bool]) -> Row:
    return next(row for row in sound if meets(row))


def _changed(table: WarehouseTable, row: Row, name: str, value: object) -> Row:
    """The row with one other value, and with what is made of that value made anew."""
    changed = {**row, name: value}
    for rule in table.contract.rules:
        if isinstance(rule, JoinedOf) and name in rule.parts and value is not None:
            changed[rule.column] = rule.separator.join(str(changed[part]) for part in rule.parts)
    return changed


def plain(text: str) -> str:
    """An expression without what DuckDB writes in its own way: brackets, quotes, spaces, `<>`."""
    return _NOISE.sub("", text).replace("<>", "!=").lower()
