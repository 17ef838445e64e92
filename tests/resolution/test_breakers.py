"""Circuit breakers: when they trip, hold, are looked at again and close."""

from datetime import datetime, timedelta

import pytest

from helicarrier.resolution.breakers import Limits, Standing, judge, trips
from helicarrier.resolution.decision_enums import Breaker, BreakerState
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.runtime import CircuitBreakers
from tests.resolution.deciding import DAY, NOW

LIMITS = Limits(
    thresholds=CircuitBreakers().thresholds(),
    hold=timedelta(days=14),
    reevaluate_after=timedelta(hours=24),
)
CLOSED, OPEN, HALF = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
RATE = Breaker.FP_RATE_7D
BAD, GOOD = 0.5, 0.0


def look(before: Standing | None, value: float | None, at: datetime) -> Standing:
    """One look at the false-positive rate of dev."""
    return judge(before, Environment.DEV, RATE, value, LIMITS, at)


@pytest.mark.parametrize(
    ("breaker", "fine", "bad"),
    [
        (Breaker.FP_RATE_7D, 0.0199, 0.02),
        (Breaker.FP_RATE_24H, 0.0499, 0.05),
        (Breaker.CONSECUTIVE_FAILURES, 4, 5),
        (Breaker.KAPPA_OVERALL, 0.8, 0.7999),
        (Breaker.KAPPA_CI_LOWER, 0.75, 0.7499),
        (Breaker.CONFIDENCE_DROP, 0.0999, 0.1),
        (Breaker.COST_SPIKE_1H, 49.99, 50),
        (Breaker.COST_SPIKE_1D, 99.99, 100),
        (Breaker.BUDGET, 0.9999, 1),
        (Breaker.COMPLAINTS, 2, 3),
        (Breaker.SATISFACTION, 3.01, 3.0),
    ],
)
def test_each_breaker_trips_at_its_limit(breaker: Breaker, fine: float, bad: float) -> None:
    """On the right side, and exactly there."""
    threshold = LIMITS.thresholds[breaker]
    assert not trips(breaker, fine, threshold)
    assert trips(breaker, bad, threshold)


def test_every_breaker_has_a_case_above() -> None:
    """A new trigger gets its limits tested."""
    (mark,) = test_each_breaker_trips_at_its_limit.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(Breaker)


def test_tripped_breaker_holds_shadow_mode_for_fourteen_days() -> None:
    """A good value the next moment changes nothing."""
    tripped = look(None, BAD, NOW)
    assert (tripped.state, tripped.holds) == (OPEN, True)
    assert (tripped.hold_until, tripped.reevaluate_at) == (NOW + 14 * DAY, NOW + DAY)
    calm = look(tripped, GOOD, NOW + timedelta(hours=23))
    assert (calm.state, calm.opened_at) == (OPEN, NOW)


def test_way_back_leads_over_half_open() -> None:
    """After a day half open, after the hold closed; nothing passes in between."""
    half = look(look(None, BAD, NOW), GOOD, NOW + DAY)
    assert (half.state, half.holds, half.hold_until) == (HALF, True, NOW + 14 * DAY)
    almost = look(half, GOOD, NOW + 13 * DAY)
    assert (almost.state, almost.holds) == (HALF, True)
    back = look(almost, GOOD, NOW + 14 * DAY)
    assert (back.state, back.holds, back.hold_until) == (CLOSED, False, None)


def test_hold_starts_anew_where_it_still_trips() -> None:
    """At the look after a day, and whenever it is half open."""
    again = look(look(None, BAD, NOW), BAD, NOW + DAY)
    assert (again.state, again.hold_until) == (OPEN, NOW + 15 * DAY)
    assert again.opened_at == NOW
    half = look(again, GOOD, NOW + 2 * DAY)
    relapsed = look(half, BAD, NOW + 10 * DAY)
    assert (relapsed.state, relapsed.hold_until) == (OPEN, NOW + 24 * DAY)


def test_what_cannot_be_measured_neither_trips_nor_closes() -> None:
    """No data is no news."""
    assert look(None, None, NOW).state is CLOSED
    unknown = look(look(None, BAD, NOW), None, NOW + DAY)
    assert (unknown.state, unknown.reevaluate_at) == (OPEN, NOW + 2 * DAY)
    half = look(unknown, GOOD, NOW + 2 * DAY)
    assert look(half, None, NOW + 20 * DAY).state is HALF
