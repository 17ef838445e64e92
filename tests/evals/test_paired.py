"""Paired differences: known figures, agreement with the libraries, no certainty out of nothing."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from benchmarks.identical_systems import figures, redrawn
from helicarrier.evals import paired
from helicarrier.evals.intervals import Interval


def test_gpqa_figures_are_reproduced(realdata: Path) -> None:
    """Difference, paired p and clustered error of two models, to four digits."""
    scores: dict[str, dict[str, list[float]]] = {}
    with (realdata / "evals" / "gpqa_diamond_scores.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            answers = scores.setdefault(row["model_id"], {}).setdefault(row["item_id"], [])
            answers.append(float(row["score"]))
    nano, mini = scores["openai/gpt-5-nano-2025-08-07"], scores["openai/gpt-5.4-mini-2026-03-17"]
    apart = np.array([np.mean(nano[item]) - np.mean(mini[item]) for item in sorted(nano)])
    found = paired.mean_difference(apart, confidence=0.95, margin=0.0)
    assert found.items == 198
    assert round(found.delta, 4) == 0.0586
    assert found.p_value is not None
    assert round(found.p_value, 4) == 0.0363
    values = np.array([score for item in sorted(nano) for score in nano[item]])
    mean, error = paired.clustered_mean(values, np.repeat(np.arange(198), 5))
    assert round(error, 4) == 0.0276
    assert mean == pytest.approx(0.6757575757)


def test_clustered_error_is_that_of_a_regression_on_a_constant() -> None:
    """The cluster-robust covariance of statsmodels on the same values."""
    rng = np.random.default_rng(7)
    clusters = np.repeat(np.arange(20), rng.integers(1, 6, 20))
    values = rng.normal(size=len(clusters)) + clusters % 3
    mean, error = paired.clustered_mean(values, clusters)
    fitted = OLS(values, np.ones_like(values)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    assert mean == pytest.approx(fitted.params[0])
    assert error == pytest.approx(fitted.bse[0])


def test_one_cluster_has_no_spread() -> None:
    """The error of a single item is unknown, not zero."""
    with pytest.raises(ValueError, match="two clusters"):
        paired.clustered_mean(np.ones(3), np.zeros(3, dtype=np.int64))


@given(gained=st.integers(0, 40), lost=st.integers(0, 40))
@settings(max_examples=60)
def test_mid_p_takes_half_of_what_was_seen_off_the_exact_p(gained: int, lost: int) -> None:
    """Against the exact test of statsmodels and the binomial of SciPy."""
    discordant = gained + lost
    found = paired.mcnemar_mid_p(gained, lost)
    if discordant == 0:
        assert found == 1.0
        return
    exact = mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
    seen = float(np.exp(_log_pmf(min(gained, lost), discordant)))
    # With equal counts both sums hold the middle: the exact p is capped at 1 there.
    expected = 1.0 if gained == lost else exact - seen
    assert found == pytest.approx(expected)
    assert found <= binomtest(gained, discordant).pvalue + 1e-12


def _log_pmf(k: int, n: int) -> float:
    from scipy.stats import binom

    return float(binom.logpmf(k, n, 0.5))


@given(data=st.data(), items=st.integers(1, 60))
@settings(max_examples=60)
def test_score_interval_inverts_its_test(data: st.DataObject, items: int) -> None:
    """At each end that lies inside, the statistic is the normal quantile."""
    gained = data.draw(st.integers(0, items))
    lost = data.draw(st.integers(0, items - gained))
    found = paired.score_interval(gained, lost, items, 0.95)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= (gained - lost) / items <= found.high <= 1
    if found.low > -0.999:
        assert paired.score_z(gained, lost, items, found.low) == pytest.approx(1.959964, abs=1e-5)
    if found.high < 0.999:
        assert paired.score_z(gained, lost, items, found.high) == pytest.approx(-1.959964, abs=1e-5)


def test_score_statistic_at_zero_is_that_of_mcnemar() -> None:
    """(gained - lost) / sqrt(gained + lost)."""
    assert paired.score_z(5, 12, 80, 0.0) == pytest.approx(-7 / 17**0.5)


@pytest.mark.parametrize(("items", "rules_out"), [(1, False), (380, False), (381, True)])
def test_agreement_of_few_items_rules_nothing_out(items: int, rules_out: bool) -> None:
    """A loss of one point is ruled out by 381 items without disagreement, not by one."""
    found = paired.binary_difference(0, 0, items, confidence=0.95, margin=0.01)
    assert found.low is not None
    assert (found.low >= -0.01) is rules_out


def test_equal_means_of_few_items_are_no_certainty() -> None:
    """Without any spread the interval is as wide as that of items that never disagree."""
    found = paired.mean_difference(np.zeros(10), confidence=0.95, margin=0.01)
    assert (found.low, found.high) == pytest.approx((-0.27753, 0.27753), abs=1e-4)
    assert found.p_value == 1.0


def test_one_item_with_repeats_says_nothing() -> None:
    """There is no spread between items, so there is neither an interval nor a p."""
    found = paired.mean_difference(np.array([0.4]), confidence=0.95, margin=0.01)
    assert (found.delta, found.low, found.high, found.p_value) == (0.4, None, None, None)


def test_means_are_compared_by_the_t_test() -> None:
    """The p-value and interval of SciPy's one-sample test on the item differences."""
    apart = np.random.default_rng(3).normal(0.1, 0.5, 40)
    found = paired.mean_difference(apart, confidence=0.95, margin=0.0)
    theirs = ttest_1samp(apart, 0)
    ends = theirs.confidence_interval(0.95)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == (pytest.approx(ends.low), pytest.approx(ends.high))
    assert found.p_worse == pytest.approx(ttest_1samp(apart, 0, alternative="less").pvalue)


def test_percentiles_without_bounds_are_not_compared() -> None:
    """An interval that is open on the side that counts leaves the difference open there."""
    bounded, unbounded = Interval(low=90.0, high=110.0), Interval(low=90.0, high=None)
    found = paired.percentile_difference(
        (100.0, unbounded), (100.0, bounded), 10, confidence=0.95, margin=5
    )
    assert found.high is None
    assert found.low == pytest.approx(-(200**0.5))


def test_percentile_that_rose_is_told() -> None:
    """Far beyond the margin both p-values are small, far below it the second is large."""
    ends = Interval(low=95.0, high=105.0), Interval(low=195.0, high=205.0)
    worse = paired.percentile_difference(
        (200.0, ends[1]), (100.0, ends[0]), 500, confidence=0.95, margin=20
    )
    better = paired.percentile_difference(
        (100.0, ends[0]), (200.0, ends[1]), 500, confidence=0.95, margin=20
    )
    assert worse.p_worse is not None
    assert better.p_worse is not None
    assert worse.p_worse < 1e-6
    assert better.p_worse > 0.999
    assert worse.p_value == pytest.approx(better.p_value)


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=25)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    """The same adjusted values in the same order."""
    theirs = multipletests(p_values, method="holm")[1]
    assert paired.holm(p_values) == pytest.approx(list(theirs))


def test_holm_multiplies_by_the_number_left() -> None:
    """The textbook steps: smallest times three, next times two, never falling."""
    assert paired.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert paired.holm([]) == []


def test_identical_systems_are_rarely_called_different(realdata: Path) -> None:
    """Re-runs of one system: the test keeps its stated five in a hundred, the naive rule does not.

    Pairs of whole attempts, pairs of two attempts, and attempts drawn anew task by task.
    """
    trials = realdata / "evals" / "trials.jsonl"
    rules = (figures(trials), figures(trials, attempts=2), redrawn(trials, draws=60))
    assert [found.systems for found in rules] == [9, 9, 9]
    assert [found.pairs for found in rules[:2]] == [83, 120]
    for found in rules:
        assert found.different / found.pairs <= 0.05
        assert found.naive_point / found.pairs > 0.5


def test_missing_results_count_as_the_source_counts_them(realdata: Path) -> None:
    """The published accuracy of a run is its resolved trials over all its trials."""
    trials, runs = (realdata / "evals" / name for name in ("trials.jsonl", "runs.jsonl"))
    published = {}
    for line in runs.read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        if run["accuracy"] is not None:
            published[run["run_dir"]] = run["accuracy"]
    resolved: dict[str, list[bool]] = {}
    for line in trials.read_text(encoding="utf-8").splitlines():
        trial = json.loads(line)
        resolved.setdefault(trial["run_dir"], []).append(bool(trial["is_resolved"]))
    whole = [run for run, found in resolved.items() if run in published and len(found) == 80]
    assert len(whole) >= 15
    for run in whole:
        assert sum(resolved[run]) / 80 == pytest.approx(published[run], abs=1e-4)
