"""The state machine of an alert: a state and what was measured give the next state.

Pure: the time and the ids come in. Four things are kept apart. The **status** is how bad the newest
judged value is; without data it stays what it was. The **lifecycle** follows from it and from the
operator's suppression. The **fingerprint** is what receivers hold to be true, so somebody is told
when it is less than the status, and when all is well again; a severity that was told within the
cooldown waits until the cooldown is over. The **evaluation time** finds a clock that jumped back:
that step judges nothing and tells nobody, it only moves the times of the state to the new clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from helicarrier import times
from helicarrier.alerts.enums import (
    AlertComparison,
    AlertLifecycle,
    AlertStatus,
    DataState,
    NoticeKind,
)
from helicarrier.alerts.model import AlertRule, AlertState, AlertTransition
from helicarrier.canonical import canonical_bytes, sha256

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was measured of one scope.

    `value` is None where there was nothing to measure. One that is not `complete` is a lower
    bound: the cost of some calls is unknown, and unknown is not zero.
    """

    value: float | None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Somebody is to be told: why, of which severity, under which fingerprint."""

    kind: NoticeKind
    status: AlertStatus
    fingerprint: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next state, with the transition that led there and what is to be told."""

    state: AlertState
    transition: AlertTransition | None = None
    notice: Notice | None = None


def severity(rule: AlertRule, value: float) -> AlertStatus:
    """How bad a value is for a rule."""
    if _breaches(rule, value, rule.critical_threshold):
        return AlertStatus.CRITICAL
    if _breaches(rule, value, rule.warn_threshold):
        return AlertStatus.WARNING
    return AlertStatus.OK


def fingerprint(rule_id: str, scope_key: str, status: AlertStatus) -> str:
    """Rule, scope and severity in 32 hex digits; the value is no part of it."""
    return sha256(canonical_bytes([rule_id, scope_key, status.value]))[:32]


def evaluate(
    rule: AlertRule, before: AlertState, found: Evaluation, *, now: datetime, new_id: NewId
) -> Step:
    """Judge what was measured.

    Args: rule; before, the state until now with the run that judges; found; now; new_id, for the
    transition.
    """
    if before.evaluated_at is not None and now < before.evaluated_at:
        return Step(state=_moved_to(before, now))
    judged = _judged(rule, before.status, found)
    if judged is None:
        after = replace(before, data_state=DataState.NO_DATA, evaluated_at=now)
    else:
        after = replace(
            before,
            status=judged,
            data_state=DataState.OK,
            last_value=found.value,
            evaluated_at=now,
        )
    return _settled(rule, before, after, now=now, new_id=new_id)


def suppress(
    rule: AlertRule,
    before: AlertState,
    until: datetime | None,
    *,
    actor: str,
    now: datetime,
    new_id: NewId,
) -> Step:
    """Silence one scope until a time, whatever happens; None ends the silence."""
    after = replace(before, suppressed_until=until)
    reason = suppression_reason(until, actor)
    return _settled(rule, before, after, now=now, new_id=new_id, reason=reason)


def suppression_reason(until: datetime | None, actor: str) -> str:
    """The reason of a transition by an operator's suppression, or by its end."""
    if until is None:
        return f"the suppression was ended by {actor}"
    return f"suppressed until {times.utc_text(until)} by {actor}"


def follow(
    rule: AlertRule, before: AlertState, *, reason: str, now: datetime, new_id: NewId
) -> Step:
    """What follows for a scope from a suppression of the whole rule that began or ended."""
    return _settled(rule, before, before, now=now, new_id=new_id, reason=reason)


def resolve(
    rule: AlertRule, before: AlertState, *, reason: str, now: datetime, new_id: NewId
) -> Step:
    """Call it well by hand; the next evaluation that finds otherwise makes it fire again."""
    after = replace(before, status=AlertStatus.OK)
    return _settled(rule, before, after, now=now, new_id=new_id, reason=reason)


def is_suppressed(rule: AlertRule, state: AlertState, now: datetime) -> bool:
    """Whether an operator's suppression of the rule or of this scope is in force."""
    ends = (rule.suppressed_until, state.suppressed_until)
    return any(until is not None and now < until for until in ends)


def is_repeat(rule: AlertRule, state: AlertState) -> bool:
    """Whether the newest evaluation found again what had been told within the cooldown."""
    told_at = _told_at(state, state.status)
    if state.evaluated_at is None or told_at is None:
        return False
    return told_at < state.evaluated_at < told_at + _cooldown(rule)


def _judged(rule: AlertRule, before: AlertStatus, found: Evaluation) -> AlertStatus | None:
    """None where what is known does not suffice: a lower bound can raise and never lower."""
    if found.value is None:
        return None
    status = severity(rule, found.value)
    least = max(before.rank, AlertStatus.WARNING.rank)
    return status if found.complete or status.rank >= least else None


def _settled(
    rule: AlertRule,
    before: AlertState,
    after: AlertState,
    *,
    now: datetime,
    new_id: NewId,
    reason: str | None = None,
) -> Step:
    """Lifecycle, transition and notice that follow from a status and a suppression."""
    fires, suppressed = after.status is not AlertStatus.OK, is_suppressed(rule, after, now)
    after = replace(after, lifecycle=_lifecycle(fires=fires, suppressed=suppressed))
    if not fires:
        after = replace(after, triggered_at=None)
    elif before.status is AlertStatus.OK:
        after = replace(after, triggered_at=now)
    transition = None
    if (before.status, before.lifecycle) != (after.status, after.lifecycle):
        after = replace(after, transition_at=now)
        transition = AlertTransition(
            transition_id=new_id(),
            rule_id=after.rule_id,
            scope_key=after.scope_key,
            occurred_at=now,
            from_status=before.status,
            to_status=after.status,
            from_lifecycle=before.lifecycle,
            to_lifecycle=after.lifecycle,
            value=after.last_value,
            reason=reason or _reason(rule, before, after),
            run_id=after.run_id,
        )
    jumped_back = before.evaluated_at is not None and now < before.evaluated_at
    if suppressed or jumped_back:
        return Step(state=_lowered(after), transition=transition)
    after, notice = _told(rule, after, now)
    return Step(state=after, transition=transition, notice=notice)


def _lifecycle(*, fires: bool, suppressed: bool) -> AlertLifecycle:
    if suppressed:
        return AlertLifecycle.SUPPRESSED
    return AlertLifecycle.ACTIVE if fires else AlertLifecycle.RESOLVED


def _told(rule: AlertRule, state: AlertState, now: datetime) -> tuple[AlertState, Notice | None]:
    """Tell what receivers do not know yet, unless this severity was told a moment ago."""
    known = told_status(state)
    mark = fingerprint(state.rule_id, state.scope_key, state.status)
    if state.status is AlertStatus.OK:
        if known is AlertStatus.OK:
            return state, None
        after = replace(state, fingerprint=None, notified_at=now)
        return after, _notice(NoticeKind.RESOLVED, state.status, mark, now)
    if state.status.rank <= known.rank:
        return _lowered(state), None
    told_at = _told_at(state, state.status)
    if told_at is not None and now < told_at + _cooldown(rule):
        return state, None
    kind = NoticeKind.ACTIVATED if known is AlertStatus.OK else NoticeKind.ESCALATED
    after = replace(state, fingerprint=mark, notified_at=now)
    if state.status is AlertStatus.CRITICAL:
        after = replace(after, critical_notified_at=now)
    else:
        after = replace(after, warning_notified_at=now)
    return after, _notice(kind, state.status, mark, now)


def _notice(kind: NoticeKind, status: AlertStatus, mark: str, now: datetime) -> Notice:
    return Notice(kind=kind, status=status, fingerprint=mark, occurred_at=now)


def told_status(state: AlertState) -> AlertStatus:
    """What receivers hold to be true."""
    for status in (AlertStatus.WARNING, AlertStatus.CRITICAL):
        if state.fingerprint == fingerprint(state.rule_id, state.scope_key, status):
            return status
    return AlertStatus.OK


def _lowered(state: AlertState) -> AlertState:
    """From critical to warning nobody is told, but getting worse again is an escalation."""
    if state.status is AlertStatus.WARNING and told_status(state) is AlertStatus.CRITICAL:
        mark = fingerprint(state.rule_id, state.scope_key, state.status)
        return replace(state, fingerprint=mark)
    return state


def _moved_to(state: AlertState, now: datetime) -> AlertState:
    """The state under a clock that jumped back: no time of the past lies in its future.

    Otherwise a clock that had been years ahead would silence the alert for years. The end of a
    suppression is an operator's word and stays.
    """
    return replace(
        state,
        evaluated_at=now,
        notified_at=_earlier(state.notified_at, now),
        warning_notified_at=_earlier(state.warning_notified_at, now),
        critical_notified_at=_earlier(state.critical_notified_at, now),
    )


def _earlier(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else min(at, now)


def _told_at(state: AlertState, status: AlertStatus) -> datetime | None:
    match status:
        case AlertStatus.OK:
            return None
        case AlertStatus.WARNING:
            return state.warning_notified_at
        case AlertStatus.CRITICAL:
            return state.critical_notified_at


def _cooldown(rule: AlertRule) -> timedelta:
    return timedelta(seconds=rule.dedup_cooldown_sec)


def _breaches(rule: AlertRule, value: float, threshold: float) -> bool:
    match rule.comparison:
        case AlertComparison.GREATER:
            return value > threshold
        case AlertComparison.GREATER_OR_EQUAL:
            return value >= threshold


def _reason(rule: AlertRule, before: AlertState, after: AlertState) -> str:
    """The reason of a transition by evaluation."""
    if before.status is after.status:
        over = after.lifecycle is not AlertLifecycle.SUPPRESSED
        return "the suppression is over" if over else "the rule is suppressed"
    sign = {AlertComparison.GREATER: ">", AlertComparison.GREATER_OR_EQUAL: ">="}[rule.comparison]
    match after.status:
        case AlertStatus.CRITICAL:
            return f"{after.last_value:g} {sign} {rule.critical_threshold:g}"
        case AlertStatus.WARNING:
            return f"{after.last_value:g} {sign} {rule.warn_threshold:g}"
        case AlertStatus.OK:
            return f"{after.last_value:g} is not {sign} {rule.warn_threshold:g}"
