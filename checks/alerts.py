"""Checks of alerts: rows keep their contracts, states have their history, messages arrive.

A message that no receiver took is a warning: the rows are right, and an operator has to look.
"""

import dagster as dg

from assets.declarations import TRANSIENT
from assets.runs import as_dagster_failures
from checks.factory import governance_check
from helicarrier.alerts.tables import ALERT_RULES, ALERT_STATE, ALERT_TRANSITIONS
from helicarrier.notify.tables import NOTIFICATIONS
from resources import OperationalResource

_NAMED = 10


@dg.asset_check(
    asset=ALERT_STATE.name,
    name="history",
    blocking=True,
    retry_policy=TRANSIENT,
    description="Each state that was ever left is where its newest transition led.",
)
def history(operational: OperationalResource) -> dg.AssetCheckResult:
    """A state whose transition is missing was changed by somebody else."""
    from helicarrier.alerts.audit import without_history

    with as_dagster_failures(), operational.query() as query:
        found = without_history(query)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"states": len(found), "keys": found[:_NAMED]},
        description=f"{len(found)} states are not where their history ends." if found else None,
    )


@dg.asset_check(
    asset=NOTIFICATIONS.name,
    name="delivered",
    blocking=False,
    retry_policy=TRANSIENT,
    description="No message has used up its attempts.",
)
def delivered(operational: OperationalResource) -> dg.AssetCheckResult:
    """`helicarrier alerts outbox --state failed` lists them, `alerts retry` sends them again."""
    from helicarrier.notify.outbox import Outbox
    from helicarrier.notify.tables import DeliveryState

    with as_dagster_failures(), operational.store() as store:
        found = Outbox(store).rows(state=DeliveryState.FAILED, limit=_NAMED)
        counts = Outbox(store).counts()
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **{state.value: counts.get(state, 0) for state in DeliveryState},
            "newest": [f"{row.channel}: {row.subject}: {row.last_error}" for row in found],
        },
        description="messages have used up their attempts" if found else None,
    )


CHECKS = [
    governance_check(ALERT_RULES.name, ALERT_RULES, day=None),
    governance_check(ALERT_STATE.name, ALERT_STATE, day=None),
    governance_check(ALERT_TRANSITIONS.name, ALERT_TRANSITIONS, day="occurred_at"),
    governance_check(NOTIFICATIONS.name, NOTIFICATIONS, day="created_at"),
    history,
    delivered,
]
