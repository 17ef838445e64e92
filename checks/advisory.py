"""Checks of advice: match results keep their contract, and the area stands apart and within bounds.

Where the tables are not there, advice is off and there is nothing that could break a promise.
"""

import dagster as dg

from assets.advisory import ANALYSIS_RESULTS, P3_ADVISORY_SIGNAL
from assets.declarations import TRANSIENT
from assets.runs import as_dagster_failures
from checks.factory import governance_check
from helicarrier.advisory.verification import ISOLATION, Presence, Promise, verify
from resources import SettingsResource

SHOWN = 10


def promise_check(
    name: str, description: str, promises: tuple[Promise, ...]
) -> dg.AssetChecksDefinition:
    """A blocking check that verification finds these promises kept."""

    @dg.asset_check(
        asset=P3_ADVISORY_SIGNAL.name,
        name=name,
        blocking=True,
        retry_policy=TRANSIENT,
        description=description,
    )
    def check(settings: SettingsResource) -> dg.AssetCheckResult:
        with as_dagster_failures():
            report = verify(settings.load().url)
        looked_at = [finding for finding in report.findings if finding.promise in promises]
        broken = [finding for finding in looked_at if not finding.holds]
        metadata: dict[str, object] = {"tables": report.presence.value}
        metadata |= {
            finding.promise.value: ", ".join(finding.found[:SHOWN]) or "nothing"
            for finding in looked_at
        }
        if broken or report.presence is Presence.PARTIAL:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.ERROR,
                description=(
                    f"broken: {', '.join(finding.promise for finding in broken) or 'tables'}; "
                    "the runbook of advice says what to do"
                ),
                metadata=metadata,
            )
        told = "every promise is kept"
        if report.presence is Presence.ABSENT:
            told = "there are no tables: advice is off"
        return dg.AssetCheckResult(passed=True, description=told, metadata=metadata)

    return check


CHECKS = [
    governance_check(ANALYSIS_RESULTS.name, ANALYSIS_RESULTS, day="created_at"),
    promise_check(
        "isolation",
        "Four tables and no more, no key in or out, and no other table speaks of them.",
        ISOLATION,
    ),
    promise_check(
        "budget", "No resume has more signals on a day than it may have.", (Promise.BUDGET,)
    ),
    promise_check("confidence_range", "Every confidence is from 0 to 1.", (Promise.RANGE,)),
    promise_check(
        "kill_switch", "No signal was computed after the switch went off.", (Promise.SWITCH,)
    ),
]
