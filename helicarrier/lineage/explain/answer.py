"""The answer: a table and a key to one row, and the row to its tree.

A key is the values of the primary key in their order, or `column=value` for as many columns as it
takes to name one row.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from helicarrier.errors import ErrorCode, InputRejected, NotReady
from helicarrier.governance.contract import ColumnKind
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.explain.registry import EXPLAINERS, RUNS
from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import (
    Explainer,
    NoRows,
    Place,
    Row,
    Rows,
    Sources,
    WarehouseRows,
    fact,
)
from helicarrier.lineage.explain.tree import Node
from helicarrier.settings import Settings
from helicarrier.store.query import open_query
from helicarrier.store.warehouse import WarehouseStore

_MOST_NAMED = 5
_CAST = {ColumnKind.INTEGER, ColumnKind.TIMESTAMP}


def explain(settings: Settings, table: str, key: Sequence[str]) -> Node:
    """The tree of one row.

    Args: settings; table of `EXPLAINERS`, or `runs`; key as in the module's words.

    Raises:
        InputRejected: NOT_FOUND, no such table or row; VALIDATION_ERROR, a key that names several
            rows or columns that the table does not have.
        NotReady: there is no store yet.
        StorageUnavailable: a store cannot be read.
    """
    warehouse = WarehouseStore(settings.warehouse_path)
    runs = run_store(settings, warehouse)
    if table == RUNS:
        found = runs.get_run(key[0]) if len(key) == 1 else None
        if found is None:
            raise _no_row(table)
        return run_node(runs, found.run_id)
    explainer = EXPLAINERS.get(table)
    if explainer is None:
        known = ", ".join(sorted([*EXPLAINERS, RUNS]))
        raise InputRejected(
            "there is no explanation for rows of this table",
            code=ErrorCode.NOT_FOUND,
            hint=f"Tables: {known}.",
        )
    with _ledger(settings, needed=explainer.place is Place.OPERATIONAL) as query:
        sources = Sources(query=query, warehouse=WarehouseRows(warehouse), runs=runs)
        row = _row(sources, explainer, key)
        return Node(
            title=f"{table} {' '.join(_key(explainer, row))}",
            facts=explainer.facts(row),
            children=tuple(explainer.below(sources, row)),
        )


@contextmanager
def _ledger(settings: Settings, *, needed: bool) -> Iterator[Rows]:
    """The operational store; one that is not there holds nothing, unless it is needed."""
    with ExitStack() as opened:
        rows: Rows = NoRows()
        try:
            query = opened.enter_context(open_query(settings.url))
            query.ready()
            rows = query
        except NotReady:
            if needed:
                raise
        yield rows


def _row(sources: Sources, explainer: Explainer, key: Sequence[str]) -> Row:
    contract = explainer.contract
    named = _named(explainer, key)
    columns = ", ".join(contract.column_names)
    condition = " AND ".join(_equals(explainer, name) for name in named)
    order = ", ".join(contract.primary_key)
    found = sources.of(explainer.place).rows(
        f"SELECT {columns} FROM {contract.name} WHERE {condition} "  # noqa: S608 - of the contract
        f"ORDER BY {order} LIMIT {_MOST_NAMED + 1}",
        named,
    )
    if not found:
        raise _no_row(contract.name)
    if len(found) > 1:
        shown = "; ".join(" ".join(_key(explainer, row)) for row in found[:_MOST_NAMED])
        more = " and more" if len(found) > _MOST_NAMED else ""
        raise InputRejected(
            f"several rows of {contract.name} have that key",
            hint=f"Name more of {', '.join(contract.primary_key)}. There are: {shown}{more}.",
        )
    return found[0]


def _equals(explainer: Explainer, name: str) -> str:
    """The condition that a column has the value of the parameter of its name."""
    sign = explainer.place.value
    if explainer.place is Place.WAREHOUSE and explainer.contract.by_name[name].kind in _CAST:
        # DuckDB would refuse a text that is no number, where it is simply a key without a row.
        return f"CAST({name} AS VARCHAR) = {sign}{name}"
    return f"{name} = {sign}{name}"


def _named(explainer: Explainer, key: Sequence[str]) -> dict[str, str]:
    """Column -> value."""
    contract = explainer.contract
    parts = [part.partition("=") for part in key]
    if key and all(sign and name in contract.by_name for name, sign, _ in parts):
        return {name: value for name, _, value in parts}
    if len(key) != len(contract.primary_key):
        raise InputRejected(
            f"a key of {contract.name} has {len(contract.primary_key)} parts, not {len(key)}",
            hint=f"Give {' '.join(contract.primary_key).upper()}, or some as column=value.",
        )
    return dict(zip(contract.primary_key, key, strict=True))


def _key(explainer: Explainer, row: Row) -> list[str]:
    columns = explainer.contract.by_name
    names = explainer.contract.primary_key
    values = [str(fact(columns[name].kind, row[name])) for name in names]
    if len(names) == 1:
        return values
    return [f"{name}={value}" for name, value in zip(names, values, strict=True)]


def _no_row(table: str) -> InputRejected:
    return InputRejected(
        f"no row of {table} has that key",
        code=ErrorCode.NOT_FOUND,
        hint="`helicarrier report` and the tables themselves show keys.",
    )
