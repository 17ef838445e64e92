"""What a canary is judged by: guardrails, windows of telemetry, and the verdicts on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from helicarrier.evals.enums import CanaryVerdict, DataState

WINDOW = timedelta(minutes=30)
CONSECUTIVE = 2
"""Breached windows in a row that ask for a rollback; one of no data neither counts nor resets."""

EVIDENCE = 20.0
"""The sequential test rejects from here on: at most 1 in 20 good canaries ever gets there."""

IMMEDIATE_CONFIDENCE = 0.999
"""How sure an immediate rule is that its limit is passed, since it looks at every window."""


class Guardrail(StrEnum):
    """What every window is held against."""

    SCHEMA_VALID_RATE = "schema_valid_rate"
    PATCH_APPLY_SUCCESS = "patch_apply_success"
    SAFETY_HTML_TAILWIND_COMPLIANCE = "safety_html_tailwind_compliance"
    FALLBACK_RATE = "fallback_rate"
    P95_LATENCY_MS = "p95_latency_ms"


FAILURE_LIMITS: Mapping[Guardrail, float] = MappingProxyType(
    {
        Guardrail.SCHEMA_VALID_RATE: 0.01,
        Guardrail.PATCH_APPLY_SUCCESS: 0.05,
        Guardrail.SAFETY_HTML_TAILWIND_COMPLIANCE: 0.005,
        Guardrail.FALLBACK_RATE: 0.25,
    }
)
"""Share of failures that is still accepted; a valid rate of 0.99 is a failure rate of 0.01."""

QUALITY_LIMITS: Mapping[Guardrail, float] = MappingProxyType(
    {
        guardrail: limit
        for guardrail, limit in FAILURE_LIMITS.items()
        if guardrail is not Guardrail.FALLBACK_RATE
    }
)
"""The limits of what an answer is worth: what the sequential test weighs."""

P95_LATENCY_LIMIT_MS = 45_000.0


class ActingRule(StrEnum):
    """Which of the two rules acts; the other one warns."""

    EPROCESS = "eprocess"
    WINDOWS = "windows"
    EITHER = "either"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Failures among trials; no trials are no data."""

    failures: int = 0
    trials: int = 0

    @property
    def rate(self) -> float | None:
        """Share of failures; None without a trial."""
        return self.failures / self.trials if self.trials else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryWindow:
    """What was seen from `start` up to but not including `end`; latencies in milliseconds."""

    start: datetime
    end: datetime
    requests: int = 0
    samples: int = 0
    counts: Mapping[Guardrail, Count] = field(default_factory=dict)
    latencies: tuple[int, ...] = ()

    def count(self, guardrail: Guardrail) -> Count:
        """Failures of a guardrail; none of nothing where it was not measured."""
        return self.counts.get(guardrail, Count())


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowVerdict:
    """What each rule says after a window, and what is done."""

    window: CanaryWindow
    data_state: DataState
    p95_latency_ms: float | None
    breaches: tuple[Guardrail, ...]
    consecutive_breaches: int
    e_value: float
    windows_verdict: CanaryVerdict
    eprocess_verdict: CanaryVerdict
    immediate_verdict: CanaryVerdict
    acted: CanaryVerdict
    reason: str
