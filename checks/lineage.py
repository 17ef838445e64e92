"""Checks of runs and content: events and rows are as written, nothing is orphaned.

The constraints are the database's own, so their check asks the file two things: are they there as
declared, and do they refuse rows that break them. The rows that try it never reach the file.
"""

from collections.abc import Callable

import dagster as dg
from duckdb import DuckDBPyConnection

from assets.declarations import TRANSIENT
from assets.runs import as_dagster_failures
from checks.factory import Place, governance_check, not_there_yet
from helicarrier.errors import NotReady
from helicarrier.lineage.content import tables
from helicarrier.lineage.content.verify import Finding, constraints, orphans, probed
from helicarrier.store.duckdb_probes import definitions
from helicarrier.store.duckdb_schema import WarehouseTable
from resources import WarehouseResource

Find = Callable[[DuckDBPyConnection, set[str]], list[Finding]]

_NAMED = 5
_CONTENT = (tables.DOCUMENTS, tables.MESSAGES, tables.ANNOTATIONS)


def orphans_check(table: str) -> dg.AssetChecksDefinition:
    """A blocking check that the run of each row, and the document of each remark, is there."""
    return _check(
        table,
        "orphans",
        "The run that wrote a row is in the run store, and a remark has its document.",
        lambda connection, known: [
            found for found in orphans(connection, known) if found.table == table
        ],
    )


def constraints_check(table: WarehouseTable) -> dg.AssetChecksDefinition:
    """A blocking check that the constraints of a table are as declared and refuse what they should.

    A row for each rule that breaks it alone is tried on an empty copy of the table in memory.
    """
    needed = {table.name, *(key.parent for key in table.foreign_keys)}
    family = [other for other in tables.TABLES if other.name in needed]

    def find(connection: DuckDBPyConnection, _known: set[str]) -> list[Finding]:
        found = constraints(connection, family) + probed(definitions(connection), family)
        return [finding for finding in found if finding.table == table.name]

    return _check(
        table.name,
        "constraints",
        "Columns, keys, CHECKs and indexes are as declared, and rows that break one are refused.",
        find,
    )


def _check(asset: str, name: str, description: str, find: Find) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset, name=name, blocking=True, retry_policy=TRANSIENT, description=description
    )
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with as_dagster_failures():
            try:
                known = warehouse.runs().run_ids()
                with warehouse.store().read() as connection:
                    findings = find(connection, known)
            except NotReady as error:
                return not_there_yet(error)
        return _result(findings)

    return check


def _result(findings: list[Finding]) -> dg.AssetCheckResult:
    broken = [finding for finding in findings if finding.failing]
    metadata = {finding.promise.value: finding.checked for finding in findings}
    if broken:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(f"{one.promise}: {one.detail}" for one in broken),
            metadata=metadata | {"remedy": " ".join(one.remedy for one in broken)},
        )
    counted = ", ".join(f"{finding.checked:,} {finding.promise}" for finding in findings)
    return dg.AssetCheckResult(
        passed=True, description=f"nothing fails of {counted}", metadata=metadata
    )


@dg.asset_check(
    asset="run_store",
    name="chain",
    retry_policy=TRANSIENT,
    description=(
        "Events, runs, inputs and outputs are as they were written, and as long as the anchors in "
        "the audit log say."
    ),
)
def run_store_is_sound(warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """What was edited, removed, inserted, moved or cut off is named."""
    with as_dagster_failures():
        found = warehouse.runs().audit()
    counts: dict[str, object] = {
        "events": found.events,
        "runs": found.runs,
        "anchors": found.anchors,
        "newest_link": found.head,
        "findings": len(found.findings),
    }
    if found.findings:
        named = "; ".join(f"{one.subject} {one.message}" for one in found.findings[:_NAMED])
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{len(found.findings)} findings: {named}",
            metadata=counts | {"remedy": "`helicarrier lineage verify` names them all."},
        )
    if not found.events:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="nothing has run yet: there is nothing to verify",
            metadata=counts,
        )
    if found.not_anchored:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="no anchor is kept: a tail that was cut would not show",
            metadata=counts | {"remedy": "`helicarrier migrate up`; the next run anchors."},
        )
    return dg.AssetCheckResult(
        passed=True,
        description=f"{found.events:,} events of {found.runs:,} runs are as they were written",
        metadata=counts,
    )


CHECKS = [
    run_store_is_sound,
    *(
        governance_check(contract.name, contract, day="created_at", place=Place.WAREHOUSE)
        for contract in _CONTENT
    ),
    *(orphans_check(contract.name) for contract in _CONTENT),
    *(constraints_check(table) for table in tables.TABLES if table.contract in _CONTENT),
]
