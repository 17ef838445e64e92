"""Checks of git history: rows keep their contracts, and every commit that a row names is there.

The file's own foreign key holds changes to their commits; the check says so of what is stored,
whoever wrote it, and of the tables that have no such key.
"""

import dagster as dg

from assets.declarations import TRANSIENT
from assets.runs import as_dagster_failures
from checks.factory import Place, governance_check, not_there_yet
from helicarrier.errors import NotReady
from helicarrier.lineage.git import audit, tables
from resources import WarehouseResource


def orphans_check(table: str) -> dg.AssetChecksDefinition:
    """A blocking check that the commits and the runs which the rows of a table name are there."""

    @dg.asset_check(
        asset=table,
        name="orphans",
        blocking=True,
        retry_policy=TRANSIENT,
        description=(
            "Every commit that a row names is stored, parents may only be missing where a shallow "
            "clone was cut off; and the run that wrote it is in the run store."
        ),
    )
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with as_dagster_failures():
            try:
                known = warehouse.runs().run_ids()
                with warehouse.store().read() as connection:
                    found = audit.orphans(connection, table)
                    unknown = audit.unknown_runs(connection, table, known)
            except NotReady as error:
                return not_there_yet(error)
        return dg.AssetCheckResult(
            passed=not found.missing and not unknown,
            severity=dg.AssetCheckSeverity.ERROR,
            description=(
                f"{found.missing:,} {found.what}, of {found.checked:,} rows; "
                f"{unknown:,} rows of unknown runs"
            ),
            metadata={
                "checked": found.checked,
                "missing": found.missing,
                "unknown_runs": unknown,
            },
        )

    return check


CHECKS = [
    governance_check("git_commits", tables.GIT_COMMITS, day="commit_time", place=Place.WAREHOUSE),
    governance_check("git_changes", tables.GIT_CHANGES, day="commit_time", place=Place.WAREHOUSE),
    governance_check("git_refs", tables.GIT_REFS, day=None, place=Place.WAREHOUSE),
    governance_check("session_commits", tables.SESSION_COMMITS, day=None, place=Place.WAREHOUSE),
    *(orphans_check(table) for table in audit.TABLES),
]
