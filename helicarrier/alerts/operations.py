"""What operators do: make and change rules, suppress, resolve, and look at what is active.

Each action is one transaction: the rule, the states that follow from it, their transitions, what is
to be told, and a line of the audit log. What an operator decides is stored with its end, so it
holds for every process and outlives all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from helicarrier import times
from helicarrier.alerts import machine, steps
from helicarrier.alerts.enums import AlertComparison, AlertLifecycle, AlertStatus, AlertWindow
from helicarrier.alerts.machine import Step
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.repository import put_rule, rule_of, state_of
from helicarrier.alerts.scopes import named_target
from helicarrier.alerts.steps import Writing
from helicarrier.alerts.tables import alert_rules, alert_state
from helicarrier.canonical import JSONValue
from helicarrier.errors import (
    Conflict,
    ContractError,
    ErrorCode,
    InputRejected,
    UsageError,
    Violation,
)
from helicarrier.ledger import audit
from helicarrier.store.operational import OperationalStore

Steps = list[tuple[AlertRule, Step]]

TAKEN = "there is a rule with this id"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What changes of a rule; None leaves it. What it watches does not change: that is another."""

    warn_threshold: float | None = None
    critical_threshold: float | None = None
    time_window: AlertWindow | None = None
    comparison: AlertComparison | None = None
    dedup_cooldown_sec: int | None = None
    enabled: bool | None = None

    def of(self, rule: AlertRule, now: datetime) -> AlertRule:
        """The rule with the change.

        Raises:
            ValueError: it would contradict itself.
        """
        values = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(rule, updated_at=now, **values)

    def shown(self) -> dict[str, JSONValue]:
        """What changes, for the audit log."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """A scope that fires, with its rule."""

    rule: AlertRule
    state: AlertState

    @property
    def deduped(self) -> bool:
        """Whether the newest evaluation found what had been told within the cooldown."""
        return machine.is_repeat(self.rule, self.state)


def active(
    store: OperationalStore, *, now: datetime, suppressed: bool = False
) -> list[ActiveAlert]:
    """What fires under rules in force: the worst first, then what fires longest.

    A suppression that is over hides nothing, also before the next evaluation has seen its end.

    Args: store; now; suppressed: also what an operator has silenced.
    """
    s = alert_state.c
    firing = [AlertLifecycle.ACTIVE.value, AlertLifecycle.SUPPRESSED.value]
    query = select(alert_state).where(s.lifecycle.in_(firing), s.status != AlertStatus.OK.value)
    with store.read() as connection:
        in_force = select(alert_rules).where(alert_rules.c.enabled == 1)
        rules = {row.rule_id: rule_of(row) for row in connection.execute(in_force)}
        states = [state_of(row) for row in connection.execute(query)]
    found = [
        ActiveAlert(rule=rules[state.rule_id], state=state)
        for state in states
        if state.rule_id in rules
    ]
    return shown(found, now=now, suppressed=suppressed)


def shown(found: Iterable[ActiveAlert], *, now: datetime, suppressed: bool) -> list[ActiveAlert]:
    """Of what fires what is not silenced now, or all; the worst first, then what fires longest."""
    wanted = [
        one for one in found if suppressed or not machine.is_suppressed(one.rule, one.state, now)
    ]
    return sorted(wanted, key=_urgency)


def changed(before: AlertRule, change: RuleChange, now: datetime) -> AlertRule:
    """The rule with the change; the same rule where nothing changes.

    Raises:
        ContractError: the rule would contradict itself.
    """
    try:
        after = change.of(before, now)
    except ValueError as error:
        raise ContractError(
            ErrorCode.VALIDATION_ERROR,
            "the rule would contradict itself",
            [Violation(pointer="", code="INVALID_VALUE", message=str(error))],
        ) from None
    same = replace(after, updated_at=before.updated_at) == before
    return before if same else after


def require_future(until: datetime | None, now: datetime) -> None:
    """Passes when a suppression ends in the future, or now.

    Raises:
        InputRejected: its end lies in the past.
    """
    if until is not None and until <= now:
        raise InputRejected("the suppression would end in the past", hint="Give a later end.")


def create_rule(store: OperationalStore, rule: AlertRule, *, actor: str, now: datetime) -> None:
    """Make a rule.

    Raises:
        Conflict: there is a rule with this id.
    """
    with store.write() as connection:
        if _found(connection, rule.rule_id) is not None:
            raise Conflict(TAKEN, hint="Change it, or take another id.")
        put_rule(connection, rule)
        _audit(connection, "alert_rule.created", rule.rule_id, actor, now, _shown(rule))


def change_rule(
    store: OperationalStore,
    rule_id: str,
    change: RuleChange,
    writing: Writing,
    *,
    actor: str,
    dry_run: bool = False,
) -> AlertRule:
    """Change a rule; one that is switched off lets go of what fires under it.

    Raises:
        UsageError: NOT_FOUND.
        ContractError: the rule would contradict itself.
    """
    with store.write() as connection:
        before = _required(connection, rule_id)
        after = changed(before, change, writing.now)
        if dry_run or after == before:
            return replace(after, updated_at=before.updated_at)
        put_rule(connection, after)
        if before.enabled and not after.enabled:
            reason = f"the rule was switched off by {actor}"
            _write(connection, _resolved(connection, after, None, reason, writing), writing)
        _audit(connection, "alert_rule.changed", rule_id, actor, writing.now, change.shown())
    return after


def suppress(
    store: OperationalStore,
    rule_id: str,
    until: datetime | None,
    writing: Writing,
    *,
    actor: str,
    scope_key: str | None = None,
    dry_run: bool = False,
) -> list[AlertState]:
    """Silence a rule, or one scope of it, until a time; None ends the silence.

    Returns: the states as they are now.

    Raises:
        UsageError: NOT_FOUND.
        InputRejected: the end lies in the past.
    """
    require_future(until, writing.now)
    with store.write() as connection:
        rule = _required(connection, rule_id)
        if scope_key is None:
            done = _suppress_all(connection, rule, until, writing, actor, dry_run=dry_run)
        else:
            before = _scope(connection, rule, scope_key, writing)
            step = machine.suppress(
                rule, before, until, actor=actor, now=writing.now, new_id=writing.new_id
            )
            done = [(rule, step)]
        if not dry_run:
            _write(connection, done, writing)
            details: dict[str, JSONValue] = {
                "scopeKey": scope_key,
                "until": None if until is None else times.utc_text(until),
            }
            _audit(connection, "alert.suppressed", rule_id, actor, writing.now, details)
    return [step.state for _, step in done]


def resolve(
    store: OperationalStore,
    rule_id: str,
    writing: Writing,
    *,
    actor: str,
    scope_key: str | None = None,
    dry_run: bool = False,
) -> list[AlertState]:
    """Call what fires under a rule well; a later evaluation that finds otherwise fires again.

    Returns: the states that were resolved; none where nothing fired.

    Raises:
        UsageError: NOT_FOUND.
    """
    with store.write() as connection:
        rule = _required(connection, rule_id)
        done = _resolved(connection, rule, scope_key, f"resolved by {actor}", writing)
        if not dry_run and done:
            _write(connection, done, writing)
            details: dict[str, JSONValue] = {"scopeKey": scope_key}
            _audit(connection, "alert.resolved", rule_id, actor, writing.now, details)
    return [step.state for _, step in done]


def _suppress_all(
    connection: Connection,
    rule: AlertRule,
    until: datetime | None,
    writing: Writing,
    actor: str,
    *,
    dry_run: bool,
) -> Steps:
    """The whole rule; its end also ends what was silenced scope by scope."""
    silent = replace(rule, suppressed_until=until, updated_at=writing.now)
    if not dry_run:
        put_rule(connection, silent)
    done = []
    for state in _states(connection, rule.rule_id, writing):
        before = replace(state, suppressed_until=None) if until is None else state
        step = machine.follow(
            silent,
            before,
            reason=machine.suppression_reason(until, actor),
            now=writing.now,
            new_id=writing.new_id,
        )
        done.append((silent, step))
    return done


def _resolved(
    connection: Connection, rule: AlertRule, scope_key: str | None, reason: str, writing: Writing
) -> Steps:
    if scope_key is not None:
        _scope(connection, rule, scope_key, writing)
    return [
        (
            rule,
            machine.resolve(rule, state, reason=reason, now=writing.now, new_id=writing.new_id),
        )
        for state in _states(connection, rule.rule_id, writing)
        if state.status is not AlertStatus.OK and scope_key in {None, state.scope_key}
    ]


def _states(connection: Connection, rule_id: str, writing: Writing) -> list[AlertState]:
    known = steps.states(connection, rule_id)
    return [replace(state, run_id=writing.run_id) for _, state in sorted(known.items())]


def _scope(connection: Connection, rule: AlertRule, scope_key: str, writing: Writing) -> AlertState:
    """The state of a scope; one that was not judged yet is new, where the rule could judge it."""
    known = steps.states(connection, rule.rule_id).get((rule.rule_id, scope_key))
    named = named_target(rule)
    if known is None and (not scope_key or (named is not None and named.key != scope_key)):
        raise no_such_scope()
    fresh = AlertState(rule_id=rule.rule_id, scope_key=scope_key, run_id=writing.run_id)
    return replace(known or fresh, run_id=writing.run_id)


def _write(connection: Connection, done: Steps, writing: Writing) -> None:
    steps.write(connection, done, writing, marked=False)


def _required(connection: Connection, rule_id: str) -> AlertRule:
    rule = _found(connection, rule_id)
    if rule is None:
        raise no_such_rule()
    return rule


def _found(connection: Connection, rule_id: str) -> AlertRule | None:
    """The rule, held until the transaction ends."""
    query = select(alert_rules).where(alert_rules.c.rule_id == rule_id).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else rule_of(row)


def no_such_rule() -> UsageError:
    """The failure of who names a rule that is not there."""
    return _unknown("there is no such rule", "`helicarrier alerts rules` lists them.")


def no_such_scope() -> UsageError:
    """The failure of who names a scope that a rule does not have."""
    return _unknown("the rule has no such scope", "`helicarrier alerts list --all` shows them.")


def _unknown(message: str, hint: str) -> UsageError:
    error = UsageError(message, code=ErrorCode.NOT_FOUND, hint=hint)
    error.http_status = 404
    return error


def _audit(
    connection: Connection,
    action: str,
    subject: str,
    actor: str,
    now: datetime,
    details: Mapping[str, JSONValue],
) -> None:
    audit.record(connection, actor=actor, action=action, subject=subject, now=now, details=details)


def _shown(rule: AlertRule) -> dict[str, JSONValue]:
    return {
        "metric": rule.metric.value,
        "scope": rule.scope.value,
        "agentId": rule.agent_id,
        "modelId": rule.model_id,
        "warnThreshold": rule.warn_threshold,
        "criticalThreshold": rule.critical_threshold,
        "timeWindow": rule.time_window.value,
    }


def _urgency(alert: ActiveAlert) -> tuple[int, str, str, str]:
    state = alert.state
    since = "" if state.triggered_at is None else times.utc_text(state.triggered_at)
    return (-state.status.rank, since, state.rule_id, state.scope_key)
