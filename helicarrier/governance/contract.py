"""One declaration of a table: its grain, its columns and the rules that every row obeys.

From a `TableContract` come the database columns and CHECK clauses (`helicarrier.store.schema`),
the pandera schema of the asset checks (`frames`), the Arrow schema of the lake (`arrow`), the
column schema in the Dagster UI and the reference page: a rule is written once and enforced at the
write boundary, in the database and in the audits. A rule passes where SQL would say NULL, as a
CHECK does, so the engines agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class ColumnKind(StrEnum):
    """What a column holds, independent of the engine."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    SCORE = "score"  # an exact number from 0 to 1, four decimal places
    MONEY = "money"  # exact dollars, nine decimal places
    TIMESTAMP = "timestamp"  # an instant in UTC
    DAY = "day"  # a UTC calendar day
    JSON = "json"  # one JSON document as text
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    `unit` is empty where the kind says it all; `at_least` and `at_most` bound numbers, a flag is
    one from 0 to 1; `filled` refuses the empty text, which a NOT NULL alone lets through.
    """

    name: str
    kind: ColumnKind
    meaning: str
    unit: str = ""
    nullable: bool = False
    values: tuple[str, ...] = ()
    at_least: int | None = None
    filled: bool = False
    at_most: int | None = None
    default: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """Where `column` has a value, every column of `others` has one, too."""

    name: str
    column: str
    others: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NullExactlyWhen:
    """`column` is NULL if and only if `flag` holds `value`: unknown is never zero."""

    name: str
    column: str
    flag: str
    value: str | int
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SumOf:
    """`total` equals the sum of `parts`."""

    name: str
    total: str
    parts: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBefore:
    """`later` is no smaller than `earlier` (times, days, thresholds)."""

    name: str
    earlier: str
    later: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredFor:
    """A row whose `flag` holds `value` has a value in every column of `others`."""

    name: str
    flag: str
    value: str
    others: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedOf:
    """`column` is the text of `parts` (texts and integers) with `separator` between them.

    A key that is made of other columns so says what it identifies, and is unique with them.
    """

    name: str
    column: str
    parts: tuple[str, ...]
    separator: str
    remedy: str


Rule = Requires | NullExactlyWhen | SumOf | NotBefore | RequiredFor | JoinedOf


def values_of(enum: type[StrEnum]) -> tuple[str, ...]:
    """The values of an enum in its order, for `Column.values`."""
    return tuple(member.value for member in enum)


@dataclass(frozen=True, kw_only=True)
class TableContract:
    """A table's declaration.

    `grain` completes "one row per ...". `primary_key` names columns of the table.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    rules: tuple[Rule, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their name, in order."""
        return {column.name: column for column in self.columns}

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names in order: the one order in which rows are written and read."""
        return tuple(column.name for column in self.columns)

    def checks(self) -> dict[str, str]:
        """Constraint name -> SQL condition, for every rule of the table and of its columns."""
        return dict(self._column_checks()) | {rule.name: rule_sql(rule) for rule in self.rules}

    def _column_checks(self) -> Iterable[tuple[str, str]]:
        for column in self.columns:
            if column.values:
                # Not IN: SQLite would build a temporary index of the list for every single row.
                allowed = " OR ".join(f"{column.name} = '{value}'" for value in column.values)
                yield f"{column.name}_known", allowed
            if column.at_least is not None:
                yield f"{column.name}_range", f"{column.name} >= {column.at_least}"
            if column.filled:
                yield f"{column.name}_filled", f"{column.name} <> ''"
            if column.at_most is not None:
                yield f"{column.name}_limit", f"{column.name} <= {column.at_most}"


def rule_sql(rule: Rule) -> str:
    """The condition of a rule as portable SQL (SQLite, Postgres, DuckDB)."""
    match rule:
        case Requires():
            present = " AND ".join(f"{other} IS NOT NULL" for other in rule.others)
            return f"{rule.column} IS NULL OR ({present})"
        case NullExactlyWhen():
            value = rule.value if isinstance(rule.value, int) else f"'{rule.value}'"
            return f"({rule.column} IS NULL) = ({rule.flag} = {value})"
        case SumOf():
            return f"{rule.total} = {' + '.join(rule.parts)}"
        case NotBefore():
            return f"{rule.later} >= {rule.earlier}"
        case RequiredFor():
            present = " AND ".join(f"{other} IS NOT NULL" for other in rule.others)
            return f"{rule.flag} <> '{rule.value}' OR ({present})"
        case JoinedOf():
            texts = (f"CAST({part} AS VARCHAR)" for part in rule.parts)
            return f"{rule.column} = " + f" || '{rule.separator}' || ".join(texts)
