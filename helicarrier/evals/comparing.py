"""Two runs side by side: for each measure the difference, its interval and what can be said of it.

Seven measures are looked at together, so a difference is only called one where its p-value,
adjusted for their number, is below the level: of identical systems no more than one comparison in
twenty finds any difference at 95%.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from helicarrier.evals.baseline import differences
from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import Direction, Gate, RateInterval
from helicarrier.evals.estimates import estimates
from helicarrier.evals.frame import SampleFrame, frame_of, whole
from helicarrier.evals.model import DEFAULT_CONFIDENCE, EvalRecord
from helicarrier.evals.paired import Difference, holm


class Finding(StrEnum):
    """What a comparison says about one measure."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE_SHOWN = "no_difference_shown"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure of both runs; the values are over all samples, the rest over shared items."""

    gate: Gate
    value: float | None
    baseline: float | None
    items: int
    delta: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    finding: Finding


def compare(
    run: Sequence[EvalRecord], baseline: Sequence[EvalRecord], *, confidence: float
) -> list[Compared]:
    """Every measure of a run against the baseline, in the order of the gates."""
    after, before = frame_of(run), frame_of(baseline)
    found: dict[Gate, Difference | None] = {}
    for gate in Gate:
        (found[gate],) = differences(
            gate, after, before, whole(after), confidence=confidence, margin=0.0
        )
    known = {
        gate: each.p_value
        for gate, each in found.items()
        if each is not None and each.p_value is not None
    }
    adjusted = dict(zip(known, holm(list(known.values())), strict=True))
    return [
        _compared(gate, after, before, found[gate], adjusted.get(gate), 1 - confidence)
        for gate in Gate
    ]


def _compared(
    gate: Gate,
    after: SampleFrame,
    before: SampleFrame,
    found: Difference | None,
    p_adjusted: float | None,
    level: float,
) -> Compared:
    return Compared(
        gate=gate,
        value=_value(gate, after),
        baseline=_value(gate, before),
        items=0 if found is None else found.items,
        delta=None if found is None else found.delta,
        ci_low=None if found is None else found.low,
        ci_high=None if found is None else found.high,
        p_value=None if found is None else found.p_value,
        p_adjusted=p_adjusted,
        finding=_finding(gate, found, p_adjusted, level),
    )


def _finding(
    gate: Gate, found: Difference | None, p_adjusted: float | None, level: float
) -> Finding:
    if found is None:
        return Finding.NOT_COMPARABLE
    if p_adjusted is None or p_adjusted >= level or found.delta == 0:
        return Finding.NO_DIFFERENCE_SHOWN
    rose = found.delta > 0
    return Finding.BETTER if rose is (MEASURES[gate].direction is Direction.MIN) else Finding.WORSE


def _value(gate: Gate, frame: SampleFrame) -> float | None:
    (estimate,) = estimates(
        gate,
        frame,
        whole(frame),
        limit=0,
        confidence=DEFAULT_CONFIDENCE,
        method=RateInterval.WILSON,
    )
    return None if estimate is None else estimate.value
