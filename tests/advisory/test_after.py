"""What comes after a decision: passes, expiry, the alarm, and what is shown."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from helicarrier.advisory import switch
from helicarrier.advisory.alarm import alarm
from helicarrier.advisory.counters import Attempts, Counters
from helicarrier.advisory.decisions import Advisor
from helicarrier.advisory.enums import Event, Outcome, SignalType
from helicarrier.advisory.expiry import expire_signals
from helicarrier.advisory.passing import advise
from helicarrier.advisory.reading import signals_of
from helicarrier.advisory.tables import p3_advisory_cache, p3_advisory_signal
from helicarrier.notify.model import Channel
from helicarrier.notify.tables import notifications
from helicarrier.store.operational import OperationalStore
from tests.advisory.areas import NOW, RESULT, Area

TODAY = NOW.date()


def run(area: Area, *, limit: int = 10) -> Advisor:
    """Everything that there is to say of the sample result."""
    advisor = Advisor(area.store, daily_limit=limit)
    advise(advisor, [RESULT], day=TODAY, clock=lambda: NOW)
    return advisor


def test_a_pass_decides_about_every_kind_and_counts_every_event(area: Area) -> None:
    """In order; with a budget of two the last two are left for another day."""
    area.turn()
    first = advise(Advisor(area.store, daily_limit=2), [RESULT], day=TODAY, clock=lambda: NOW)
    assert (first.results, first.computed, first.stopped) == (1, 2, False)
    assert first.outcomes[Outcome.EXHAUSTED] == 2
    assert list(first.events) == list(Event)
    kinds = {str(row["signal_type"]) for row in area.rows(p3_advisory_signal)}
    assert kinds == {"timing_hint", "fit_stability"}
    tomorrow = advise(
        Advisor(area.store, daily_limit=2),
        [RESULT],
        day=TODAY + timedelta(days=1),
        clock=lambda: NOW,
    )
    assert tomorrow.outcomes[Outcome.CACHED] == tomorrow.computed == 2
    assert len(area.rows(p3_advisory_signal)) == len(SignalType)


def test_a_pass_ends_with_the_decision_at_which_the_switch_goes_off(area: Area) -> None:
    """What would have come is not even read."""
    area.turn()
    read = []

    def results() -> object:
        for number in range(10):
            read.append(number)
            if number == 3:
                switch.disable(area.url, actor="test", now=NOW)
            yield replace(RESULT, result_id=f"m{number}", resume_id=f"r{number}")

    advisor = Advisor(area.store, daily_limit=1)
    done = advise(advisor, results(), day=TODAY, clock=lambda: NOW)  # type: ignore[arg-type]
    assert (done.results, done.computed, done.stopped, read) == (4, 3, True, [0, 1, 2, 3])
    assert done.events[Event.DISABLED_NOOP] == 1


def test_a_pair_shows_what_holds_newest_first(area: Area) -> None:
    """Neither what has expired nor what is of another pair; nothing while it is off."""
    area.turn()
    run(area)
    pair = (RESULT.resume_id, RESULT.job_posting_id)
    shown = signals_of(area.store, *pair, now=NOW)
    assert {signal.kind for signal in shown} == set(SignalType)
    (timing,) = (signal for signal in shown if signal.kind is SignalType.TIMING_HINT)
    assert (timing.confidence, timing.computed_at) == (Decimal("0.7800"), NOW)
    assert timing.details["action"] == "apply_now"
    later = signals_of(area.store, *pair, now=NOW + timedelta(days=2))
    assert SignalType.TIMING_HINT not in {signal.kind for signal in later}
    advisor = Advisor(area.store, daily_limit=10)
    again = replace(RESULT, result_id="m2")
    after = NOW + timedelta(hours=1)
    advisor.decide(again, SignalType.FIT_STABILITY, now=after, day=TODAY)
    newest = signals_of(area.store, *pair, now=after)[0]
    assert (newest.kind, newest.computed_at) == (SignalType.FIT_STABILITY, after)
    assert signals_of(area.store, pair[0], "other", now=NOW) == []
    area.turn_off()
    assert signals_of(area.store, *pair, now=NOW) == []


def test_signals_of_a_pair_are_found_by_their_index(area: Area) -> None:
    """The table may be large."""
    explain = "EXPLAIN QUERY PLAN " if area.store.dialect == "sqlite" else "EXPLAIN "
    query = "SELECT id FROM p3_advisory_signal WHERE resume_id = 'r' AND job_posting_id = 'j'"
    store = OperationalStore(area.url)
    with store.write() as connection:
        if store.dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(map(str, connection.exec_driver_sql(explain + query)))
    store.close()
    assert "ix_p3_advisory_signal_resume_id_job_posting_id" in plan


def test_expiry_marks_what_is_over_and_empties_its_cache(area: Area) -> None:
    """Bounded; off it does nothing at all."""
    area.turn()
    advisor = Advisor(area.store, daily_limit=1)
    for n in range(5):
        pair = replace(RESULT, result_id=f"m{n}", resume_id=f"r{n}")
        advisor.decide(pair, SignalType.TIMING_HINT, now=NOW, day=TODAY)
    over = NOW + timedelta(days=2)
    area.turn_off()
    assert expire_signals(area.store, now=over, limit=10) is None
    area.turn()
    assert expire_signals(area.store, now=over - timedelta(seconds=1), limit=10) == 0
    assert expire_signals(area.store, now=over, limit=3) == 3
    assert len(area.rows(p3_advisory_cache)) == 2
    assert expire_signals(area.store, now=over, limit=10) == 2
    assert expire_signals(area.store, now=over, limit=10) == 0
    assert {row["is_active"] for row in area.rows(p3_advisory_signal)} == {0}
    assert area.rows(p3_advisory_cache) == []


@pytest.mark.parametrize(
    ("attempted", "failed", "alarming"),
    [(0, 0, False), (100, 5, False), (100, 6, True), (1, 1, True)],
)
def test_more_than_five_percent_of_failures_alarm(
    attempted: int, failed: int, alarming: bool
) -> None:
    """Exactly five do not; nothing attempted is nothing failed."""
    assert Attempts(attempted=attempted, failed=failed).alarming is alarming


def test_an_alarm_is_queued_once_a_day_and_channel(area: Area) -> None:
    """In the outbox that every area shares; not by the session of the area."""
    store = OperationalStore(area.url)
    bad = Attempts(attempted=10, failed=1)
    channels = (Channel.LOG, Channel.WEBHOOK)
    told = [
        alarm(store, attempts, day=day, channels=channels, now=NOW)
        for attempts, day in (
            (Attempts(attempted=10, failed=0), TODAY),
            (bad, TODAY),
            (bad, TODAY),
            (bad, TODAY + timedelta(days=1)),
        )
    ]
    with store.read() as connection:
        queued = connection.execute(select(func.count()).select_from(notifications)).scalar_one()
    store.close()
    assert told == [False, True, False, True]
    assert queued == 4


def test_counters_add_up_whoever_counts() -> None:
    """Every event has a number, also one that never happened."""
    counters = Counters()
    counters.add(Event.COMPUTE_ATTEMPTED, Event.COMPUTE_ERROR)
    counters.add(Event.COMPUTE_ATTEMPTED, Event.CONTRACT_VIOLATION)
    assert counters.attempts() == Attempts(attempted=2, failed=2)
    assert list(counters.counts()) == list(Event)
    assert counters.counts()[Event.CACHE_HIT] == 0
