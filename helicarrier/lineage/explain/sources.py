"""What an explainer reads: the operational store, the warehouse file, and the run store.

Rows come with their values in one form on both engines: money as dollars with nine places, instants
and days as text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Protocol

from helicarrier import money, times
from helicarrier.governance.contract import ColumnKind, TableContract
from helicarrier.lineage.explain.tree import Fact, Node
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore

Row = Mapping[str, object]
Below = Callable[["Sources", Row], Sequence[Node]]
"""What stands below a row: its parts, its origin, its run."""


class Rows(Protocol):
    """What answers a query with rows; parameters are `:name`, in the warehouse file `$name`."""

    def rows(self, sql: str, params: Mapping[str, object]) -> Sequence[Row]:
        """All rows of a query."""
        ...


class Place(Enum):
    """Where the rows of a table are; the value is the sign of a parameter there."""

    OPERATIONAL = ":"
    WAREHOUSE = "$"


class WarehouseRows:
    """Rows of the warehouse file; between two queries nothing is open, so writers get through."""

    def __init__(self, store: WarehouseStore) -> None:
        """Args: the owner of the file."""
        self.store = store

    def rows(self, sql: str, params: Mapping[str, object]) -> Sequence[Row]:
        """All rows of a query, instants as text.

        Raises:
            NotReady: there is no file yet.
            StorageUnavailable: it cannot be read.
        """
        with self.store.read() as connection:
            relation = connection.sql(sql, params=dict(params))
            found: list[dict[str, object]] = relation.to_arrow_table().to_pylist()
        return [
            {
                name: times.utc_text(value) if isinstance(value, datetime) else value
                for name, value in row.items()
            }
            for row in found
        ]


class NoRows:
    """A store that is not there: it holds no rows."""

    def rows(self, sql: str, params: Mapping[str, object]) -> Sequence[Row]:
        """None."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where answers come from: `query` is the operational store, which holds the ledger."""

    query: Rows
    warehouse: WarehouseRows
    runs: RunStore

    def of(self, place: Place) -> Rows:
        """The store of a place."""
        return self.query if place is Place.OPERATIONAL else self.warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """How the rows of a table are explained. Columns in `hidden` are long texts."""

    contract: TableContract
    below: Below
    place: Place = Place.OPERATIONAL
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
