"""Checks of the ledger: its rows keep their contracts, and the imports account for all of them.

Calls are where cost and provenance live, so a call without its source or a total that does not add
up stops whatever would be computed from it.
"""

import dagster as dg

from assets.declarations import TRANSIENT
from assets.partitions import requested_days
from assets.runs import as_dagster_failures
from checks.factory import DAYS_NAMED, amounts, differences_table, governance_check
from checks.totals import count_imports
from helicarrier.ledger.tables import (
    IMPORT_REPORTS,
    SESSION_EVENTS,
    SESSION_LEDGER,
    SESSION_USAGE,
    USAGE_COST_HISTORY,
)
from helicarrier.usage.parity import ledger_parity
from resources import OperationalResource, WarehouseResource


@dg.asset_check(
    asset="session_ledger",
    name="import_totals",
    blocking=True,
    retry_policy=TRANSIENT,
    description=(
        "Day by day the sessions, calls, tokens and cost that were written to the ledger are "
        "those that are there, and every import has its report."
    ),
)
def imports_account_for_the_ledger(
    context: dg.AssetCheckExecutionContext,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.AssetCheckResult:
    """A run over partitions looks at their days, a run without at everything, reports included."""
    days = requested_days(context)
    with as_dagster_failures(), operational.store() as store:
        found = ledger_parity(store, days or None)
        imports = count_imports(store, None if days else warehouse.runs())
    differing = sorted({breach.day for breach in found})
    metadata: dict[str, object] = {
        **{f"imports_{outcome}": count for outcome, count in imports.outcomes.items()},
        "imports_without_report": imports.without_report,
        "differing_days": [str(day) for day in differing[:DAYS_NAMED]],
    }
    passed, severity, description = True, dg.AssetCheckSeverity.ERROR, "everything is there"
    if found:
        passed = False
        metadata["differences"] = dg.MetadataValue.md(differences_table(found))
        description = (
            f"on {len(differing)} days the ledger does not hold what was written to it, the first "
            f"{differing[0]}: {found[0].subject}: {amounts(found[0])}; restore a backup"
        )
    elif imports.without_report:
        passed, severity = False, dg.AssetCheckSeverity.WARN
        description = f"{imports.without_report} imports ended, and their reports are gone"
    return dg.AssetCheckResult(
        passed=passed, severity=severity, description=description, metadata=metadata
    )


CHECKS = [
    governance_check("session_import", IMPORT_REPORTS, day="started_at"),
    governance_check("session_ledger", SESSION_LEDGER, day="started_at"),
    governance_check("session_events", SESSION_EVENTS, day="event_ts"),
    governance_check("usage_repricing", USAGE_COST_HISTORY, day="computed_at"),
    governance_check("session_usage", SESSION_USAGE, day="occurred_at"),
    imports_account_for_the_ledger,
]
