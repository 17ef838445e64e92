"""The laws of the state machine, over every order of values, gaps, jumps and operators' words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from helicarrier.alerts import machine
from helicarrier.alerts.enums import (
    AlertComparison,
    AlertLifecycle,
    AlertMetric,
    AlertScope,
    AlertStatus,
    AlertWindow,
    DataState,
    NoticeKind,
)
from helicarrier.alerts.machine import Evaluation, Notice, Step
from helicarrier.alerts.model import AlertRule, AlertState, AlertTransition

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
COOLDOWN = timedelta(seconds=300)
OK, WARNING, CRITICAL = AlertStatus
RULE = AlertRule(
    rule_id="cost",
    metric=AlertMetric.DAILY_COST_USD,
    scope=AlertScope.GLOBAL,
    warn_threshold=10.0,
    critical_threshold=20.0,
    time_window=AlertWindow.DAY,
    created_at=NOON,
    updated_at=NOON,
)
FRESH = AlertState(rule_id="cost", scope_key="global", run_id="run")
VALUES = {OK: 5.0, WARNING: 15.0, CRITICAL: 25.0}
ids = count()


def new_id() -> str:
    """An id that was not used before."""
    return str(next(ids))


def judge(state: AlertState, value: float | None, at: datetime, *, complete: bool = True) -> Step:
    """One evaluation."""
    found = Evaluation(value=value, complete=complete)
    return machine.evaluate(RULE, state, found, now=at, new_id=new_id)


def play(*moves: tuple[int, float | None], state: AlertState = FRESH) -> list[Step]:
    """Evaluations at seconds after noon."""
    steps = []
    for seconds, value in moves:
        steps.append(judge(state, value, NOON + timedelta(seconds=seconds)))
        state = steps[-1].state
    return steps


def told(steps: list[Step]) -> list[tuple[NoticeKind, AlertStatus] | None]:
    """What was told at each step."""
    return [None if s.notice is None else (s.notice.kind, s.notice.status) for s in steps]


def test_first_breach_escalation_and_resolution_are_told() -> None:
    """Each once, with a transition row; staying there is told no more, also after the cooldown."""
    steps = play((0, 15), (10, 16), (20, 25), (30, 26), (900, 26), (910, 1), (920, 1))
    assert told(steps) == [
        (NoticeKind.ACTIVATED, WARNING),
        None,
        (NoticeKind.ESCALATED, CRITICAL),
        None,
        None,
        (NoticeKind.RESOLVED, OK),
        None,
    ]
    changes = [s.transition for s in steps if s.transition is not None]
    assert [(c.from_status, c.to_status) for c in changes] == [
        (OK, WARNING),
        (WARNING, CRITICAL),
        (CRITICAL, OK),
    ]
    assert [c.reason for c in changes] == ["15 > 10", "25 > 20", "1 is not > 10"]


def test_a_repeat_within_the_cooldown_waits_until_it_is_over() -> None:
    """Flapping is told once, and what still fires after the cooldown is told then."""
    steps = play((0, 15), (60, 1), (120, 15), (240, 15), (301, 15))
    assert told(steps) == [
        (NoticeKind.ACTIVATED, WARNING),
        (NoticeKind.RESOLVED, OK),
        None,
        None,
        (NoticeKind.ACTIVATED, WARNING),
    ]
    assert [machine.is_repeat(RULE, s.state) for s in steps] == [False, False, True, True, False]


def test_another_severity_is_no_repeat() -> None:
    """The fingerprint holds the severity: a critical value is told though a warning was."""
    steps = play((0, 15), (10, 1), (20, 25), (30, 1), (40, 15))
    assert told(steps)[2] == (NoticeKind.ACTIVATED, CRITICAL)
    assert told(steps)[4] is None


def test_a_repeat_does_not_move_the_end_of_a_suppression() -> None:
    """Only an operator does."""
    until = NOON + timedelta(hours=1)
    silent = machine.suppress(RULE, FRESH, until, actor="ops", now=NOON, new_id=new_id).state
    steps = play((0, 15), (10, 15), (20, 25), state=silent)
    assert told(steps) == [None, None, None]
    assert {s.state.suppressed_until for s in steps} == {until}
    assert {s.state.lifecycle for s in steps} == {AlertLifecycle.SUPPRESSED}


def test_what_fires_when_a_suppression_ends_is_told() -> None:
    """The first evaluation after it tells, once."""
    until = NOON + timedelta(seconds=100)
    silent = machine.suppress(RULE, FRESH, until, actor="ops", now=NOON, new_id=new_id).state
    steps = play((50, 15), (100, 15), (110, 15), state=silent)
    assert told(steps) == [None, (NoticeKind.ACTIVATED, WARNING), None]
    assert steps[1].transition is not None
    assert steps[1].transition.reason == "the suppression is over"


def test_a_suppression_of_the_rule_silences_every_scope() -> None:
    """Also one that nobody has judged before."""
    silent = replace(RULE, suppressed_until=NOON + timedelta(hours=1))
    step = machine.evaluate(silent, FRESH, Evaluation(value=25.0), now=NOON, new_id=new_id)
    assert (step.state.lifecycle, step.notice) == (AlertLifecycle.SUPPRESSED, None)


def test_without_data_the_status_stays() -> None:
    """It is no pass, and the last value is still the last."""
    steps = play((0, 25), (10, None))
    assert steps[1].state == replace(
        steps[0].state, data_state=DataState.NO_DATA, evaluated_at=NOON + timedelta(seconds=10)
    )


@pytest.mark.parametrize(
    ("before", "value", "after", "data"),
    [
        (OK, 5.0, OK, DataState.NO_DATA),
        (OK, 15.0, WARNING, DataState.OK),
        (WARNING, 5.0, WARNING, DataState.NO_DATA),
        (WARNING, 15.0, WARNING, DataState.OK),
        (CRITICAL, 15.0, CRITICAL, DataState.NO_DATA),
        (CRITICAL, 25.0, CRITICAL, DataState.OK),
    ],
)
def test_a_lower_bound_raises_and_never_lowers(
    before: AlertStatus, value: float, after: AlertStatus, data: DataState
) -> None:
    """Calls of unknown cost could hide anything above the known sum, and nothing below it."""
    state = play((0, VALUES[before]))[0].state
    step = judge(state, value, NOON + timedelta(seconds=10), complete=False)
    assert (step.state.status, step.state.data_state) == (after, data)


def test_a_clock_that_jumped_back_judges_nothing_and_tells_nobody() -> None:
    """The state stays; the next evaluation goes on from the new time."""
    first = play((0, 15))[0].state
    earlier = NOON - timedelta(days=400)
    back = judge(first, 25, earlier)
    assert (back.notice, back.transition) == (None, None)
    assert (back.state.status, back.state.evaluated_at) == (WARNING, earlier)
    forth = judge(back.state, 25, earlier + timedelta(seconds=10))
    assert told([forth]) == [(NoticeKind.ESCALATED, CRITICAL)]


def test_resolving_by_hand_is_told_and_a_new_breach_fires_again() -> None:
    """Within the cooldown nobody is told of it a second time."""
    first = play((0, 15))[0].state
    at = NOON + timedelta(seconds=10)
    done = machine.resolve(RULE, first, reason="resolved by ops", now=at, new_id=new_id)
    assert told([done]) == [(NoticeKind.RESOLVED, OK)]
    again = play((20, 15), (310, 15), state=done.state)
    assert told(again) == [None, (NoticeKind.ACTIVATED, WARNING)]


@pytest.mark.parametrize(
    ("comparison", "value", "status"),
    [
        (AlertComparison.GREATER, 10.0, OK),
        (AlertComparison.GREATER_OR_EQUAL, 10.0, WARNING),
        (AlertComparison.GREATER, 20.0, WARNING),
        (AlertComparison.GREATER_OR_EQUAL, 20.0, CRITICAL),
    ],
)
def test_a_value_on_the_threshold(
    comparison: AlertComparison, value: float, status: AlertStatus
) -> None:
    """It breaches with `gte` alone."""
    assert machine.severity(replace(RULE, comparison=comparison), value) is status


class Laws(RuleBasedStateMachine):
    """A clock that also jumps back, values, gaps and an operator; real time only grows."""

    def __init__(self) -> None:
        super().__init__()
        self.real = NOON
        self.behind = timedelta()
        self.state = FRESH
        self.notices: list[Notice] = []
        self.alarms: dict[str, datetime] = {}
        self.last: AlertTransition | None = None

    @property
    def now(self) -> datetime:
        """What the clock says."""
        return self.real - self.behind

    def take(self, step: Step) -> None:
        """Hold a step against the laws that every step obeys."""
        before, after = self.state, step.state
        changed = (before.status, before.lifecycle) != (after.status, after.lifecycle)
        assert (step.transition is not None) is changed
        if step.transition is not None:
            origin = (OK, AlertLifecycle.RESOLVED)
            if self.last is not None:
                origin = (self.last.to_status, self.last.to_lifecycle)
            assert (step.transition.from_status, step.transition.from_lifecycle) == origin
            self.last = step.transition
        if step.notice is not None:
            assert not machine.is_suppressed(RULE, after, self.now)
            self.tell(step.notice)
        self.state = after

    def tell(self, notice: Notice) -> None:
        """Hold a notice against the laws of telling."""
        heard = self.notices[-1] if self.notices else None
        if notice.kind is NoticeKind.RESOLVED:
            assert heard is not None
            assert heard.kind is not NoticeKind.RESOLVED
        else:
            told_at = self.alarms.get(notice.fingerprint)
            assert told_at is None or self.real - told_at >= COOLDOWN
            self.alarms[notice.fingerprint] = self.real
            is_first = heard is None or heard.kind is NoticeKind.RESOLVED
            assert (notice.kind is NoticeKind.ACTIVATED) is is_first
        self.notices.append(notice)

    @rule(seconds=st.sampled_from([1, 60, 299, 300, 301, 4000]))
    def time_passes(self, seconds: int) -> None:
        """Real time and the clock go on."""
        self.real += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 100, 5000, 10**8]))
    def clock_jumps_back(self, seconds: int) -> None:
        """The clock alone."""
        self.behind += timedelta(seconds=seconds)

    @rule(status=st.sampled_from(AlertStatus), complete=st.booleans())
    def judged(self, status: AlertStatus, complete: bool) -> None:
        """An evaluation with data."""
        before, now = self.state, self.now
        step = judge(before, VALUES[status], now, complete=complete)
        jumped = before.evaluated_at is not None and now < before.evaluated_at
        self.take(step)
        if jumped:
            kept = ("status", "lifecycle", "suppressed_until", "fingerprint", "last_value")
            assert [getattr(before, n) for n in kept] == [getattr(self.state, n) for n in kept]
            assert step.notice is None
            return
        if complete:
            assert self.state.status is status
        assert self.state.status.rank >= (status.rank if complete else before.status.rank)
        self.nobody_is_left_in_the_dark()

    @rule()
    def without_data(self) -> None:
        """An evaluation without data."""
        before = self.state
        self.take(judge(before, None, self.now))
        assert self.state.status is before.status
        assert self.state.last_value == before.last_value

    def nobody_is_left_in_the_dark(self) -> None:
        """What is not told yet is silenced by an operator or by the cooldown, nothing else."""
        state = self.state
        if machine.is_suppressed(RULE, state, self.now):
            return
        known = machine.told_status(state)
        assert known.rank <= state.status.rank
        if known is not state.status:
            mark = machine.fingerprint("cost", "global", state.status)
            assert mark in self.alarms
            assert machine.is_repeat(RULE, state) or state.evaluated_at == state.notified_at

    @rule(seconds=st.sampled_from([-10, 1, 200, 10_000]))
    def suppressed(self, seconds: int) -> None:
        """An operator silences it; an end in the past is none."""
        until = self.now + timedelta(seconds=seconds)
        self.take(machine.suppress(RULE, self.state, until, actor="o", now=self.now, new_id=new_id))
        assert self.state.suppressed_until == until

    @precondition(lambda self: self.state.status is not OK)
    @rule()
    def resolved(self) -> None:
        """An operator calls it well."""
        self.take(machine.resolve(RULE, self.state, reason="r", now=self.now, new_id=new_id))
        assert self.state.status is OK

    @invariant()
    def lifecycle_follows(self) -> None:
        """Resolved means ok, active means not, and a firing alert knows since when."""
        match self.state.lifecycle:
            case AlertLifecycle.RESOLVED:
                assert self.state.status is OK
            case AlertLifecycle.ACTIVE:
                assert self.state.status is not OK
        assert (self.state.triggered_at is None) is (self.state.status is OK)


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=40, stateful_step_count=25)
