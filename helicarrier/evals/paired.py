"""Two runs on the same items: how much better or worse one is, and how sure that is.

An item is the unit of evidence. Repeats of an item are averaged inside it, so that ten answers to
one question do not count as ten questions. Items answered once with yes or no get the score
interval and the mid-p test of paired proportions; anything else the t interval of the item
differences, whose standard error is the cluster-robust one of the repeats.

Sources: McNemar 1947 with the mid-p of Fagerland, Lydersen and Laake 2013; Tango 1998 (score
interval of a paired difference); Miller 2024, Adding Error Bars to Evals (clustered errors, paired
differences); Zou and Donner 2008 (intervals recovered from one-sample limits); Holm 1979. SciPy has
the distributions; the score interval and the mid-p exist neither there nor in statsmodels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import TYPE_CHECKING

from helicarrier.evals.intervals import Interval, z_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

_FEWEST = 2  # items below which there is no spread to speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Run minus baseline over `items` shared items.

    `p_value` asks whether there is any difference at all (two-sided), `p_worse` whether the run is
    worse by more than the margin (one-sided). Both are None where the items cannot tell.
    """

    items: int
    delta: float
    low: float | None
    high: float | None
    p_value: float | None
    p_worse: float | None

    def turned(self) -> "Difference":
        """The same with the sign turned, for a rate of which less is better."""
        return replace(
            self,
            delta=0.0 - self.delta,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
        )


def clustered_mean(values: "Floats", clusters: "Codes") -> tuple[float, float]:
    """Mean and cluster-robust standard error, with the factor G/(G-1) for few clusters.

    Args:
        values: one per observation.
        clusters: code of the item of each, from 0 on without gaps.

    Raises:
        ValueError: fewer than two clusters have no spread.
    """
    import numpy as np

    groups = int(clusters.max()) + 1 if len(clusters) else 0
    if groups < _FEWEST:
        message = "a clustered standard error needs two clusters"
        raise ValueError(message)
    mean = float(values.mean())
    sums = np.bincount(clusters, weights=values - mean, minlength=groups)
    variance = float((sums**2).sum()) / len(values) ** 2 * groups / (groups - 1)
    return mean, sqrt(variance)


def mcnemar_mid_p(gained: int, lost: int) -> float:
    """Two-sided mid-p of McNemar's test: half the weight of what was seen is taken off.

    Args:
        gained: items that only the run solved.
        lost: items that only the baseline solved.
    """
    from scipy.special import bdtr

    discordant, fewer = gained + lost, min(gained, lost)
    if discordant == 0:
        return 1.0
    below = float(bdtr(fewer - 1, discordant, 0.5)) if fewer else 0.0
    return min(1.0, float(bdtr(fewer, discordant, 0.5)) + below)


def score_z(gained: float, lost: float, items: int, delta: float) -> float:
    """Tango's score statistic of the hypothesis that the true difference is `delta`.

    At 0 it is McNemar's statistic. Falls as `delta` rises.
    """
    a = 2 * items
    b = -gained - lost + (2 * items - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    only_baseline = (sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = items * (2 * only_baseline + delta * (1 - delta))
    distance = gained - lost - items * delta
    if variance <= 0:
        return 0.0 if distance == 0 else float("inf") * distance
    return float(distance / sqrt(variance))


def score_interval(gained: float, lost: float, items: int, confidence: float) -> Interval:
    """Tango's interval of a paired difference of proportions; wide where few items disagree.

    Without any disagreement its ends are z^2/(n+z^2) away, so that 381 items are needed to rule
    out a loss of one point: the Wald interval would rule it out with one item.
    """
    from scipy.optimize import brentq

    z = z_value(confidence)
    centre, edge = (gained - lost) / items, 1 - 1e-12

    def end(target: float, towards: float) -> float:
        def distance(delta: float) -> float:
            return score_z(gained, lost, items, delta) - target

        if abs(centre) >= edge and centre * towards > 0:
            return centre
        if distance(towards) * target <= 0:
            return towards
        return float(brentq(distance, centre, towards, xtol=1e-12))

    return Interval(low=end(z, -edge), high=end(-z, edge))


def binary_difference(
    gained: int, lost: int, items: int, *, confidence: float, margin: float
) -> Difference:
    """Items answered once by each side with yes or no; more is better."""
    from scipy.special import ndtr

    ends = score_interval(gained, lost, items, confidence)
    return Difference(
        items=items,
        delta=(gained - lost) / items,
        low=ends.low,
        high=ends.high,
        p_value=mcnemar_mid_p(gained, lost),
        p_worse=float(ndtr(score_z(gained, lost, items, -margin))),
    )


def mean_difference(differences: "Floats", *, confidence: float, margin: float) -> Difference:
    """Differences of item means, one per item; more is better.

    The interval is never narrower than that of as many items without any disagreement: a spread
    of zero in a handful of items is luck, not certainty.
    """
    from scipy.special import stdtr, stdtrit

    items = len(differences)
    delta = float(differences.mean())
    if items < _FEWEST:
        return Difference(items=items, delta=delta, low=None, high=None, p_value=None, p_worse=None)
    freedom = items - 1
    error = float(differences.std(ddof=1)) / sqrt(items)
    z2 = z_value(confidence) ** 2
    quantile = float(stdtrit(freedom, (1 + confidence) / 2))
    half = max(quantile * error, z2 / (items + z2))
    floored = half / quantile
    p_value = 2 * float(stdtr(freedom, -abs(delta) / error)) if error else 1.0 - (delta != 0)
    return Difference(
        items=items,
        delta=delta,
        low=delta - half,
        high=delta + half,
        p_value=p_value,
        p_worse=float(stdtr(freedom, (delta + margin) / floored)),
    )


def percentile_difference(
    run: tuple[float, Interval],
    baseline: tuple[float, Interval],
    items: int,
    *,
    confidence: float,
    margin: float,
) -> Difference:
    """A difference of two percentiles from the value and interval of each; less is better.

    The squared distances to the ends add up as variances do. Runs on the same items vary together,
    which this does not count in its favour: the interval is on the wide side.
    """
    (value, ends), (before, before_ends) = run, baseline
    delta = value - before
    low = high = None
    if ends.low is not None and before_ends.high is not None:
        low = delta - hypot(value - ends.low, before_ends.high - before)
    if ends.high is not None and before_ends.low is not None:
        high = delta + hypot(ends.high - value, before - before_ends.low)
    z = z_value(confidence)
    near = low if delta > 0 else high
    p_value = None if near is None else 2 * _tail(abs(delta), abs(delta - near) / z)
    p_worse = None if low is None else _tail(delta - margin, (delta - low) / z)
    return Difference(
        items=items, delta=delta, low=low, high=high, p_value=p_value, p_worse=p_worse
    )


def _tail(distance: float, error: float) -> float:
    """How likely chance alone goes at least this far, for a normal error."""
    from scipy.special import ndtr

    if error == 0:
        return 0.5 if distance == 0 else float(distance < 0)
    return float(ndtr(-distance / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number by Holm's steps, in the order in which they came.

    The same as `multipletests(method="holm")` of statsmodels, whose import takes seconds and which
    collects garbage on every call.
    """
    ranked = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(ranked):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted
