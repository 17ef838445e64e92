"""The closed vocabularies of alerts."""

from datetime import timedelta
from enum import StrEnum


class AlertMetric(StrEnum):
    """What a rule watches."""

    DAILY_COST_USD = "daily_cost_usd"
    RUNTIME_P95_MS = "runtime_p95_ms"
    FAILURE_RATE = "failure_rate"


class AlertScope(StrEnum):
    """What a rule looks at: everything, agents, models, or pairs of them."""

    GLOBAL = "global"
    AGENT = "agent"
    MODEL = "model"
    AGENT_MODEL = "agent_model"

    @property
    def has_agent(self) -> bool:
        """Whether agents are told apart."""
        return self in {AlertScope.AGENT, AlertScope.AGENT_MODEL}

    @property
    def has_model(self) -> bool:
        """Whether models are told apart."""
        return self in {AlertScope.MODEL, AlertScope.AGENT_MODEL}


class AlertWindow(StrEnum):
    """How far back a rule looks."""

    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        match self:
            case AlertWindow.FIVE_MINUTES:
                return timedelta(minutes=5)
            case AlertWindow.HOUR:
                return timedelta(hours=1)
            case AlertWindow.DAY:
                return timedelta(days=1)
            case AlertWindow.WEEK:
                return timedelta(days=7)


class AlertComparison(StrEnum):
    """When a value breaches a threshold."""

    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"


class AlertStatus(StrEnum):
    """How bad the last judged value was."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for ok, more for what is worse."""
        return list(AlertStatus).index(self)


class AlertLifecycle(StrEnum):
    """Where an alert stands in its life."""

    ACTIVE = "active"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"


class NoticeKind(StrEnum):
    """Why somebody is told of an alert."""

    ACTIVATED = "activated"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class DataState(StrEnum):
    """Whether there was anything to judge; no data is never a pass."""

    OK = "ok"
    NO_DATA = "no_data"
