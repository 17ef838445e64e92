"""Checks of the ledger: its rows keep their contracts, and the imports account for all of them.

Calls are where cost and provenance live, so a call without its source or a total that does not add
up stops whatever would be computed from it.
"""

import dagster as dg

from assets.declarations import TRANSIENT
from assets.runs import as_dagster_failures
from checks.factory import governance_check
from checks.totals import ImportTotals, import_totals
from helicarrier.ledger.tables import (
    IMPORT_REPORTS,
    SESSION_EVENTS,
    SESSION_LEDGER,
    SESSION_USAGE,
)
from resources import OperationalResource, WarehouseResource


@dg.asset_check(
    asset="session_ledger",
    name="import_totals",
    blocking=True,
    retry_policy=TRANSIENT,
    description="The rows that the reports of all imports call new are the rows that are there.",
)
def imports_account_for_the_ledger(
    operational: OperationalResource, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Lost sessions are a breach; rows without a report are an open question."""
    with as_dagster_failures(), operational.store() as store:
        totals = import_totals(store, warehouse.runs())
    passed, severity, description = _judged(totals)
    metadata = {
        "imports": totals.imports,
        "imports_without_report": totals.imports_without_report,
        "sessions_reported": totals.sessions_reported,
        "sessions_stored": totals.sessions_stored,
        "calls_reported": totals.calls_reported,
        "calls_stored": totals.calls_stored,
    }
    return dg.AssetCheckResult(
        passed=passed, severity=severity, description=description, metadata=metadata
    )


def _judged(totals: ImportTotals) -> tuple[bool, dg.AssetCheckSeverity, str]:
    passed, severity = True, dg.AssetCheckSeverity.ERROR
    if totals.lost:
        passed = False
        description = (
            f"{totals.lost:,} of {totals.sessions_reported:,} imported sessions are gone; "
            "restore a backup or import their files again"
        )
    elif totals.unreported:
        passed, severity = False, dg.AssetCheckSeverity.WARN
        description = (
            f"{totals.unreported:,} rows are in no import's report "
            f"({totals.imports_without_report} imports ended without one)"
        )
    else:
        description = (
            f"{totals.sessions_stored:,} sessions and {totals.calls_stored:,} calls are there, "
            "as the imports reported"
        )
    return passed, severity, description


CHECKS = [
    governance_check("session_import", IMPORT_REPORTS, day="started_at"),
    governance_check("session_ledger", SESSION_LEDGER, day="started_at"),
    governance_check("session_events", SESSION_EVENTS, day="event_ts"),
    governance_check("session_usage", SESSION_USAGE, day="occurred_at"),
    imports_account_for_the_ledger,
]
