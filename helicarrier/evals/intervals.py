"""Confidence intervals of rates and percentiles, and the samples that would settle a question.

Only what SciPy lacks is written here: its own intervals take one whole count at a time, while gates
have many slices, and counts of items with repeats are not whole. The distributions are SciPy's;
the tests hold every function against `scipy.stats` and statsmodels. SciPy is imported late, since
its import costs more than most commands.

Sources: Wilson 1927 (score interval), Clopper and Pearson 1934 (exact interval), David and
Nagaraja, Order Statistics, 3rd ed., 7.1 (interval of a quantile).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.evals.enums import Direction, RateInterval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FURTHEST = 2**30
"""Samples beyond this are nobody's plan: the question counts as not to be settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Both ends; None where the samples do not bound that side."""

    low: float | None
    high: float | None


def z_value(confidence: float) -> float:
    """The normal quantile of a two-sided confidence: 1.95996 for 0.95."""
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))


def wilson(share: "Floats", n: "Floats", confidence: float) -> "tuple[Floats, Floats]":
    """The two-sided Wilson score interval.

    Args:
        share: observed rates, 0 to 1.
        n: independent observations behind each, at least 1; need not be whole.
        confidence: of both sides together.
    """
    import numpy as np

    z2 = z_value(confidence) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At the ends the formula is exact up to rounding; rounding must not decide a gate.
    low = np.where(share == 0, 0.0, centre - half)
    high = np.where(share == 1, 1.0, centre + half)
    return low, high


def exact(share: "Floats", n: "Floats", confidence: float) -> "tuple[Floats, Floats]":
    """The Clopper-Pearson ends, each of them one-sided at `confidence`.

    Args as `wilson`. A two-sided interval of 0.95 is this one at 0.975.
    """
    import numpy as np
    from scipy.special import betaincinv

    good = share * n
    alpha = 1 - confidence
    with np.errstate(all="ignore"):
        low = np.where(good <= 0, 0.0, betaincinv(np.maximum(good, 1e-300), n - good + 1, alpha))
        high = np.where(
            good >= n, 1.0, betaincinv(good + 1, np.maximum(n - good, 1e-300), 1 - alpha)
        )
    return low, high


def rate(
    share: "Floats", n: "Floats", confidence: float, method: RateInterval
) -> "tuple[Floats, Floats]":
    """The interval of rates by the chosen method."""
    match method:
        case RateInterval.WILSON:
            return wilson(share, n, confidence)
        case RateInterval.EXACT:
            return exact(share, n, confidence)


def percentile(ordered: "Floats", q: float) -> float:
    """Linear interpolation between the neighbours, as SQL's `percentile_cont` does it."""
    place = q * (len(ordered) - 1)
    below = int(place)
    if below + 1 >= len(ordered):
        return float(ordered[-1])
    low, high = float(ordered[below]), float(ordered[below + 1])
    return low + (high - low) * (place - below)


def order_ranks(n: int, q: float, confidence: float) -> tuple[int, int]:
    """Ranks (from 1) of the order statistics that bound a quantile; 0 and n+1 are outside.

    The number of samples below the quantile is binomial (n, q), whatever the distribution.
    """
    from scipy.special import bdtr

    tail = (1 - confidence) / 2
    # Low rank: the largest l with P(B <= l-1) <= tail. High rank: the least u with
    # P(B <= u-1) >= 1 - tail.
    low = _largest(lambda rank: bdtr(rank - 1, n, q) <= tail, n)
    high = _largest(lambda rank: bdtr(rank - 1, n, q) < 1 - tail, n) + 1
    return low, high


def _largest(holds: Callable[[int], bool], n: int) -> int:
    """The largest rank from 1 to n for which a condition holds that fails from some rank on."""
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def percentile_interval(ordered: "Floats", q: float, n: int, confidence: float) -> Interval:
    """The order-statistic interval of a quantile.

    Args:
        ordered: values in ascending order, at least one.
        q: the quantile, 0 to 1.
        n: independent observations among them; where it is smaller than their number, the ranks
            of n observations are stretched over all of them.
        confidence: two-sided.
    """
    low, high = order_ranks(n, q, confidence)
    size = len(ordered)

    def value(rank: int) -> float | None:
        return float(ordered[(rank * size - 1) // n]) if 1 <= rank <= n else None

    return Interval(low=value(low), high=value(high))


def needed_for_rate(
    share: float,
    threshold: float,
    confidence: float,
    *,
    direction: Direction,
    method: RateInterval,
) -> int | None:
    """The least number of observations that settles a rate's gate if the rate stays as it is.

    None where it equals the threshold: no number would settle that. With no failure at all a
    minimum of 0.99 takes 381 (Wilson) or 299 (exact) observations.
    """
    import numpy as np

    if share == threshold:
        return None
    above = share > threshold
    closed = above is (direction is Direction.MIN)  # the threshold itself still passes

    def settled(n: int) -> bool:
        low, high = rate(np.array([share]), np.array([float(n)]), confidence, method)
        near = float(low[0] if above else high[0])
        if near == threshold:
            return closed
        return (near > threshold) is above

    return _least(settled)


def needed_for_percentile(within: float, q: float, confidence: float) -> int | None:
    """The least number of samples that settles an upper limit of a quantile.

    `within` is the share of samples within the limit, taken to stay as it is: the limit holds when
    the upper order statistic is among these, and is broken when the lower one is not.
    """
    if within == q:
        return None

    def settled(n: int) -> bool:
        inside = int(within * n + 1e-9)
        low, high = order_ranks(n, q, confidence)
        return high <= inside if within > q else low > inside

    return _least(settled)


def _least(settled: Callable[[int], bool]) -> int | None:
    """The least n from 1 that settles it, for a question that more samples answer ever better."""
    high = 1
    while not settled(high):
        high *= 2
        if high > _FURTHEST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if settled(middle):
            high = middle
        else:
            low = middle
    return high
