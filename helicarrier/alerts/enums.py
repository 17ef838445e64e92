"""The closed vocabularies of alerts."""

from enum import StrEnum


class AlertMetric(StrEnum):
    """What a rule watches."""

    DAILY_COST_USD = "daily_cost_usd"
    RUNTIME_P95_MS = "runtime_p95_ms"
    FAILURE_RATE = "failure_rate"


class AlertScope(StrEnum):
    """What a rule looks at: everything, one agent, one model, or one pair."""

    GLOBAL = "global"
    AGENT = "agent"
    MODEL = "model"
    AGENT_MODEL = "agent_model"


class AlertWindow(StrEnum):
    """How far back a rule looks."""

    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"


class AlertComparison(StrEnum):
    """When a value breaches a threshold."""

    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"


class AlertStatus(StrEnum):
    """How bad the last judged value was."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertLifecycle(StrEnum):
    """Where an alert stands in its life."""

    ACTIVE = "active"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"


class DataState(StrEnum):
    """Whether there was anything to judge; no data is never a pass."""

    OK = "ok"
    NO_DATA = "no_data"
