"""Outcomes: what runs of this process did, as plain data that knows nothing of Dagster.

Several runs over ranges of days add up to one outcome. A check that stopped a run is part of the
outcome; anything else that failed is raised as the error that the package would have raised.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import dagster as dg
from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterEvent

from helicarrier import errors
from helicarrier.errors import ErrorCode, HelicarrierError


class CheckState(StrEnum):
    """How a check came out, from best to worst."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRows:
    """Partitions of an asset that were written, and the rows in them."""

    asset: str
    days: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """A check of an asset, over all runs the worst of its results."""

    asset: str
    check: str
    state: CheckState
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshOutcome:
    """What was written and what the checks say; `out_of_range` are dirty days of no partition."""

    assets: tuple[AssetRows, ...]
    checks: tuple[CheckOutcome, ...]
    out_of_range: tuple[date, ...] = ()

    @property
    def failed(self) -> tuple[CheckOutcome, ...]:
        """The checks that found a breach."""
        return tuple(check for check in self.checks if check.state is CheckState.FAILED)

    def as_json(self) -> dict[str, object]:
        """The outcome on the wire."""
        return {
            "assets": [
                {"asset": asset.asset, "days": asset.days, "rows": asset.rows}
                for asset in self.assets
            ],
            "checks": [
                {
                    "asset": check.asset,
                    "check": check.check,
                    "state": check.state.value,
                    "description": check.description,
                }
                for check in self.checks
            ],
            "outOfRangeDays": [day.isoformat() for day in self.out_of_range],
        }


@dataclass(slots=True)
class Collector:
    """Adds up the results of runs."""

    _days: dict[str, int] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _checks: dict[tuple[str, str], list[CheckOutcome]] = field(default_factory=dict)

    def add(self, result: dg.ExecuteInProcessResult) -> None:
        """Add a run.

        Raises:
            HelicarrierError: a step failed, and not because a check held it back.
        """
        for event in result.get_asset_materialization_events():
            asset = event.asset_key.to_user_string() if event.asset_key else ""
            metadata = event.materialization.metadata
            rows = metadata.get("dagster/partition_row_count") or metadata["dagster/row_count"]
            self._days[asset] = self._days.get(asset, 0) + 1
            self._rows[asset] = self._rows.get(asset, 0) + int(str(rows.value))
        for evaluation in result.get_asset_check_evaluations():
            found = _check(evaluation)
            self._checks.setdefault((found.asset, found.check), []).append(found)
        if not result.success and not self.stopped:
            raise _error(result.filter_events(lambda event: event.is_step_failure))

    @property
    def stopped(self) -> bool:
        """Whether a check found a breach."""
        return any(
            check.state is CheckState.FAILED for found in self._checks.values() for check in found
        )

    def outcome(self, out_of_range: Iterable[date] = ()) -> RefreshOutcome:
        """What all the runs did."""
        return RefreshOutcome(
            assets=tuple(
                AssetRows(asset=asset, days=days, rows=self._rows[asset])
                for asset, days in self._days.items()
            ),
            checks=tuple(_worst(found) for _, found in sorted(self._checks.items())),
            out_of_range=tuple(sorted(out_of_range)),
        )


def _check(evaluation: AssetCheckEvaluation) -> CheckOutcome:
    if evaluation.passed:
        state = CheckState.PASSED
    elif evaluation.severity is AssetCheckSeverity.WARN:
        state = CheckState.WARNING
    else:
        state = CheckState.FAILED
    return CheckOutcome(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        state=state,
        description=evaluation.description or "",
    )


def _worst(found: list[CheckOutcome]) -> CheckOutcome:
    order = list(CheckState)
    worst = max(found, key=lambda check: order.index(check.state))
    if len(found) == 1 or worst.state is not CheckState.PASSED:
        return worst
    return CheckOutcome(
        asset=worst.asset,
        check=worst.check,
        state=worst.state,
        description=f"passed in {len(found)} runs, in the last: {found[-1].description}",
    )


def _error(failures: list[DagsterEvent]) -> HelicarrierError:
    """The package's own error where a step failed with one, else a defect."""
    for failure in failures:
        told = failure.step_failure_data.user_failure_data
        if told is not None and "error" in told.metadata:
            kind = getattr(errors, str(told.metadata["error"].value))
            error: HelicarrierError = kind(
                told.description or "",
                code=ErrorCode(str(told.metadata["code"].value)),
                hint=str(told.metadata["remedy"].value),
            )
            return error
    causes = [failure.step_failure_data.error for failure in failures]
    first = next((cause for cause in causes if cause is not None), None)
    while first is not None and first.cause is not None:
        first = first.cause
    reason = f": {first.message.strip()}" if first is not None else ""
    step = failures[0].step_key if failures else "the run"
    return HelicarrierError(f"{step} failed{reason}")
