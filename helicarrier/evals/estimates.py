"""What the samples of each slice say about a gate: value, interval, how much stands behind it.

Repeats of one item are not new evidence about other items, so an interval counts items: a hundred
answers to ten questions are ten observations. The value stays the plain average over samples, the
number that the summary view shows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.evals import intervals
from helicarrier.evals.catalog import MEASURES, PERCENTILE
from helicarrier.evals.enums import Gate, Method, RateInterval
from helicarrier.evals.frame import SampleFrame, Slicing, distinct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One gate in one slice.

    `n` counts samples with a value, `items` the independent ones among them. `share` is what the
    needed samples follow from: the rate itself, or the share of samples within a latency's limit.
    """

    n: int
    items: int
    value: float
    share: float
    low: float | None
    high: float | None
    method: Method


def estimates(
    gate: Gate,
    frame: SampleFrame,
    slicing: Slicing,
    *,
    limit: float,
    confidence: float,
    method: RateInterval,
) -> list[Estimate | None]:
    """The estimate of each slice in the order of the slices; None where no sample has a value.

    Args:
        gate: what is measured.
        frame: the samples.
        slicing: their slices.
        limit: the threshold, which the share of fast samples refers to.
        confidence: of the intervals.
        method: of the intervals of rates.
    """
    import numpy as np

    values, count = frame.values[gate], len(slicing.names)
    known = ~np.isnan(values)
    codes, values, items = slicing.codes[known], values[known], frame.items[known]
    n = np.bincount(codes, minlength=count)
    independent = distinct(codes, items, len(frame.item_names), count) if frame.repeats else n
    if MEASURES[gate].is_rate:
        return _rates(codes, values, n, independent, confidence, method)
    ordered = values[np.lexsort((values, codes))]
    return _percentiles(ordered, n, independent, limit, confidence)


def _rates(
    codes: "Codes",
    values: "Floats",
    n: "Codes",
    items: "Codes",
    confidence: float,
    method: RateInterval,
) -> list[Estimate | None]:
    import numpy as np

    share = np.bincount(codes, weights=values, minlength=len(n)) / np.maximum(n, 1)
    low, high = intervals.rate(share, np.maximum(items, 1).astype(np.float64), confidence, method)
    return [
        Estimate(
            n=int(n[i]),
            items=int(items[i]),
            value=float(share[i]),
            share=float(share[i]),
            low=float(low[i]),
            high=float(high[i]),
            method=Method(method.value),
        )
        if n[i]
        else None
        for i in range(len(n))
    ]


def _percentiles(
    ordered: "Floats", n: "Codes", items: "Codes", limit: float, confidence: float
) -> list[Estimate | None]:
    found: list[Estimate | None] = []
    start = 0
    for size, independent in zip(n.tolist(), items.tolist(), strict=True):
        part, start = ordered[start : start + size], start + size
        if size == 0:
            found.append(None)
            continue
        ends = intervals.percentile_interval(part, PERCENTILE, independent, confidence)
        found.append(
            Estimate(
                n=size,
                items=independent,
                value=intervals.percentile(part, PERCENTILE),
                share=float(part.searchsorted(limit, side="right")) / size,
                low=ends.low,
                high=ends.high,
                method=Method.ORDER_STATISTIC,
            )
        )
    return found
