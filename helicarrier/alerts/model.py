"""Rules, states and transitions of alerts as frozen dataclasses."""

import math
from dataclasses import dataclass
from datetime import datetime

from helicarrier.alerts.enums import (
    AlertComparison,
    AlertLifecycle,
    AlertMetric,
    AlertScope,
    AlertStatus,
    AlertWindow,
    DataState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """What is watched and from where on it is worth a warning.

    A scope of agents or models that names none means each of them, judged apart.

    Raises:
        ValueError: the critical threshold is below the warning, a threshold is no finite number,
            or the rule names an agent or a model that its scope does not look at.
    """

    rule_id: str
    metric: AlertMetric
    scope: AlertScope
    warn_threshold: float
    critical_threshold: float
    time_window: AlertWindow
    created_at: datetime
    updated_at: datetime
    agent_id: str | None = None
    model_id: str | None = None
    comparison: AlertComparison = AlertComparison.GREATER
    dedup_cooldown_sec: int = 300
    enabled: bool = True
    suppressed_until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could never be judged as it reads."""
        if not (math.isfinite(self.warn_threshold) and math.isfinite(self.critical_threshold)):
            message = "the thresholds are not finite numbers"
            raise ValueError(message)
        if self.critical_threshold < self.warn_threshold:
            message = "the critical threshold is below the warning"
            raise ValueError(message)
        stray_agent = self.agent_id is not None and not self.scope.has_agent
        stray_model = self.model_id is not None and not self.scope.has_model
        if stray_agent or stray_model:
            message = f"the scope {self.scope} does not fit the agent and model it names"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """How a rule stands for one scope key."""

    rule_id: str
    scope_key: str
    run_id: str
    status: AlertStatus = AlertStatus.OK
    lifecycle: AlertLifecycle = AlertLifecycle.RESOLVED
    data_state: DataState = DataState.NO_DATA
    last_value: float | None = None
    evaluated_at: datetime | None = None
    transition_at: datetime | None = None
    notified_at: datetime | None = None
    suppressed_until: datetime | None = None
    fingerprint: str | None = None
    triggered_at: datetime | None = None
    warning_notified_at: datetime | None = None
    critical_notified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTransition:
    """One change of a state; rows are only ever added."""

    transition_id: str
    rule_id: str
    scope_key: str
    occurred_at: datetime
    from_status: AlertStatus
    to_status: AlertStatus
    from_lifecycle: AlertLifecycle
    to_lifecycle: AlertLifecycle
    value: float | None
    reason: str
    run_id: str
