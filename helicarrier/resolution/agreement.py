"""Agreement of raters: Fleiss' kappa with a bootstrap interval, and the gate that it opens.

Items are resampled. A resample only depends on how often each distinct row of counts is drawn, so
it is drawn as one multinomial over the distinct rows: the same law as drawing items, without
gathering any. With missing ratings kappa is the form for varying numbers of raters: agreement
within an item over its own pairs, chance from all ratings. A resample in which kappa is undefined
(all ratings in one category) is counted and left out, never taken as 1.

Sources: Fleiss, Psychological Bulletin 76 (1971); Efron, JASA 82 (1987) for BCa.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.resolution.labels import Label, LabelledItem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

ENOUGH_ITEMS = 200
LEAST_KAPPA = 0.75
"""The gate opens where the lower end of the interval reaches it, on enough items."""

RESAMPLES = 10_000
SEED = 20_250_930
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Both ends; None where too few resamples have a kappa."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far raters agree.

    `items` have at least two ratings; `single_items` have fewer and say nothing. `missing_ratings`
    are those that raters left out. `kappa` is None where it is undefined. `items_needed` are the
    items in total after which the gate would open if the agreement stayed as it is; None where no
    number would do, or where it is open.
    """

    items: int
    single_items: int
    raters: int
    missing_ratings: int
    kappa: float | None
    percentile: Interval
    bca: Interval
    resamples: int
    undefined_resamples: int
    gate_open: bool
    items_needed: int | None
    reason: str


def counts_of(items: Sequence[LabelledItem]) -> "Counts":
    """Items -> (items, labels) counts of ratings."""
    import numpy as np

    table = np.zeros((len(items), len(Label)), dtype=np.int64)
    places = {label: place for place, label in enumerate(Label)}
    for row, item in enumerate(items):
        for label in item.ratings.values():
            table[row, places[label]] += 1
    return table


def fleiss_kappa(counts: "Counts") -> float | None:
    """Kappa of (items, categories) counts; None where it is undefined.

    Items with fewer than two ratings are left out.
    """
    import numpy as np

    rows = counts[counts.sum(axis=1) >= 2]  # noqa: PLR2004 - two make a pair
    if not len(rows):
        return None
    kappas = _kappas(rows, np.ones((1, len(rows)), dtype=np.int64))
    return None if np.isnan(kappas[0]) else float(kappas[0])


def measure(
    items: Sequence[LabelledItem], *, resamples: int = RESAMPLES, seed: int = SEED
) -> Agreement:
    """The agreement of labelled items, with its intervals and what the gate says."""
    raters = len({rater for item in items for rater in item.ratings})
    missing = raters * len(items) - sum(len(item.ratings) for item in items)
    return _measured(
        counts_of(items), raters=raters, missing=missing, resamples=resamples, seed=seed
    )


def _measured(
    counts: "Counts", *, raters: int, missing: int, resamples: int, seed: int
) -> Agreement:
    rated = counts[counts.sum(axis=1) >= 2]  # noqa: PLR2004 - two make a pair
    kappa = fleiss_kappa(rated)
    undefined = 0
    percentile = bca = Interval(low=None, high=None)
    spread: float | None = None
    if kappa is not None:
        drawn, undefined = bootstrap(rated, resamples=resamples, seed=seed)
        if len(drawn):
            percentile = _percentile(drawn)
            bca = _bca(rated, drawn, kappa)
            spread = float(drawn.std())
    opened, reason = _gate(len(rated), kappa, percentile, bca)
    return Agreement(
        items=len(rated),
        single_items=len(counts) - len(rated),
        raters=raters,
        missing_ratings=missing,
        kappa=kappa,
        percentile=percentile,
        bca=bca,
        resamples=resamples if kappa is not None else 0,
        undefined_resamples=undefined,
        gate_open=opened,
        items_needed=None if opened else _needed(len(rated), kappa, spread),
        reason=reason,
    )


def bootstrap(rated: "Counts", *, resamples: int, seed: int) -> "tuple[Floats, int]":
    """Kappa of each resample that has one, and how many have none.

    Args: rated, (items, categories) with at least two ratings in each row; resamples; seed.
    """
    import numpy as np

    distinct, times = np.unique(rated, axis=0, return_counts=True)
    size = len(rated)
    drawn = np.random.default_rng(seed).multinomial(size, times / size, size=resamples)
    kappas = _kappas(distinct, drawn)
    defined = kappas[~np.isnan(kappas)]
    return defined, resamples - len(defined)


def _kappas(rows: "Counts", weights: "NDArray[np.int64]") -> "Floats":
    """Kappa of each weighting of the rows, NaN where undefined.

    Args: rows (rows, categories), each with at least two ratings; weights (many, rows).
    """
    import numpy as np

    ratings = rows.sum(axis=1)
    pairs = ratings * (ratings - 1)
    agreeing = (rows * (rows - 1)).sum(axis=1) / pairs
    observed = weights @ agreeing / weights.sum(axis=1)
    totals = weights @ rows
    shares = totals / totals.sum(axis=1, keepdims=True)
    chance = (shares**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        kappas: Floats = np.where(
            np.isclose(chance, 1.0), np.nan, (observed - chance) / (1 - chance)
        )
    return kappas


def _percentile(drawn: "Floats") -> Interval:
    import numpy as np

    low, high = np.quantile(drawn, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Interval(low=float(low), high=float(high))


def _bca(rated: "Counts", drawn: "Floats", kappa: float) -> Interval:
    """Bias-corrected and accelerated; None where the jackknife or the draws say nothing."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    below = ((drawn < kappa).mean() + (drawn <= kappa).mean()) / 2
    distinct, times = np.unique(rated, axis=0, return_counts=True)
    left_out = _kappas(distinct, times - np.eye(len(distinct), dtype=np.int64))
    if np.isnan(left_out).any() or not 0 < below < 1:
        return Interval(low=None, high=None)
    mean = np.average(left_out, weights=times)
    away = mean - left_out
    square = np.average(away**2, weights=times) * len(rated)
    if square == 0:
        return Interval(low=None, high=None)
    acceleration = np.average(away**3, weights=times) * len(rated) / (6 * square**1.5)
    bias = ndtri(below)
    ends = bias + ndtri(np.array([(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2]))
    levels = ndtr(bias + ends / (1 - acceleration * ends))
    low, high = np.quantile(drawn, levels)
    return Interval(low=float(low), high=float(high))


def _gate(items: int, kappa: float | None, percentile: Interval, bca: Interval) -> tuple[bool, str]:
    """Open only on enough items, and where the lower of both lower ends is high enough."""
    if kappa is None:
        return False, "kappa is undefined: no item with two ratings, or all in one category"
    lows = [end for end in (percentile.low, bca.low) if end is not None]
    if not lows:
        return False, "no resample has a kappa"
    if items < ENOUGH_ITEMS:
        return False, f"{items} items are too few: {ENOUGH_ITEMS} are needed at least"
    if min(lows) < LEAST_KAPPA:
        return False, f"the lower end {min(lows):.4f} is below {LEAST_KAPPA}"
    return True, f"the lower end {min(lows):.4f} reaches {LEAST_KAPPA}"


def _needed(items: int, kappa: float | None, spread: float | None) -> int | None:
    """The interval narrows with the root of the items: when would its lower end get there?"""
    from math import ceil

    if kappa is None or spread is None or kappa <= LEAST_KAPPA:
        return None
    z = 1.959963984540054  # the normal quantile of a two-sided confidence of 0.95
    return max(ENOUGH_ITEMS, ceil(items * (z * spread / (kappa - LEAST_KAPPA)) ** 2))
