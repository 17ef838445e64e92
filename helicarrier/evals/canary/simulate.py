"""How often the canary's rules are wrong, and how fast they are right, by simulation.

One guardrail, many days, windows of equal size, independent requests. The figures say which rule
may act: the window rule rolls back good canaries most days, the sequential test hardly ever.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from helicarrier.evals.canary.eprocess import evidence
from helicarrier.evals.canary.model import CONSECUTIVE, EVIDENCE, WINDOW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOWS_A_DAY = timedelta(days=1) // WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated: a true rate of success, the limit it is held against, the traffic."""

    true_rate: float
    threshold: float = 0.99
    requests: int = 30
    days: int = 10_000
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """Share of the days with a rollback, its standard error, and windows until it came.

    `median_windows` is over the days with a rollback; None where there was none.
    """

    rollback_share: float
    standard_error: float
    median_windows: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What each rule did in a scenario."""

    scenario: Scenario
    windows: RuleFigures
    eprocess: RuleFigures


def simulate(scenario: Scenario) -> Simulated:
    """Play a scenario; the same seed gives the same figures."""
    import numpy as np

    made = np.random.default_rng(scenario.seed)
    failures = made.binomial(
        scenario.requests, 1 - scenario.true_rate, size=(scenario.days, WINDOWS_A_DAY)
    )
    limit = 1 - scenario.threshold
    breached = failures > limit * scenario.requests
    in_a_row = np.lib.stride_tricks.sliding_window_view(breached, CONSECUTIVE, axis=1).all(axis=2)
    early = np.zeros((scenario.days, CONSECUTIVE - 1), dtype=bool)
    trials = scenario.requests * np.arange(1, WINDOWS_A_DAY + 1)
    reached = evidence(failures.cumsum(axis=1), np.broadcast_to(trials, failures.shape), limit)
    return Simulated(
        scenario=scenario,
        windows=_figures(np.concatenate([early, in_a_row], axis=1)),
        eprocess=_figures(reached >= EVIDENCE),
    )


def _figures(asked: "NDArray[np.bool_]") -> RuleFigures:
    """Days by windows -> when each day first asked for a rollback."""
    import numpy as np

    days = len(asked)
    rolled = asked.any(axis=1)
    share = float(rolled.mean())
    first = asked.argmax(axis=1)[rolled] + 1
    return RuleFigures(
        rollback_share=share,
        standard_error=float(np.sqrt(share * (1 - share) / days)),
        median_windows=float(np.median(first)) if len(first) else None,
    )
