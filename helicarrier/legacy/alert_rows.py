"""Rules and states of alerts as rows of the legacy store, and back.

An older service wrote fewer members; what is absent has the value that a new rule or state begins
with. A row that is no rule or no state by these terms is left alone and not shown.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from helicarrier import times
from helicarrier.alerts.enums import (
    AlertComparison,
    AlertLifecycle,
    AlertMetric,
    AlertScope,
    AlertStatus,
    AlertWindow,
    DataState,
)
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.scopes import GLOBAL
from helicarrier.alerts.wire import rule_json
from helicarrier.legacy.rows import LEGACY_RUN, RawRow

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Aware = Annotated[datetime, msgspec.Meta(tz=True)] | None
_UNTOLD = datetime(1970, 1, 1, tzinfo=UTC)
"""When a rule was made that does not say it."""


class _Row(msgspec.Struct, kw_only=True, rename="camel", frozen=True):
    pass


class _RuleRow(_Row, frozen=True):
    rule_id: Id
    metric: AlertMetric
    warn_threshold: float
    critical_threshold: float
    scope: AlertScope = AlertScope.GLOBAL
    agent_id: str | None = None
    model_id: str | None = None
    time_window: AlertWindow = AlertWindow.DAY
    comparison: AlertComparison = AlertComparison.GREATER
    dedup_cooldown_sec: Annotated[int, msgspec.Meta(ge=0)] = 300
    enabled: bool = True
    suppressed_until: Aware = None
    created_at: Aware = None
    updated_at: Aware = None


class _StateRow(_Row, frozen=True):
    rule_id: Id
    scope_key: str = GLOBAL
    status: AlertStatus = AlertStatus.OK
    lifecycle: AlertLifecycle | None = None
    data_state: DataState = DataState.NO_DATA
    last_value: float | None = None
    value: float | None = None
    evaluated_at: Aware = None
    transition_at: Aware = None
    notified_at: Aware = None
    suppressed_until: Aware = None
    fingerprint: str | None = None
    triggered_at: Aware = None
    warning_notified_at: Aware = None
    critical_notified_at: Aware = None


def rule_of(row: object) -> AlertRule | None:
    """The rule of a row of `alertRules`; None where it is none."""
    try:
        read = msgspec.convert(row, _RuleRow)
        values = msgspec.structs.asdict(read)
        values["created_at"] = read.created_at or _UNTOLD
        values["updated_at"] = read.updated_at or values["created_at"]
        return AlertRule(**values)
    except (msgspec.ValidationError, ValueError):
        return None


def state_of(row: object) -> AlertState | None:
    """The state of a row of `alertStates`; None where it is none."""
    try:
        read = msgspec.convert(row, _StateRow)
    except msgspec.ValidationError:
        return None
    values = msgspec.structs.asdict(read)
    value = values.pop("value")
    if read.last_value is None:
        values["last_value"] = value
    if read.lifecycle is None:
        fires = read.status is not AlertStatus.OK
        values["lifecycle"] = AlertLifecycle.ACTIVE if fires else AlertLifecycle.RESOLVED
    return AlertState(**values, run_id=LEGACY_RUN)


def rule_row(rule: AlertRule) -> RawRow:
    """The row of a rule, in the names of the API."""
    return dict(rule_json(rule))


def state_row(state: AlertState) -> RawRow:
    """The row of a state, with the members of the API and all that the next step needs."""
    values = asdict(state)
    del values["run_id"]
    found: RawRow = {
        _wire_name(name): times.utc_text(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return found | {"value": state.last_value}


def _wire_name(name: str) -> str:
    """A member's name on the wire."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
