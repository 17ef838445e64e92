"""The rules of a canary: a sequence of windows to what each rule says after every one of them.

Three rules look at the same windows. The window rule wants two breached ones in a row. The
sequential test weighs all answers since the canary began, or since the UTC day did, so that a good
past cannot hide a bad present for longer; it asks whether answers are worse, not whether others had
to give them. The immediate rules act on one window where it leaves no
doubt. Of the first two the configured one acts and the other warns. A window without data says
nothing: it neither breaches nor heals.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from helicarrier.evals.canary.eprocess import evidence
from helicarrier.evals.canary.model import (
    CONSECUTIVE,
    EVIDENCE,
    FAILURE_LIMITS,
    IMMEDIATE_CONFIDENCE,
    P95_LATENCY_LIMIT_MS,
    QUALITY_LIMITS,
    ActingRule,
    CanaryWindow,
    Count,
    Guardrail,
    WindowVerdict,
)
from helicarrier.evals.enums import CanaryVerdict, DataState
from helicarrier.evals.intervals import percentile, percentile_interval, wilson

_P95 = 0.95
_CONTINUE, _WARN = CanaryVerdict.CONTINUE, CanaryVerdict.WARN
_SEVERITY = {verdict: place for place, verdict in enumerate(CanaryVerdict)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Immediate:
    """A rate that one window may not exceed, and what happens when it does."""

    guardrail: Guardrail
    limit: float
    action: CanaryVerdict


_IMMEDIATE = (
    _Immediate(
        guardrail=Guardrail.SAFETY_HTML_TAILWIND_COMPLIANCE,
        limit=0.01,
        action=CanaryVerdict.ROLLBACK,
    ),
    _Immediate(guardrail=Guardrail.SCHEMA_VALID_RATE, limit=0.02, action=CanaryVerdict.ROLLBACK),
    _Immediate(guardrail=Guardrail.FALLBACK_RATE, limit=0.40, action=CanaryVerdict.REDUCE_WEIGHT),
)
_SCHEMA_DROP = 0.01
_SLOW_MS = 60_000.0


def judge(
    windows: Iterable[CanaryWindow],
    *,
    acting: ActingRule = ActingRule.EPROCESS,
    baseline_schema_rate: float | None = None,
) -> list[WindowVerdict]:
    """The verdicts after each window.

    Args:
        windows: in their order, from the beginning of the canary.
        acting: which rule acts.
        baseline_schema_rate: valid rate of what the canary is compared with, if known.
    """
    verdicts: list[WindowVerdict] = []
    failures: Counter[Guardrail] = Counter()
    trials: Counter[Guardrail] = Counter()
    day: date | None = None
    in_a_row = 0
    for window in windows:
        if window.start.date() != day:
            day = window.start.date()
            failures.clear()
            trials.clear()
        for guardrail, count in window.counts.items():
            failures[guardrail] += count.failures
            trials[guardrail] += count.trials
        has_data = window.requests > 0 or window.samples > 0
        p95 = _p95(window)
        breaches = _breaches(window, p95)
        if has_data:
            in_a_row = in_a_row + 1 if breaches else 0
        e_value = max(
            float(evidence(failures[guardrail], trials[guardrail], limit))
            for guardrail, limit in QUALITY_LIMITS.items()
        )
        by_windows = _asks(has_data and in_a_row >= CONSECUTIVE)
        by_evidence = _asks(has_data and e_value >= EVIDENCE)
        immediate, reason = _immediate(window, baseline_schema_rate)
        verdicts.append(
            WindowVerdict(
                window=window,
                data_state=DataState.OK if has_data else DataState.NO_DATA,
                p95_latency_ms=p95,
                breaches=breaches,
                consecutive_breaches=in_a_row,
                e_value=e_value,
                windows_verdict=by_windows,
                eprocess_verdict=by_evidence,
                immediate_verdict=immediate,
                acted=_acted(acting, by_windows, by_evidence, immediate),
                reason=reason or _reason(has_data, breaches, in_a_row, e_value),
            )
        )
    return verdicts


def _asks(rollback: bool) -> CanaryVerdict:  # noqa: FBT001 - the verdict of a condition
    return CanaryVerdict.ROLLBACK if rollback else _CONTINUE


def _p95(window: CanaryWindow) -> float | None:
    if not window.latencies:
        return None
    import numpy as np

    return percentile(np.sort(np.array(window.latencies, dtype=float)), _P95)


def _breaches(window: CanaryWindow, p95: float | None) -> tuple[Guardrail, ...]:
    rates = {guardrail: window.count(guardrail).rate for guardrail in FAILURE_LIMITS}
    found = [
        guardrail
        for guardrail, limit in FAILURE_LIMITS.items()
        if (rate := rates[guardrail]) is not None and rate > limit
    ]
    if p95 is not None and p95 > P95_LATENCY_LIMIT_MS:
        found.append(Guardrail.P95_LATENCY_MS)
    return tuple(found)


def _immediate(
    window: CanaryWindow, baseline_schema_rate: float | None
) -> tuple[CanaryVerdict, str]:
    """The worst that one window asks for; it warns where it might only be chance."""
    found: list[tuple[CanaryVerdict, str]] = []
    rules = list(_IMMEDIATE)
    if baseline_schema_rate is not None:
        rules.append(
            _Immediate(
                guardrail=Guardrail.SCHEMA_VALID_RATE,
                limit=1 - baseline_schema_rate + _SCHEMA_DROP,
                action=CanaryVerdict.ROLLBACK,
            )
        )
    for rule in rules:
        count = window.count(rule.guardrail)
        if count.rate is not None and count.rate > rule.limit:
            sure = _lowest(count) > rule.limit
            told = f"{rule.guardrail.value}: {count.failures} of {count.trials} failed"
            found.append((rule.action, told) if sure else (_WARN, f"{told}, may be chance"))
    slow = _slow(window)
    if slow is not None:
        found.append(slow)
    return max(found, key=lambda item: _SEVERITY[item[0]], default=(_CONTINUE, ""))


def _lowest(count: Count) -> float:
    """The least failure rate that the window leaves possible."""
    import numpy as np

    low, _ = wilson(
        np.array([count.failures / count.trials]), np.array([count.trials]), IMMEDIATE_CONFIDENCE
    )
    return float(low[0])


def _slow(window: CanaryWindow) -> tuple[CanaryVerdict, str] | None:
    p95 = _p95(window)
    if p95 is None or p95 <= _SLOW_MS:
        return None
    import numpy as np

    ordered = np.sort(np.array(window.latencies, dtype=float))
    low = percentile_interval(ordered, _P95, len(ordered), IMMEDIATE_CONFIDENCE).low
    told = f"p95_latency_ms: {p95:,.0f}"
    if low is not None and low > _SLOW_MS:
        return CanaryVerdict.DISABLE_PROVIDER, told
    return _WARN, f"{told}, may be chance"


def _acted(
    acting: ActingRule,
    by_windows: CanaryVerdict,
    by_evidence: CanaryVerdict,
    immediate: CanaryVerdict,
) -> CanaryVerdict:
    match acting:
        case ActingRule.EPROCESS:
            return _worst(by_evidence, immediate, _warning(by_windows))
        case ActingRule.WINDOWS:
            return _worst(by_windows, immediate, _warning(by_evidence))
        case ActingRule.EITHER:
            return _worst(by_windows, by_evidence, immediate)


def _worst(*verdicts: CanaryVerdict) -> CanaryVerdict:
    return max(verdicts, key=_SEVERITY.__getitem__)


def _warning(verdict: CanaryVerdict) -> CanaryVerdict:
    return _CONTINUE if verdict is _CONTINUE else _WARN


def _reason(has_data: bool, breaches: Sequence[Guardrail], in_a_row: int, e_value: float) -> str:  # noqa: FBT001 - one of several facts
    if not has_data:
        return "no request and no sample in the window"
    named = ", ".join(guardrail.value for guardrail in breaches) or "no guardrail"
    return f"breached: {named}; {in_a_row} in a row; evidence {e_value:.3g} of {EVIDENCE:g}"
