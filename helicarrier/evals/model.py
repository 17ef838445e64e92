"""Eval records, runs, verdicts and the decision behind them as frozen dataclasses.

A record says what was seen and nothing else: what it leaves out stays None and is never counted as
false or zero. `Decision` holds everything that the verdicts depend on besides the samples, so that
the same samples and the same decision give the same verdicts on any day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from helicarrier.canonical import JSONValue
from helicarrier.evals.enums import (
    ALL,
    Direction,
    Gate,
    Method,
    Policy,
    RateInterval,
    RouteStrategy,
    RunStatus,
    RunType,
    Verdict,
)

DEFAULT_THRESHOLDS: Mapping[Gate, float] = MappingProxyType(
    {
        Gate.SCHEMA_VALID_RATE: 0.99,
        Gate.PATCH_APPLY_SUCCESS: 0.95,
        Gate.EDIT_AFTER_GENERATE_RATE: 0.30,
        Gate.PUBLISH_CONVERSION_PROXY: 0.15,
        Gate.SAFETY_HTML_TAILWIND_COMPLIANCE: 0.995,
        Gate.FALLBACK_RATE_MAX: 0.25,
        Gate.P95_LATENCY_MS_MAX: 45_000,
    }
)
"""Rates from 0 to 1, the latency in milliseconds."""

DEFAULT_MARGINS: Mapping[Gate, float] = MappingProxyType(
    {
        Gate.SCHEMA_VALID_RATE: 0.01,
        Gate.PATCH_APPLY_SUCCESS: 0.02,
        Gate.EDIT_AFTER_GENERATE_RATE: 0.05,
        Gate.PUBLISH_CONVERSION_PROXY: 0.05,
        Gate.SAFETY_HTML_TAILWIND_COMPLIANCE: 0.01,
        Gate.FALLBACK_RATE_MAX: 0.05,
        Gate.P95_LATENCY_MS_MAX: 4_500,
    }
)
"""How much worse than its baseline a run may be and still not count as worse."""

DEFAULT_CONFIDENCE = 0.95
DEFAULT_MIN_N = 30
"""Independent items that a slice needs before it is judged at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRecord:
    """What one evaluated generation showed; latency in whole milliseconds."""

    record_id: str
    schema_valid: bool
    patch_apply_success: bool
    edited_after_generate: bool
    published_within_7d: bool
    safety_html_tailwind_compliant: bool
    fallback_used: bool | None = None
    latency_ms: int | None = None
    requested_provider: str | None = None
    selected_provider: str | None = None
    route_strategy: RouteStrategy | None = None
    request_id: str | None = None
    tenant_id: str | None = None
    route_id: str | None = None
    model_id: str | None = None
    model_version_id: str | None = None
    item_id: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSample:
    """A record as part of a stored run.

    `sample_id` follows from run and record (`samples.sample_id`), so that loading a run twice
    cannot double it.
    """

    sample_id: str
    run_id: str
    record: EvalRecord
    created_at: datetime
    training_example_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRun:
    """One evaluation. `thresholds` is the snapshot it was judged by; a decision is in `metadata`.

    Raises:
        ValueError: a run has an end exactly when its status is terminal.
    """

    run_id: str
    run_type: RunType
    triggered_by: str
    commit_sha: str
    dataset_ref: str
    thresholds: Mapping[str, float]
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None = None
    metadata: Mapping[str, JSONValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a run that is running and over, or neither."""
        if (self.status is RunStatus.RUNNING) is (self.finished_at is not None):
            message = f"a run with status {self.status} and finished_at {self.finished_at}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The verdict on one gate in one slice of a run; the overall one has `ALL` as key and value.

    `n` counts the samples with a value. An end of the interval is None where the samples cannot
    bound it. `samples_needed` are the further samples after which the verdict would be settled if
    the value stayed as it is; None where it is settled, or where no number would do. `delta` is
    the run's value minus the baseline's over the items that both hold.
    """

    run_id: str
    gate: Gate
    direction: Direction
    threshold: float
    value: float | None
    n: int
    ci_low: float | None
    ci_high: float | None
    method: Method
    verdict: Verdict
    reason: str
    slice_key: str = ALL
    slice_value: str = ALL
    samples_needed: int | None = None
    baseline_run_id: str | None = None
    delta: float | None = None
    delta_ci_low: float | None = None
    delta_ci_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """All that the verdicts of a run depend on besides the samples.

    `slices` are the keys that samples are sliced by; `min_n` is the least number of independent
    items that a slice is judged on. Digests are those of `samples.digest`.
    """

    thresholds: Mapping[Gate, float]
    policy: Policy
    rate_interval: RateInterval
    confidence: float
    min_n: int
    slices: tuple[str, ...]
    code_version: str
    samples_sha256: str
    margins: Mapping[Gate, float] = field(default_factory=dict)
    baseline_run_id: str | None = None
    baseline_sha256: str | None = None
