"""What an explainer reads: one snapshot of the operational store, and the run store.

Rows come with their values in one form on both engines: money as dollars with nine places, instants
and days as text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from helicarrier import money, times
from helicarrier.governance.contract import ColumnKind, TableContract
from helicarrier.lineage.explain.tree import Fact, Node
from helicarrier.store.query import Query
from helicarrier.store.run_store import RunStore

Row = Mapping[str, object]
Below = Callable[["Sources", Row], Sequence[Node]]
"""What stands below a row: its parts, its origin, its run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where answers come from."""

    query: Query
    runs: RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """How the rows of a table are explained. Columns in `hidden` are long texts."""

    contract: TableContract
    below: Below
    hidden: frozenset[str] = frozenset()

    def facts(self, row: Row) -> dict[str, Fact]:
        """The row's own values."""
        return {
            column.name: fact(column.kind, row[column.name])
            for column in self.contract.columns
            if column.name not in self.hidden and row[column.name] is not None
        }


def fact(kind: ColumnKind, value: object) -> Fact:
    """A stored value as a person reads it."""
    match value:
        case None:
            return None
        case bool() | str():
            return value
        case int() | Decimal() if kind is ColumnKind.MONEY:
            return f"${money.dollars(money.from_storage(value))}"
        case int():
            return value
        case _:
            return str(value)


def dollars(value: object) -> str | None:
    """A stored amount as text."""
    if not isinstance(value, int | Decimal):
        return None
    return f"${money.dollars(money.from_storage(value))}"


def text(row: Row, name: str) -> str:
    """A column that is text."""
    return str(row[name])


def number(row: Row, name: str) -> int:
    """A column that is a whole number; 0 where a sum has nothing to add."""
    value = row[name]
    return int(str(value)) if value is not None else 0


def instants(first: str, last: str) -> dict[str, str]:
    """The instants between which the days from first to last lie, as `:first` and `:after`."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1)
    return {"first": times.utc_text(_midnight(begin)), "after": times.utc_text(_midnight(end))}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=UTC)
