"""The flake ledger: how often an item changes its answer, and how often a gate fails by that alone.

Runs of one and the same configuration differ by chance only. What their items did together says how
the next run would come out: each item answers yes with the rate that was seen, so the number of
yes is a sum of independent coins (Poisson binomial, from SciPy), and each number has its verdict.
A gate's false-failure probability is that of a `fail` although the rate over all runs meets the
threshold. The latency gate follows in the same way from the samples within the limit.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isnan
from typing import TYPE_CHECKING

from helicarrier.evals import intervals
from helicarrier.evals.catalog import MEASURES, PERCENTILE
from helicarrier.evals.enums import Direction, Gate, Policy
from helicarrier.evals.evaluation import Rules
from helicarrier.evals.frame import SampleFrame, frame_of
from helicarrier.evals.model import EvalRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_FEWEST = 2
_MANY = 4_000
"""Uncertain answers beyond which their sum is as good as normal, and exact sums take long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFlips:
    """One item at one gate: `flip_rate` is how often two of its answers differ."""

    gate: Gate
    item: str
    answers: int
    good: int
    flip_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFlakiness:
    """One gate over all runs.

    `flip_rate` averages over items that were answered at least twice; None where none was.
    `false_failure` is None where the threshold is not met: a failure would then be a true one.
    `blocked` is the probability of any verdict but `pass`.
    """

    gate: Gate
    items: int
    repeated: int
    flaky: int
    share: float | None
    flip_rate: float | None
    false_failure: float | None
    blocked: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakeLedger:
    """All gates in their order, and the items that flip at all, the worst first."""

    runs: int
    gates: Sequence[GateFlakiness]
    items: Sequence[ItemFlips]


def flake_ledger(runs: Sequence[Sequence[EvalRecord]], rules: Rules) -> FlakeLedger:
    """What runs of one configuration say about their items and gates.

    Args:
        runs: the records of each run; the last one's items and repeats are what the next run has.
        rules: thresholds, policy and interval of the gates.
    """
    frames = [frame_of(run) for run in runs]
    gates, items = [], []
    for gate in Gate:
        answers = _answers(gate, frames, rules.thresholds[gate])
        flips = [_flips(gate, item, found) for item, found in sorted(answers.items())]
        gates.append(_flakiness(gate, flips, answers, frames, rules))
        items += [each for each in flips if each.flip_rate > 0]
    order = {gate: place for place, gate in enumerate(Gate)}
    items.sort(key=lambda each: (-each.flip_rate, order[each.gate], each.item))
    return FlakeLedger(runs=len(runs), gates=gates, items=items)


def _answers(gate: Gate, frames: Sequence[SampleFrame], limit: float) -> dict[str, list[bool]]:
    """Every known answer by item: yes, or a latency within its limit."""
    found: dict[str, list[bool]] = defaultdict(list)
    rate = MEASURES[gate].is_rate
    for frame in frames:
        for item, value in zip(frame.items.tolist(), frame.values[gate].tolist(), strict=True):
            if not isnan(value):
                found[frame.item_names[item]].append(value == 1 if rate else value <= limit)
    return found


def _flips(gate: Gate, item: str, answers: Sequence[bool]) -> ItemFlips:
    n, good = len(answers), sum(answers)
    pairs = n * (n - 1)
    return ItemFlips(
        gate=gate,
        item=item.partition(":")[2],
        answers=n,
        good=good,
        flip_rate=2 * good * (n - good) / pairs if pairs else 0.0,
    )


def _flakiness(
    gate: Gate,
    flips: Sequence[ItemFlips],
    answers: dict[str, list[bool]],
    frames: Sequence[SampleFrame],
    rules: Rules,
) -> GateFlakiness:
    repeated = [each for each in flips if each.answers >= _FEWEST]
    total, good = (sum(getattr(each, name) for each in flips) for name in ("answers", "good"))
    share = good / total if total else None
    false_failure = blocked = None
    if share is not None and repeated:
        fails, passes, weights = _next_run(gate, answers, frames[-1], rules)
        blocked = _probability(weights[~passes])
        if _met(gate, share, rules.thresholds[gate]):
            false_failure = _probability(weights[fails])
    return GateFlakiness(
        gate=gate,
        items=len(flips),
        repeated=len(repeated),
        flaky=sum(each.flip_rate > 0 for each in repeated),
        share=share,
        flip_rate=sum(each.flip_rate for each in repeated) / len(repeated) if repeated else None,
        false_failure=false_failure,
        blocked=blocked,
    )


def _probability(weights: "Floats") -> float:
    """Their sum; rounding does not lead out of 0 to 1."""
    return min(1.0, max(0.0, float(weights.sum())))


def _met(gate: Gate, share: float, threshold: float) -> bool:
    """Whether the rate over all runs meets the threshold: the truth that a gate should find."""
    if not MEASURES[gate].is_rate:
        return share >= PERCENTILE
    return share >= threshold if MEASURES[gate].direction is Direction.MIN else share <= threshold


def _next_run(
    gate: Gate, answers: dict[str, list[bool]], last: SampleFrame, rules: Rules
) -> "tuple[Flags, Flags, Floats]":
    """For each number of good answers: does the gate fail, does it pass, and how likely is it."""
    import numpy as np

    known = ~np.isnan(last.values[gate])
    rates = np.array(
        [
            sum(answers[last.item_names[item]]) / len(answers[last.item_names[item]])
            for item in last.items[known].tolist()
        ]
    )
    uncertain = rates[(rates > 0) & (rates < 1)]
    weights = _sum_of_coins(uncertain)
    good = int((rates == 1).sum()) + np.arange(len(weights), dtype=np.float64)
    n, items = len(rates), len(np.unique(last.items[known]))
    if n == 0:
        return np.zeros(1, dtype=bool), np.zeros(1, dtype=bool), np.ones(1)
    if MEASURES[gate].is_rate:
        fails, passes = _rate_verdicts(gate, good / n, items, rules)
    else:
        fails, passes = _latency_verdicts(good, n, items, rules)
    return fails, passes, weights


def _sum_of_coins(rates: "Floats") -> "Floats":
    """The probability of each number of yes from 0 on, for coins of these rates."""
    import numpy as np
    from scipy.stats import norm, poisson_binom

    if not len(rates):
        return np.ones(1)
    numbers = np.arange(len(rates) + 1)
    if len(rates) <= _MANY:
        return np.asarray(poisson_binom.pmf(numbers, rates), dtype=np.float64)
    spread = float(np.sqrt((rates * (1 - rates)).sum()))
    edges = norm.cdf((np.arange(len(rates) + 2) - 0.5 - rates.sum()) / spread)
    return np.asarray(np.diff(edges), dtype=np.float64)


def _rate_verdicts(gate: Gate, share: "Floats", items: int, rules: Rules) -> "tuple[Flags, Flags]":
    import numpy as np

    threshold = rules.thresholds[gate]
    low = high = share
    if rules.policy is Policy.INTERVAL:
        n = np.full(len(share), float(items))
        low, high = intervals.rate(share, n, rules.confidence, rules.rate_interval)
    if MEASURES[gate].direction is Direction.MIN:
        return high < threshold, low >= threshold
    return low > threshold, high <= threshold


def _latency_verdicts(within: "Floats", n: int, items: int, rules: Rules) -> "tuple[Flags, Flags]":
    """p95 meets its limit when the samples around its place are within."""
    if rules.policy is Policy.POINT:
        passes = within >= ceil(PERCENTILE * (n - 1)) + 1
        return ~passes, passes
    low, high = intervals.order_ranks(items, PERCENTILE, rules.confidence)
    passes = (within * items / n >= high) if high <= items else within < 0
    fails = (within * items / n < low) if low >= 1 else within < 0
    return fails, passes
