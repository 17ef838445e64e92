"""Alerts in the legacy store: its rules and states; it has no place for transitions or messages.

Nothing judges rules while the database is off, so what fires is what fired when it was judged last.
Operators may still make and change rules, silence and resolve; what they do is logged, and a step
changes rule and states in one replacement of the file.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from helicarrier import logs
from helicarrier.alerts import machine, operations
from helicarrier.alerts.enums import AlertLifecycle, AlertStatus
from helicarrier.alerts.model import AlertRule, AlertState, AlertTransition
from helicarrier.alerts.operations import ActiveAlert, RuleChange
from helicarrier.alerts.scopes import named_target
from helicarrier.alerts.steps import Writing
from helicarrier.errors import Conflict
from helicarrier.legacy.alert_rows import rule_of, rule_row, state_of, state_row
from helicarrier.legacy.file import ALERT_RULES, ALERT_STATES, Change, LegacyFile


class LegacyAlertRepository:
    """`AlertRepository` over the legacy store."""

    def __init__(self, file: LegacyFile) -> None:
        """Args: file."""
        self._file = file

    def rules(self, *, enabled_only: bool = False) -> list[AlertRule]:
        """See `AlertRepository.rules`."""
        found = _rules(self._file.book().rows(ALERT_RULES))
        return [found[key] for key in sorted(found) if found[key].enabled or not enabled_only]

    def rule(self, rule_id: str) -> AlertRule | None:
        """See `AlertRepository.rule`."""
        return _rules(self._file.book().rows(ALERT_RULES)).get(rule_id)

    def save_rule(self, rule: AlertRule) -> None:
        """See `AlertRepository.save_rule`."""
        with self._file.write() as change:
            _put_rule(change, rule)

    def states(self, *, lifecycle: AlertLifecycle | None = None) -> list[AlertState]:
        """See `AlertRepository.states`."""
        found = _states(self._file.book().rows(ALERT_STATES))
        states = [found[key] for key in sorted(found)]
        return [state for state in states if lifecycle in {None, state.lifecycle}]

    def last_judged(self) -> datetime | None:
        """See `AlertRepository.last_judged`."""
        judged = (state.evaluated_at for state in self.states())
        return max((at for at in judged if at is not None), default=None)

    def save_state(self, state: AlertState, transition: AlertTransition | None = None) -> None:
        """See `AlertRepository.save_state`; the file has no place for transitions."""
        with self._file.write() as change:
            _put_state(change, state)

    def transitions(self, rule_id: str) -> list[AlertTransition]:
        """See `AlertRepository.transitions`: none are kept."""
        return []


class LegacyAlertDesk:
    """`AlertDesk` over the legacy store."""

    def __init__(self, file: LegacyFile) -> None:
        """Args: file."""
        self._file = file
        self._repository = LegacyAlertRepository(file)

    def active(self, *, now: datetime, suppressed: bool = False) -> list[ActiveAlert]:
        """See `AlertDesk.active`."""
        rules = {rule.rule_id: rule for rule in self._repository.rules(enabled_only=True)}
        firing = (
            ActiveAlert(rule=rules[state.rule_id], state=state)
            for state in self._repository.states()
            if state.rule_id in rules
            and state.lifecycle is not AlertLifecycle.RESOLVED
            and state.status is not AlertStatus.OK
        )
        return operations.shown(firing, now=now, suppressed=suppressed)

    def rules(self) -> list[AlertRule]:
        """See `AlertDesk.rules`."""
        return self._repository.rules()

    def create_rule(self, rule: AlertRule, *, actor: str, now: datetime) -> None:
        """See `AlertDesk.create_rule`."""
        with self._file.write() as change:
            if rule.rule_id in _rules(change.rows(ALERT_RULES)):
                raise Conflict(operations.TAKEN)
            _put_rule(change, rule)
        logs.info("alert_rule.created", rule=rule.rule_id, actor=actor)

    def change_rule(
        self, rule_id: str, change: RuleChange, writing: Writing, *, actor: str
    ) -> AlertRule:
        """See `AlertDesk.change_rule`."""
        with self._file.write() as file:
            before = _required(file, rule_id)
            after = operations.changed(before, change, writing.now)
            if after == before:
                return before
            _put_rule(file, after)
            if before.enabled and not after.enabled:
                _resolve(file, after, None, f"the rule was switched off by {actor}", writing)
        logs.info("alert_rule.changed", rule=rule_id, actor=actor)
        return after

    def suppress(
        self,
        rule_id: str,
        until: datetime | None,
        writing: Writing,
        *,
        actor: str,
        scope_key: str | None,
    ) -> list[AlertState]:
        """See `AlertDesk.suppress`."""
        operations.require_future(until, writing.now)
        with self._file.write() as change:
            rule = _required(change, rule_id)
            states = _of_rule(change, rule)
            if scope_key is None:
                rule = replace(rule, suppressed_until=until, updated_at=writing.now)
                _put_rule(change, rule)
                reason = machine.suppression_reason(until, actor)
                done = [
                    machine.follow(
                        rule,
                        replace(state, suppressed_until=None) if until is None else state,
                        reason=reason,
                        now=writing.now,
                        new_id=writing.new_id,
                    )
                    for state in states.values()
                ]
            else:
                before = _scope(rule, states, scope_key)
                done = [
                    machine.suppress(
                        rule, before, until, actor=actor, now=writing.now, new_id=writing.new_id
                    )
                ]
            for step in done:
                _put_state(change, step.state)
        logs.info("alert.suppressed", rule=rule_id, actor=actor)
        return [step.state for step in done]

    def resolve(
        self, rule_id: str, writing: Writing, *, actor: str, scope_key: str | None
    ) -> list[AlertState]:
        """See `AlertDesk.resolve`."""
        with self._file.write() as change:
            rule = _required(change, rule_id)
            done = _resolve(change, rule, scope_key, f"resolved by {actor}", writing)
        logs.info("alert.resolved", rule=rule_id, actor=actor)
        return done


def _resolve(
    change: Change, rule: AlertRule, scope_key: str | None, reason: str, writing: Writing
) -> list[AlertState]:
    states = _of_rule(change, rule)
    if scope_key is not None:
        _scope(rule, states, scope_key)
    done = [
        machine.resolve(rule, state, reason=reason, now=writing.now, new_id=writing.new_id).state
        for state in states.values()
        if state.status is not AlertStatus.OK and scope_key in {None, state.scope_key}
    ]
    for state in done:
        _put_state(change, state)
    return done


def _scope(rule: AlertRule, states: dict[str, AlertState], scope_key: str) -> AlertState:
    known = states.get(scope_key)
    named = named_target(rule)
    if known is None and (not scope_key or (named is not None and named.key != scope_key)):
        raise operations.no_such_scope()
    return known or AlertState(rule_id=rule.rule_id, scope_key=scope_key, run_id="")


def _required(change: Change, rule_id: str) -> AlertRule:
    rule = _rules(change.rows(ALERT_RULES)).get(rule_id)
    if rule is None:
        raise operations.no_such_rule()
    return rule


def _of_rule(change: Change, rule: AlertRule) -> dict[str, AlertState]:
    found = _states(change.rows(ALERT_STATES))
    return {key: found[rule_id, key] for rule_id, key in sorted(found) if rule_id == rule.rule_id}


def _rules(rows: Iterable[object]) -> dict[str, AlertRule]:
    return {rule.rule_id: rule for rule in map(rule_of, rows) if rule is not None}


def _states(rows: Iterable[object]) -> dict[tuple[str, str], AlertState]:
    found = (state for state in map(state_of, rows) if state is not None)
    return {(state.rule_id, state.scope_key): state for state in found}


def _put_rule(change: Change, rule: AlertRule) -> None:
    before = _rules(change.rows(ALERT_RULES)).get(rule.rule_id)
    made_at = rule.created_at if before is None else before.created_at
    row = rule_row(replace(rule, created_at=made_at))
    kept = [
        old
        for old in change.rows(ALERT_RULES)
        if (known := rule_of(old)) is None or known.rule_id != rule.rule_id
    ]
    change.replace(ALERT_RULES, [*kept, row])


def _put_state(change: Change, state: AlertState) -> None:
    key = state.rule_id, state.scope_key
    kept = [
        old
        for old in change.rows(ALERT_STATES)
        if (known := state_of(old)) is None or (known.rule_id, known.scope_key) != key
    ]
    change.replace(ALERT_STATES, [*kept, state_row(state)])
