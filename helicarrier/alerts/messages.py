"""What people are told of an alert: one message for each notice, under one key.

The key is made of the fingerprint, of why somebody is told and when, so a notice that is queued
again is the same message.
"""

from helicarrier import times
from helicarrier.alerts.enums import AlertMetric, NoticeKind
from helicarrier.alerts.machine import Notice
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.scopes import target_of
from helicarrier.canonical import canonical_bytes, sha256
from helicarrier.notify.model import Message


def message_of(rule: AlertRule, state: AlertState, notice: Notice) -> Message:
    """The message of a notice.

    Args: rule; state after the step; notice.
    """
    target = target_of(rule.scope, state.scope_key)
    at = times.utc_text(notice.occurred_at)
    parts = [notice.fingerprint, notice.kind.value, at]
    return Message(
        dedup_key=f"alert-{sha256(canonical_bytes([*parts]))[:32]}",
        kind=f"alert.{notice.kind.value}",
        subject=_subject(rule, state, notice),
        data={
            "ruleId": rule.rule_id,
            "metric": rule.metric.value,
            "scope": rule.scope.value,
            "scopeKey": state.scope_key,
            "agentId": target.agent_id,
            "modelId": target.model_id,
            "timeWindow": rule.time_window.value,
            "value": state.last_value,
            "warnThreshold": rule.warn_threshold,
            "criticalThreshold": rule.critical_threshold,
            "status": notice.status.value,
            "fingerprint": notice.fingerprint,
            "occurredAt": at,
            "runId": state.run_id,
        },
    )


def shown(metric: AlertMetric, value: float | None) -> str:
    """A value of a metric as people read it."""
    if value is None:
        return "unknown"
    match metric:
        case AlertMetric.DAILY_COST_USD:
            return f"${value:,.2f}"
        case AlertMetric.RUNTIME_P95_MS:
            return f"{value:,.0f} ms"
        case AlertMetric.FAILURE_RATE:
            return f"{value:.1%}"


def _subject(rule: AlertRule, state: AlertState, notice: Notice) -> str:
    where = f"{rule.rule_id}: {rule.metric.value} of {state.scope_key} in {rule.time_window.value}"
    value = shown(rule.metric, state.last_value)
    if notice.kind is NoticeKind.RESOLVED:
        return f"resolved: {where} is {value}"
    return f"{notice.status.value}: {where} is {value}"
