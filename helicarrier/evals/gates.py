"""The verdicts of a run: every gate over all samples and in every slice.

`pass` needs the interval's bad end to meet the threshold, `fail` its good end to miss it; anything
else is `inconclusive` and says how many further samples would settle it. Nothing passes without
samples. Against a baseline a gate also has to be no worse than the margin allows. The same samples
and the same decision give the same rows: there is no chance, no clock and no order of input here.
"""

from collections.abc import Iterable
from dataclasses import replace

from helicarrier.evals import judging
from helicarrier.evals.baseline import differences
from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import ALL, Gate, Method, Verdict
from helicarrier.evals.estimates import Estimate, estimates
from helicarrier.evals.frame import SampleFrame, Slicing, slicing_of, whole
from helicarrier.evals.judging import Judgement
from helicarrier.evals.model import Decision, GateResult
from helicarrier.evals.paired import Difference, holm


def evaluate(
    run_id: str, frame: SampleFrame, decision: Decision, baseline: SampleFrame | None = None
) -> list[GateResult]:
    """All verdicts of a run: first over all samples, then slice by slice, gates in their order.

    Raises:
        ValueError: the decision names a baseline and none is given, or the other way round.
    """
    if (baseline is None) is not (decision.baseline_run_id is None):
        message = "a baseline is compared exactly when the decision names one"
        raise ValueError(message)
    sliced = slicings(frame, decision)
    rows: list[GateResult] = []
    for gate, limit in decision.thresholds.items():
        found: list[GateResult] = []
        for slicing in sliced:
            estimated = estimates(
                gate,
                frame,
                slicing,
                limit=limit,
                confidence=decision.confidence,
                method=decision.rate_interval,
            )
            found += [
                _row(run_id, gate, slicing.key, name, estimate, decision)
                for name, estimate in zip(slicing.names, estimated, strict=True)
            ]
        if baseline is not None:
            found = _against(found, gate, frame, baseline, sliced, decision)
        rows += found
    return in_order(rows)


def passes(rows: Iterable[GateResult]) -> bool:
    """Whether every row passes; no rows do not."""
    verdicts = [row.verdict for row in rows]
    return bool(verdicts) and all(verdict is Verdict.PASS for verdict in verdicts)


def slicings(frame: SampleFrame, decision: Decision) -> list[Slicing]:
    """All samples, then each key; a slice that is asked for by its value may be empty."""
    expected: dict[str, set[str]] = {}
    for asked in decision.slices:
        key, _, value = asked.partition("=")
        expected.setdefault(key, set()).update({value} if value else ())
    keyed = (slicing_of(frame, key, values) for key, values in sorted(expected.items()))
    return [whole(frame), *keyed]


def in_order(rows: Iterable[GateResult]) -> list[GateResult]:
    """All samples first, then slices by key and value, in each the gates in their order."""
    return sorted(rows, key=_place)


_ORDER = {gate: place for place, gate in enumerate(Gate)}


def _place(row: GateResult) -> tuple[bool, str, str, int]:
    return (row.slice_key != ALL, row.slice_key, row.slice_value, _ORDER[row.gate])


def _row(
    run_id: str, gate: Gate, key: str, name: str, estimate: Estimate | None, decision: Decision
) -> GateResult:
    judged = judging.judge(gate, estimate, decision, is_slice=key != ALL)
    return GateResult(
        run_id=run_id,
        gate=gate,
        slice_key=key,
        slice_value=name,
        direction=MEASURES[gate].direction,
        threshold=decision.thresholds[gate],
        value=None if estimate is None else estimate.value,
        n=0 if estimate is None else estimate.n,
        ci_low=None if estimate is None else estimate.low,
        ci_high=None if estimate is None else estimate.high,
        method=Method.NONE if estimate is None else estimate.method,
        verdict=judged.verdict,
        reason=judged.reason,
        samples_needed=judged.needed,
    )


def _against(
    rows: list[GateResult],
    gate: Gate,
    frame: SampleFrame,
    baseline: SampleFrame,
    sliced: list[Slicing],
    decision: Decision,
) -> list[GateResult]:
    """The rows of one gate with their differences from the baseline."""
    margin = decision.margins[gate]
    found: list[Difference | None] = []
    for slicing in sliced:
        found += differences(
            gate, frame, baseline, slicing, confidence=decision.confidence, margin=margin
        )
    # Only a slice among others can look worse by chance of their number: all samples are no slice.
    p_worse = _adjusted([None if each is None else each.p_worse for each in found[1:]])
    first = None if found[0] is None else found[0].p_worse
    judged = [
        judging.judge_difference(gate, each, p, decision, slices=len(found) - 1)
        for each, p in zip(found, [first, *p_worse], strict=True)
    ]
    return [
        _with_difference(row, each, verdict, decision)
        for row, each, verdict in zip(rows, found, judged, strict=True)
    ]


def _adjusted(p_values: list[float | None]) -> list[float | None]:
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _with_difference(
    row: GateResult, found: Difference | None, relative: Judgement, decision: Decision
) -> GateResult:
    absolute = Judgement(verdict=row.verdict, reason=row.reason, needed=row.samples_needed)
    both = judging.combine(absolute, relative)
    return replace(
        row,
        verdict=both.verdict,
        reason=both.reason,
        samples_needed=both.needed,
        baseline_run_id=decision.baseline_run_id,
        delta=None if found is None else found.delta,
        delta_ci_low=None if found is None else found.low,
        delta_ci_high=None if found is None else found.high,
    )
