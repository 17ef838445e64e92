"""The factory of governance checks: one for each table that has a contract, all alike.

A run over partitions audits their days, a run without partitions audits everything. Dagster files
the result of a range under no partition, so the days that failed are named in its metadata.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

import dagster as dg

from assets.declarations import TRANSIENT
from assets.partitions import requested_days
from assets.runs import as_dagster_failures
from checks.audit import Findings, audit, lake_rows, stored_rows, warehouse_rows
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.governance.contract import TableContract
from helicarrier.governance.frames import SAMPLE, remedies_of
from helicarrier.usage.parity import ParityBreach
from resources import LakeResource, OperationalResource, WarehouseResource

NAME = "governance"
DAYS_NAMED = 100
"""Days that the metadata of a result names at most."""
_LINES = 20


class Place(StrEnum):
    """Where the rows of an asset are."""

    OPERATIONAL = "operational store"
    LAKE = "lake"
    WAREHOUSE = "warehouse file"


def governance_check(
    asset: str, contract: TableContract, *, day: str | None, place: Place = Place.OPERATIONAL
) -> dg.AssetChecksDefinition:
    """A blocking check that the stored rows of an asset keep their contract.

    Args:
        asset: the key of the asset.
        contract: its columns and rules.
        day: the column, a day or an instant, that places a row in its partition; None for a table
            whose rows have no time: all of them are looked at.
        place: where the rows are.
    """

    @dg.asset_check(
        asset=asset,
        name=NAME,
        blocking=True,
        retry_policy=TRANSIENT,
        description=(
            f"Every stored row keeps the contract of {contract.name}: "
            f"{len(contract.checks())} rules, no NULL where a value must be, a unique key."
        ),
        metadata={"rules": sorted(contract.checks())},
    )
    def check(
        context: dg.AssetCheckExecutionContext,
        operational: OperationalResource,
        lake: LakeResource,
        warehouse: WarehouseResource,
    ) -> dg.AssetCheckResult:
        days = requested_days(context)
        with as_dagster_failures():
            match place:
                case Place.OPERATIONAL:
                    with operational.store() as store:
                        found = audit(contract, day, stored_rows(store, contract, day, days))
                case Place.LAKE:
                    found = audit(contract, day, lake_rows(lake.lake(), contract, days))
                    found.missing = [d for d in days if not lake.lake().exists(contract.name, d)]
                case Place.WAREHOUSE:
                    try:
                        found = audit(contract, day, warehouse_rows(warehouse.store(), contract))
                    except NotReady as error:
                        return not_there_yet(error)
        return _result(contract, found, days)

    return check


def not_there_yet(error: NotReady) -> dg.AssetCheckResult:
    """The result of a check where there is no warehouse file yet: nothing is known.

    Raises:
        NotReady: the file is of a newer version, or could not be brought up to this one.
    """
    if error.code is not ErrorCode.MIGRATION_PENDING:
        raise error
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="there is no warehouse file yet; the first import makes it",
    )


def _result(contract: TableContract, found: Findings, days: list[date]) -> dg.AssetCheckResult:
    scope = f"{len(days)} days" if days else "the whole table"
    metadata: dict[str, object] = {
        "rows": found.rows,
        "scope": scope,
        "rules": len(remedies_of(contract)),
        "failing_rows": {rule: breach.failing for rule, breach in found.breaches.items()},
    }
    if found.breaches:
        metadata["breaches"] = dg.MetadataValue.md(_table(found))
        metadata["failing_partitions"] = [str(day) for day in sorted(found.days)[:DAYS_NAMED]]
        named = ", ".join(found.breaches)
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"of {found.rows:,} rows on {scope} some break: {named}",
            metadata=metadata,
        )
    if found.missing:
        metadata["missing_partitions"] = [str(day) for day in found.missing[:DAYS_NAMED]]
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(found.missing)} of {scope} were never computed",
            metadata=metadata,
        )
    return dg.AssetCheckResult(
        passed=True,
        description=f"{found.rows:,} rows of {scope} keep every rule",
        metadata=metadata,
    )


def _table(found: Findings) -> str:
    lines = [
        f"| rule | failing rows | keys (at most {SAMPLE}) | remedy |",
        "|---|--:|---|---|",
        *(
            f"| {breach.rule} | {breach.failing:,} "
            f"| {'<br>'.join(', '.join(key) for key in breach.sample)} | {breach.remedy} |"
            for breach in found.breaches.values()
        ),
    ]
    return "\n".join(lines)


def differences_table(differences: Sequence[ParityBreach]) -> str:
    """Days and measures on which stores differ, with the amounts of each."""
    lines = ["| day | measure | amounts |", "|---|---|---|"]
    lines += [
        f"| {breach.day} | {breach.subject} | {amounts(breach)} |"
        for breach in differences[:_LINES]
    ]
    if len(differences) > _LINES:
        lines.append(f"| | | {len(differences) - _LINES} more |")
    return "\n".join(lines)


def amounts(breach: ParityBreach) -> str:
    """What each store says."""
    return ", ".join(f"{store} {amount}" for store, amount in breach.amounts.items())
