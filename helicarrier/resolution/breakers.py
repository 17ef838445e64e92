"""Circuit breakers: when one trips, when it is looked at again, when it closes.

Pure. A tripped breaker is open and holds shadow mode for its days. After a day it is looked at
again: what still trips starts the hold anew; what does not makes it half open, which still lets
nothing through; it closes once its hold is over and it still does not trip. What cannot be measured
never trips a breaker, and never closes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from helicarrier.resolution.decision_enums import Breaker, BreakerState
from helicarrier.resolution.enums import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where breakers trip, how long they hold, and when they are looked at again."""

    thresholds: Mapping[Breaker, float]
    hold: timedelta
    reevaluate_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a breaker stands in an environment; the times are None while it is closed."""

    environment: Environment
    breaker: Breaker
    state: BreakerState
    value: float | None
    threshold: float
    reason: str
    checked_at: datetime
    opened_at: datetime | None = None
    reevaluate_at: datetime | None = None
    hold_until: datetime | None = None

    @property
    def holds(self) -> bool:
        """Whether it holds shadow mode."""
        return self.state is not BreakerState.CLOSED


def trips(breaker: Breaker, value: float, threshold: float) -> bool:
    """Whether a value trips: agreement below the limit, satisfaction at it, the rest from it on."""
    match breaker:
        case Breaker.KAPPA_OVERALL | Breaker.KAPPA_CI_LOWER:
            return value < threshold
        case Breaker.SATISFACTION:
            return value <= threshold
        case _:
            return value >= threshold


def judge(
    before: Standing | None,
    environment: Environment,
    breaker: Breaker,
    value: float | None,
    limits: Limits,
    now: datetime,
) -> Standing:
    """How a breaker stands after a look at its value; None: there is nothing to measure."""
    threshold = limits.thresholds[breaker]
    tripped = value is not None and trips(breaker, value, threshold)
    seen = Standing(
        environment=environment,
        breaker=breaker,
        state=BreakerState.CLOSED,
        value=value,
        threshold=threshold,
        reason=_told(breaker, value, threshold),
        checked_at=now,
    )
    if before is None or not before.holds:
        return _opened(seen, limits, now) if tripped else seen
    held = replace(
        seen,
        state=before.state,
        opened_at=before.opened_at,
        reevaluate_at=before.reevaluate_at,
        hold_until=before.hold_until,
    )
    if before.state is BreakerState.HALF_OPEN:
        if tripped:
            return _opened(seen, limits, now)
        over = before.hold_until is not None and now >= before.hold_until
        return seen if over and value is not None else held
    if before.reevaluate_at is not None and now < before.reevaluate_at:
        return held
    if tripped:
        return replace(_opened(seen, limits, now), opened_at=before.opened_at)
    again = now + limits.reevaluate_after
    if value is None:
        return replace(held, reevaluate_at=again)
    return replace(held, state=BreakerState.HALF_OPEN, reevaluate_at=again)


def _opened(seen: Standing, limits: Limits, now: datetime) -> Standing:
    return replace(
        seen,
        state=BreakerState.OPEN,
        opened_at=now,
        reevaluate_at=now + limits.reevaluate_after,
        hold_until=now + limits.hold,
    )


def _told(breaker: Breaker, value: float | None, threshold: float) -> str:
    if value is None:
        return f"{breaker} has nothing to measure"
    verb = "trips at" if trips(breaker, value, threshold) else "does not trip at"
    return f"{breaker} {verb} {value:g} (limit {threshold:g})"
