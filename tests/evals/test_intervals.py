"""Intervals agree with SciPy and statsmodels, and the known sample sizes come out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, quantile_test
from statsmodels.stats.proportion import proportion_confint

from helicarrier.evals import intervals
from helicarrier.evals.enums import Direction, RateInterval

COUNTS = [(0, 1), (1, 1), (0, 30), (30, 30), (29, 30), (1, 30), (15, 30), (989, 1000), (7, 5000)]


@pytest.mark.parametrize(("good", "n"), COUNTS)
def test_wilson_is_that_of_scipy(good: int, n: int) -> None:
    """Both ends, at two confidences."""
    for confidence in (0.9, 0.95):
        low, high = intervals.wilson(np.array([good / n]), np.array([float(n)]), confidence)
        theirs = binomtest(good, n).proportion_ci(confidence, method="wilson")
        assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("good", "n"), COUNTS)
def test_exact_ends_are_those_of_one_sided_clopper_pearson(good: int, n: int) -> None:
    """Each end alone holds at the confidence; statsmodels has them as a two-sided 0.90."""
    low, high = intervals.exact(np.array([good / n]), np.array([float(n)]), 0.95)
    theirs = proportion_confint(good, n, alpha=0.10, method="beta")
    assert (low[0], high[0]) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("method", list(RateInterval))
def test_an_unbroken_run_reaches_its_end(method: RateInterval) -> None:
    """No failure leaves 1 inside and no success leaves 0, without rounding errors."""
    low, high = intervals.rate(np.array([0.0, 1.0]), np.array([7.0, 7.0]), 0.95, method)
    assert low[0] == 0.0
    assert high[1] == 1.0


@pytest.mark.parametrize(
    ("threshold", "wilson", "exact"), [(0.99, 381, 299), (0.995, 765, 598), (0.95, 73, 59)]
)
def test_samples_without_failure_that_a_threshold_needs(
    threshold: float, wilson: int, exact: int
) -> None:
    """The figures that textbooks give, for a minimum and mirrored for a maximum."""
    for method, expected in ((RateInterval.WILSON, wilson), (RateInterval.EXACT, exact)):
        for share, limit, direction in (
            (1.0, threshold, Direction.MIN),
            (0.0, 1 - threshold, Direction.MAX),
        ):
            found = intervals.needed_for_rate(
                share, limit, 0.95, direction=direction, method=method
            )
            assert found == expected


@given(
    good=st.integers(0, 60),
    threshold=st.sampled_from([0.15, 0.3, 0.5, 0.9]),
    direction=st.sampled_from(Direction),
)
@settings(max_examples=60)
def test_needed_samples_are_enough_and_not_one_too_many(
    good: int, threshold: float, direction: Direction
) -> None:
    """At that number the interval clears the threshold, one sample earlier it does not."""
    share = good / 60
    if abs(share - threshold) < 0.02:
        return
    needed = intervals.needed_for_rate(
        share, threshold, 0.95, direction=direction, method=RateInterval.WILSON
    )
    assert needed is not None
    for n, clears in ((needed, True), (needed - 1, False)):
        if n == 0:
            continue
        low, high = intervals.wilson(np.array([share]), np.array([float(n)]), 0.95)
        assert bool(low[0] >= threshold or high[0] <= threshold) is clears


def test_rate_on_its_threshold_is_never_settled() -> None:
    """No number of samples tells a rate from a threshold that it equals."""
    for method in RateInterval:
        found = intervals.needed_for_rate(0.99, 0.99, 0.95, direction=Direction.MIN, method=method)
        assert found is None
    assert intervals.needed_for_percentile(0.95, 0.95, 0.95) is None


@given(
    values=st.lists(st.integers(0, 300_000), min_size=1, max_size=200),
    q=st.sampled_from([0.5, 0.9, 0.95]),
)
@settings(max_examples=60)
def test_percentile_and_its_interval_are_those_of_numpy_and_scipy(
    values: list[int], q: float
) -> None:
    """Linear interpolation, and the order statistics of `quantile_test`."""
    ordered = np.sort(np.array(values, dtype=np.float64))
    assert intervals.percentile(ordered, q) == pytest.approx(np.percentile(ordered, 100 * q))
    found = intervals.percentile_interval(ordered, q, len(ordered), 0.95)
    theirs = quantile_test(ordered, p=q).confidence_interval(0.95)
    assert (found.low is None, found.high is None) == (np.isnan(theirs.low), np.isnan(theirs.high))
    if found.low is not None:
        assert found.low == theirs.low
    if found.high is not None:
        assert found.high == theirs.high


def test_repeats_widen_the_interval_of_a_percentile() -> None:
    """A hundred latencies of ten items bound p95 no better than ten latencies do."""
    ordered = np.arange(100, dtype=np.float64)
    assert intervals.percentile_interval(ordered, 0.95, 100, 0.95).high == 99
    assert intervals.percentile_interval(ordered, 0.95, 10, 0.95).high is None


def test_percentile_needs_72_fast_samples() -> None:
    """0.95^72 is the first power below one fortieth: then the largest sample bounds p95."""
    assert intervals.needed_for_percentile(1.0, 0.95, 0.95) == 72
