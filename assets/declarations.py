"""Declarations: what an asset says about itself before it runs, derived from its contract.

The contract in the package is the one declaration of a table. From it come the description, the
column schema and the rules that Dagster's catalogue shows, so nothing is told twice.
"""

from collections.abc import Sequence

import dagster as dg

from helicarrier.governance.contract import Column, TableContract

OWNERS = ["team:agent-platform"]

TRANSIENT = dg.RetryPolicy(
    max_retries=3, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""For a store that is busy or away for a moment; permanent failures say so themselves."""

WAREHOUSE_POOL = "duckdb"
"""Steps that write the DuckDB file (each does, in the run store) take turns in this pool."""


def definition_metadata(contract: TableContract) -> dict[str, object]:
    """What is known of a table before anything runs."""
    return {
        "dagster/column_schema": column_schema(contract),
        "grain": f"one row per {contract.grain}",
        "primary_key": ", ".join(contract.primary_key),
    }


def column_schema(contract: TableContract) -> dg.TableSchema:
    """The columns and rules of a contract in Dagster's words."""
    return dg.TableSchema(
        columns=[_column(column, contract) for column in contract.columns],
        constraints=dg.TableConstraints(
            other=[
                f"PRIMARY KEY ({', '.join(contract.primary_key)})",
                *(f"{rule.name}: {contract.checks()[rule.name]}" for rule in contract.rules),
            ]
        ),
    )


def table_spec(
    contract: TableContract,
    *,
    description: str,
    group: str,
    kinds: set[str],
    deps: Sequence[str] = (),
    name: str | None = None,
) -> dg.AssetSpec:
    """The spec of an asset that is a table: one of several that a multi-asset writes.

    Args: contract; description to follow the grain; group, the subject area; kinds; deps, the
    keys it is made from; name where it is not the table's.
    """
    return dg.AssetSpec(
        name or contract.name,
        deps=list(deps),
        description=f"One row per {contract.grain}.\n\n{description}",
        metadata=definition_metadata(contract),
        group_name=group,
        owners=OWNERS,
        kinds=kinds,
        tags={"area": group},
        code_version="1",
    )


def _column(column: Column, contract: TableContract) -> dg.TableColumn:
    prefix = f"{column.name}_"
    rules = [
        condition
        for name, condition in contract.checks().items()
        if name in {f"{prefix}{kind}" for kind in ("known", "range", "limit", "filled")}
    ]
    unit = f" Unit: {column.unit}." if column.unit else ""
    return dg.TableColumn(
        name=column.name,
        type=column.kind.value,
        description=column.meaning + unit,
        constraints=dg.TableColumnConstraints(
            nullable=column.nullable,
            unique=contract.primary_key == (column.name,),
            other=rules,
        ),
    )
