"""One pass over match results: a decision for each kind of signal, until the switch goes off.

A pass holds nothing between two decisions, so it can be stopped, killed and run again at any time:
what was computed is in the cache by then.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from helicarrier import logs
from helicarrier.advisory.counters import Attempts
from helicarrier.advisory.decisions import Advisor
from helicarrier.advisory.enums import Event, Outcome, SignalType
from helicarrier.matches.model import MatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a pass came to. `stopped`: the switch went off, or was off from the start."""

    results: int
    outcomes: Mapping[Outcome, int]
    events: Mapping[Event, int]
    attempts: Attempts
    stopped: bool

    @property
    def computed(self) -> int:
        """Signals that are new."""
        return self.outcomes[Outcome.COMPUTED]


def advise(
    advisor: Advisor, results: Iterable[MatchResult], *, day: date, clock: Callable[[], datetime]
) -> Pass:
    """Decide about every kind of signal of every result, in order.

    Args: advisor, whose counters should be new; results; day, whose budgets are used; clock.

    Returns: what happened; no error of a decision leaves.
    """
    outcomes: Counter[Outcome] = Counter()
    seen, stopped = 0, False
    for result in results:
        seen += 1
        for kind in SignalType:
            outcome = advisor.decide(result, kind, now=clock(), day=day).outcome
            outcomes[outcome] += 1
            if outcome is Outcome.DISABLED:
                stopped = True
                break
        if stopped:
            break
    events = advisor.counters.counts()
    told = {event.value: count for event, count in events.items()}
    logs.info("advisory.pass", day=day.isoformat(), results=seen, stopped=stopped, **told)
    return Pass(
        results=seen,
        outcomes={outcome: outcomes[outcome] for outcome in Outcome},
        events=events,
        attempts=advisor.counters.attempts(),
        stopped=stopped,
    )
