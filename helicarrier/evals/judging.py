"""From an estimate to a verdict, a sentence that gives the reason, and the samples still missing.

Values are compared unrounded: 0.98995 does not meet 0.99. The threshold itself does.
"""

from dataclasses import dataclass
from math import ceil

from helicarrier.evals.catalog import MEASURES, PERCENTILE
from helicarrier.evals.enums import Direction, Gate, Policy, Verdict
from helicarrier.evals.estimates import Estimate
from helicarrier.evals.intervals import needed_for_percentile, needed_for_rate
from helicarrier.evals.model import Decision
from helicarrier.evals.paired import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reason; `needed` further samples where more would settle it."""

    verdict: Verdict
    reason: str
    needed: int | None = None


def judge(
    gate: Gate, estimate: Estimate | None, decision: Decision, *, is_slice: bool
) -> Judgement:
    """The verdict on one gate against its threshold."""
    if estimate is None:
        return Judgement(
            verdict=Verdict.INCONCLUSIVE,
            reason="no sample has a value",
            needed=_needed(gate, _flawless(gate), decision, is_slice=is_slice),
        )
    if is_slice and estimate.items < decision.min_n:
        enough = _needed(gate, estimate.share, decision, is_slice=True) or decision.min_n
        return Judgement(
            verdict=Verdict.INCONCLUSIVE,
            reason=f"{estimate.items} items are fewer than the {decision.min_n} of a slice",
            needed=enough - estimate.items,
        )
    threshold, direction = decision.thresholds[gate], MEASURES[gate].direction
    if decision.policy is Policy.POINT:
        met = _meets(estimate.value, threshold, direction)
        return Judgement(
            verdict=Verdict.PASS if met else Verdict.FAIL,
            reason=f"the value {'meets' if met else 'misses'} the threshold (point comparison)",
        )
    bad, good = _ends(estimate.low, estimate.high, direction)
    if bad is not None and _meets(bad, threshold, direction):
        return Judgement(verdict=Verdict.PASS, reason="the whole interval meets the threshold")
    if good is not None and not _meets(good, threshold, direction):
        return Judgement(verdict=Verdict.FAIL, reason="the whole interval misses the threshold")
    total = _needed(gate, estimate.share, decision, is_slice=is_slice)
    missing = None if total is None else max(1, total - estimate.items)
    if bad is None or good is None:
        reason = f"{estimate.items} items are too few to bound the value"
    else:
        reason = "the interval holds the threshold"
    return Judgement(verdict=Verdict.INCONCLUSIVE, reason=reason, needed=missing)


def judge_difference(
    gate: Gate,
    found: Difference | None,
    p_worse: float | None,
    decision: Decision,
    *,
    slices: int,
) -> Judgement:
    """The verdict on a gate against the baseline: not worse by more than the margin.

    All slices have to be shown as not worse, which needs no correction for their number. That one
    of them is worse is claimed only where `p_worse`, adjusted for their number, says so.
    """
    if found is None:
        return Judgement(
            verdict=Verdict.INCONCLUSIVE, reason="no item has a value in both run and baseline"
        )
    margin = decision.margins[gate]
    direction = MEASURES[gate].direction
    sign = 1 if direction is Direction.MIN else -1
    if decision.policy is Policy.POINT:
        if sign * found.delta >= -margin:
            return Judgement(
                verdict=Verdict.PASS, reason="no worse than the baseline (point comparison)"
            )
        return Judgement(
            verdict=Verdict.FAIL,
            reason="worse than the baseline by more than the margin (point comparison)",
        )
    bad, _ = _ends(found.low, found.high, direction)
    if bad is not None and sign * bad >= -margin:
        return Judgement(verdict=Verdict.PASS, reason="no worse than the baseline")
    level = (1 - decision.confidence) / 2
    if p_worse is not None and p_worse <= level:
        return Judgement(
            verdict=Verdict.FAIL, reason="worse than the baseline by more than the margin"
        )
    reason = "may be worse than the baseline by more than the margin"
    if found.p_worse is not None and found.p_worse <= level:
        reason = f"worse than the baseline by itself, not as one of {slices} slices"
    return Judgement(
        verdict=Verdict.INCONCLUSIVE,
        reason=reason,
        needed=_more_items(found, sign * found.delta + margin, bad),
    )


def combine(absolute: Judgement, relative: Judgement) -> Judgement:
    """Both have to pass; one that fails decides."""
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        found = [each for each in (absolute, relative) if each.verdict is verdict]
        if found:
            needs = [each.needed for each in found if each.needed is not None]
            return Judgement(
                verdict=verdict,
                reason="; ".join(each.reason for each in found),
                needed=max(needs) if len(needs) == len(found) else None,
            )
    return Judgement(verdict=Verdict.PASS, reason=f"{absolute.reason}; {relative.reason}")


def _meets(value: float, threshold: float, direction: Direction) -> bool:
    match direction:
        case Direction.MIN:
            return value >= threshold
        case Direction.MAX:
            return value <= threshold


def _ends(
    low: float | None, high: float | None, direction: Direction
) -> tuple[float | None, float | None]:
    """The bad end and the good end."""
    match direction:
        case Direction.MIN:
            return low, high
        case Direction.MAX:
            return high, low


def _flawless(gate: Gate) -> float:
    """The share of a run in which nothing goes wrong."""
    measure = MEASURES[gate]
    return 0.0 if measure.is_rate and measure.direction is Direction.MAX else 1.0


def _needed(gate: Gate, share: float, decision: Decision, *, is_slice: bool) -> int | None:
    """Items in all after which the verdict is settled at this share."""
    measure = MEASURES[gate]
    if measure.is_rate:
        total = needed_for_rate(
            share,
            decision.thresholds[gate],
            decision.confidence,
            direction=measure.direction,
            method=decision.rate_interval,
        )
    else:
        total = needed_for_percentile(share, PERCENTILE, decision.confidence)
    if total is None:
        return None
    return max(total, decision.min_n) if is_slice else total


def _more_items(found: Difference, room: float, bad: float | None) -> int | None:
    """Further items until the interval clears the margin: its width falls as their root does."""
    if bad is None or room == 0:
        return None
    width = abs(found.delta - bad)
    return max(1, ceil(found.items * (width / room) ** 2) - found.items)
