"""A run against its baseline, gate by gate and slice by slice, over the items that both hold.

A slice is made of the run's samples; against them stand the baseline's samples of the same items,
however the baseline routed them. Items of only one side are left out and counted. All differences
are the run's value minus the baseline's.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.evals import intervals, paired
from helicarrier.evals.catalog import MEASURES, PERCENTILE
from helicarrier.evals.enums import Direction, Gate
from helicarrier.evals.frame import SampleFrame, Slicing
from helicarrier.evals.intervals import Interval
from helicarrier.evals.paired import Difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Items:
    """Values of one gate, item by item: mean and number of samples, NaN and 0 where none."""

    mean: "Floats"
    count: "Codes"


def differences(
    gate: Gate,
    run: SampleFrame,
    baseline: SampleFrame,
    slicing: Slicing,
    *,
    confidence: float,
    margin: float,
) -> list[Difference | None]:
    """The difference in each slice; None where no item has a value on both sides.

    Args:
        gate: what is compared.
        run: samples of the run, sliced by `slicing`.
        baseline: samples of the baseline.
        slicing: the slices, of the run's samples.
        confidence: of the interval, both sides together.
        margin: how much worse still counts as not worse, in the gate's unit.
    """
    import numpy as np

    place = {name: code for code, name in enumerate(baseline.item_names)}
    other = np.array([place.get(name, -1) for name in run.item_names], dtype=np.int64)
    before = _by_item(baseline, gate)
    known = ~np.isnan(run.values[gate]) & (other[run.items] >= 0)
    known[known] = before.count[other[run.items[known]]] > 0
    if not known.any():
        return [None] * len(slicing.names)
    found: list[Difference | None] = []
    for code in range(len(slicing.names)):
        chosen = known & (slicing.codes == code)
        if not chosen.any():
            found.append(None)
        elif MEASURES[gate].is_rate:
            sign = 1 if MEASURES[gate].direction is Direction.MIN else -1
            found.append(_rate(gate, run, chosen, other, before, sign, confidence, margin))
        else:
            found.append(_latency(gate, run, baseline, chosen, other, confidence, margin))
    return found


def _by_item(frame: SampleFrame, gate: Gate) -> _Items:
    import numpy as np

    values = frame.values[gate]
    known, groups = ~np.isnan(values), len(frame.item_names)
    count = np.bincount(frame.items[known], minlength=groups)
    total = np.bincount(frame.items[known], weights=values[known], minlength=groups)
    return _Items(mean=np.where(count > 0, total / np.maximum(count, 1), np.nan), count=count)


def _rate(
    gate: Gate,
    run: SampleFrame,
    chosen: "NDArray[np.bool_]",
    other: "Codes",
    before: _Items,
    sign: int,
    confidence: float,
    margin: float,
) -> Difference:
    import numpy as np

    items, inverse = np.unique(run.items[chosen], return_inverse=True)
    count = np.bincount(inverse)
    after = np.bincount(inverse, weights=run.values[gate][chosen]) / count
    matched = other[items]
    apart = sign * (after - before.mean[matched])
    if (count == 1).all() and (before.count[matched] == 1).all():
        better, worse = int((apart > 0).sum()), int((apart < 0).sum())
        found = paired.binary_difference(
            better, worse, len(items), confidence=confidence, margin=margin
        )
    else:
        found = paired.mean_difference(apart, confidence=confidence, margin=margin)
    return found if sign > 0 else found.turned()


def _latency(
    gate: Gate,
    run: SampleFrame,
    baseline: SampleFrame,
    chosen: "NDArray[np.bool_]",
    other: "Codes",
    confidence: float,
    margin: float,
) -> Difference:
    import numpy as np

    items = np.unique(run.items[chosen])
    values = baseline.values[gate]
    same = np.isin(baseline.items, other[items]) & ~np.isnan(values)

    def quantile(found: "Floats") -> tuple[float, Interval]:
        ordered = np.sort(found)
        ends = intervals.percentile_interval(ordered, PERCENTILE, len(items), confidence)
        return intervals.percentile(ordered, PERCENTILE), ends

    return paired.percentile_difference(
        quantile(run.values[gate][chosen]),
        quantile(values[same]),
        len(items),
        confidence=confidence,
        margin=margin,
    )
