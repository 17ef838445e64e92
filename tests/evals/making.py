"""Records and decisions for the tests: all is well unless a test says otherwise."""

from dataclasses import replace

from helicarrier.evals.enums import Policy, RateInterval
from helicarrier.evals.frame import frame_of
from helicarrier.evals.gates import evaluate
from helicarrier.evals.model import (
    DEFAULT_MARGINS,
    DEFAULT_THRESHOLDS,
    Decision,
    EvalRecord,
    GateResult,
)

DECISION = Decision(
    thresholds=DEFAULT_THRESHOLDS,
    policy=Policy.INTERVAL,
    rate_interval=RateInterval.WILSON,
    confidence=0.95,
    min_n=30,
    slices=(),
    code_version="test",
    samples_sha256="",
    margins=DEFAULT_MARGINS,
)


def record(number: int = 0, **changes: object) -> EvalRecord:
    """One record in which nothing went wrong."""
    fine = EvalRecord(
        record_id=f"r{number:06}",
        schema_valid=True,
        patch_apply_success=True,
        edited_after_generate=True,
        published_within_7d=True,
        safety_html_tailwind_compliant=True,
        fallback_used=False,
        latency_ms=1_000,
    )
    return replace(fine, **changes)


def records(count: int, *, bad: int = 0, **changes: object) -> list[EvalRecord]:
    """So many records; the first `bad` of them with the changes."""
    return [record(n, **(changes if n < bad else {})) for n in range(count)]


def judge(
    run: list[EvalRecord], *, baseline: list[EvalRecord] | None = None, **changes: object
) -> list[GateResult]:
    """The verdicts on a run under the defaults and the changes."""
    decision = replace(
        DECISION, baseline_run_id=None if baseline is None else "baseline", **changes
    )
    before = None if baseline is None else frame_of(baseline)
    return evaluate("run", frame_of(run), decision, before)
