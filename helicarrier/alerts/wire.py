"""Alerts as they go over the wire: the bodies that are taken, and the answers.

Bodies are strict: a field, an enum value or a number that is not here is refused with every reason.
The members of the answers are frozen for the clients of the V3 API; new ones are only added.
"""

from datetime import datetime, timedelta
from typing import Annotated, Self, TypedDict

import msgspec
from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)
from pydantic.config import JsonDict, JsonValue
from pydantic_core import PydanticCustomError

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
from helicarrier.alerts.machine import is_suppressed
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.operations import ActiveAlert, RuleChange
from helicarrier.alerts.scopes import target_of
from helicarrier.ingest.envelope_models import Time
from helicarrier.ingest.strict_bodies import StrictBody

MOST_COOLDOWN_SECONDS = 7 * 86_400
_MOST_MINUTES = 366 * 1440

RULE_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

RuleId = Annotated[str, StringConstraints(pattern=RULE_ID)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
Threshold = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Cooldown = Annotated[int, Field(ge=0, le=MOST_COOLDOWN_SECONDS)]


class RuleBody(StrictBody):
    """A new rule; without an id it gets one."""

    rule_id: RuleId | None = None
    metric: AlertMetric
    scope: AlertScope = AlertScope.GLOBAL
    agent_id: Name | None = None
    model_id: Name | None = None
    warn_threshold: Threshold
    critical_threshold: Threshold
    time_window: AlertWindow = AlertWindow.DAY
    comparison: AlertComparison = AlertComparison.GREATER
    dedup_cooldown_sec: Cooldown = 300
    enabled: bool = True

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.critical_threshold < self.warn_threshold:
            raise PydanticCustomError("threshold_order", "critical below warning")
        stray_agent = self.agent_id is not None and not self.scope.has_agent
        if stray_agent or (self.model_id is not None and not self.scope.has_model):
            raise PydanticCustomError("scope_mismatch", "the scope does not look at it")
        return self

    def rule(self, rule_id: str, now: datetime) -> AlertRule:
        """The rule. Args: rule_id where the body names none; now."""
        return AlertRule(
            rule_id=self.rule_id or rule_id,
            metric=self.metric,
            scope=self.scope,
            agent_id=self.agent_id,
            model_id=self.model_id,
            warn_threshold=self.warn_threshold,
            critical_threshold=self.critical_threshold,
            time_window=self.time_window,
            comparison=self.comparison,
            dedup_cooldown_sec=self.dedup_cooldown_sec,
            enabled=self.enabled,
            created_at=now,
            updated_at=now,
        )


class RuleChangeBody(StrictBody):
    """What changes of a rule; what is absent stays."""

    warn_threshold: Threshold | None = None
    critical_threshold: Threshold | None = None
    time_window: AlertWindow | None = None
    comparison: AlertComparison | None = None
    dedup_cooldown_sec: Cooldown | None = None
    enabled: bool | None = None

    def change(self) -> RuleChange:
        """The change."""
        return RuleChange(
            warn_threshold=self.warn_threshold,
            critical_threshold=self.critical_threshold,
            time_window=self.time_window,
            comparison=self.comparison,
            dedup_cooldown_sec=self.dedup_cooldown_sec,
            enabled=self.enabled,
        )


def _only(name: str, schema: JsonDict) -> JsonDict:
    """That of the three ways to say when a suppression ends this one is used."""
    unused: JsonDict = {
        "until": {"type": "null"},
        "minutes": {"type": "null"},
        "end": {"const": False},
    }
    return {"properties": unused | {name: schema}, "required": [name]}


_ONE_OF: list[JsonValue] = [
    _only("until", {"type": "string"}),
    _only("minutes", {"type": "integer"}),
    _only("end", {"const": True}),
]


class SuppressBody(StrictBody):
    """How long: `until` a time, for `minutes`, or `end` now; of one scope or of all."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF})

    until: Time | None = None
    minutes: Annotated[int, Field(ge=1, le=_MOST_MINUTES)] | None = None
    end: bool = False
    scope_key: Key | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.until is not None) + (self.minutes is not None) + self.end != 1:
            raise PydanticCustomError("one_of", "exactly one of until, minutes and end")
        return self

    def end_after(self, now: datetime) -> datetime | None:
        """When it ends; None: it ends now."""
        if self.minutes is not None:
            return now + timedelta(minutes=self.minutes)
        return None if self.until is None else times.parse(self.until)


class ResolveBody(StrictBody):
    """Which scope; without one all of them."""

    scope_key: Key | None = None


def schemas(template: str) -> dict[str, object]:
    """Component name -> JSON Schema of the bodies. Args: template of references."""
    union = TypeAdapter(RuleBody | RuleChangeBody | SuppressBody | ResolveBody)
    found: dict[str, object] = union.json_schema(ref_template=template)["$defs"]
    return found


Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class RuleRow(TypedDict):
    """A rule."""

    ruleId: str
    metric: AlertMetric
    scope: AlertScope
    agentId: str | None
    modelId: str | None
    warnThreshold: float
    criticalThreshold: float
    timeWindow: AlertWindow
    comparison: AlertComparison
    dedupCooldownSec: int
    enabled: bool
    suppressedUntil: Instant | None
    createdAt: Instant
    updatedAt: Instant


class _ScopeRow(TypedDict):
    scopeKey: str
    agentId: str | None
    modelId: str | None
    timeWindow: AlertWindow
    lifecycle: AlertLifecycle
    dataState: DataState
    suppressedUntil: Instant | None
    evaluatedAt: Instant | None
    notifiedAt: Instant | None


class ActiveRow(_ScopeRow):
    """A scope that fires."""

    ruleId: str
    metric: AlertMetric
    scope: AlertScope
    value: float | None
    warnThreshold: float
    criticalThreshold: float
    status: AlertStatus
    triggeredAt: Instant | None
    deduped: bool


class StateRow(_ScopeRow):
    """How a scope stands, whatever its status."""

    ruleId: str
    metric: AlertMetric
    scope: AlertScope
    value: float | None
    status: AlertStatus
    triggeredAt: Instant | None
    suppressed: bool


def rule_json(rule: AlertRule) -> RuleRow:
    """A rule."""
    return {
        "ruleId": rule.rule_id,
        "metric": rule.metric,
        "scope": rule.scope,
        "agentId": rule.agent_id,
        "modelId": rule.model_id,
        "warnThreshold": rule.warn_threshold,
        "criticalThreshold": rule.critical_threshold,
        "timeWindow": rule.time_window,
        "comparison": rule.comparison,
        "dedupCooldownSec": rule.dedup_cooldown_sec,
        "enabled": rule.enabled,
        "suppressedUntil": time_text(rule.suppressed_until),
        "createdAt": times.utc_text(rule.created_at),
        "updatedAt": times.utc_text(rule.updated_at),
    }


def active_json(alert: ActiveAlert) -> ActiveRow:
    """A scope that fires."""
    rule, state = alert.rule, alert.state
    return {
        "ruleId": rule.rule_id,
        "metric": rule.metric,
        "scope": rule.scope,
        "value": state.last_value,
        "warnThreshold": rule.warn_threshold,
        "criticalThreshold": rule.critical_threshold,
        "status": state.status,
        "triggeredAt": time_text(state.triggered_at),
        "deduped": alert.deduped,
        **_more(rule, state),
    }


def state_json(rule: AlertRule, state: AlertState, now: datetime) -> StateRow:
    """How a scope stands, whatever its status."""
    return {
        "ruleId": rule.rule_id,
        "metric": rule.metric,
        "scope": rule.scope,
        "value": state.last_value,
        "status": state.status,
        "triggeredAt": time_text(state.triggered_at),
        "suppressed": is_suppressed(rule, state, now),
        **_more(rule, state),
    }


def _more(rule: AlertRule, state: AlertState) -> _ScopeRow:
    target = target_of(rule.scope, state.scope_key)
    ends = [at for at in (rule.suppressed_until, state.suppressed_until) if at is not None]
    return {
        "scopeKey": state.scope_key,
        "agentId": target.agent_id,
        "modelId": target.model_id,
        "timeWindow": rule.time_window,
        "lifecycle": state.lifecycle,
        "dataState": state.data_state,
        "suppressedUntil": time_text(max(ends, default=None)),
        "evaluatedAt": time_text(state.evaluated_at),
        "notifiedAt": time_text(state.notified_at),
    }


def time_text(at: datetime | None) -> str | None:
    """A time as it goes over the wire."""
    return None if at is None else times.utc_text(at)
