"""Auditing alerts: a state is where its newest transition led, or has never been left."""

from helicarrier.alerts.enums import AlertLifecycle, AlertStatus
from helicarrier.store.query import Query

_WITHOUT_HISTORY = """
SELECT s.rule_id, s.scope_key
FROM alert_state s
WHERE (s.status <> :ok OR s.lifecycle <> :resolved OR s.transition_at IS NOT NULL)
  AND NOT EXISTS (
    SELECT 1 FROM alert_transitions t
    WHERE t.rule_id = s.rule_id
      AND t.scope_key = s.scope_key
      AND t.occurred_at = s.transition_at
      AND t.to_status = s.status
      AND t.to_lifecycle = s.lifecycle
  )
ORDER BY s.rule_id, s.scope_key
"""


def without_history(query: Query) -> list[str]:
    """The states, as `rule scope`, that no transition led to."""
    start = {"ok": AlertStatus.OK.value, "resolved": AlertLifecycle.RESOLVED.value}
    return [f"{row['rule_id']} {row['scope_key']}" for row in query.rows(_WITHOUT_HISTORY, start)]
