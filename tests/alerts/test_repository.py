"""The contract of `AlertRepository`, on SQLite and on a real Postgres."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from helicarrier.alerts.enums import (
    AlertLifecycle,
    AlertMetric,
    AlertScope,
    AlertStatus,
    AlertWindow,
    DataState,
)
from helicarrier.alerts.model import AlertRule, AlertState, AlertTransition
from helicarrier.alerts.repository import AlertRepository, SqlAlertRepository
from tests.ledger.stores import Ledger

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
RULE = AlertRule(
    rule_id="daily-cost",
    metric=AlertMetric.DAILY_COST_USD,
    scope=AlertScope.GLOBAL,
    warn_threshold=10.0,
    critical_threshold=20.0,
    time_window=AlertWindow.DAY,
    created_at=NOON,
    updated_at=NOON,
)
STATE = AlertState(
    rule_id="daily-cost",
    scope_key="global",
    run_id="run-1",
    status=AlertStatus.WARNING,
    lifecycle=AlertLifecycle.ACTIVE,
    data_state=DataState.OK,
    last_value=12.5,
    evaluated_at=NOON,
)
TRANSITION = AlertTransition(
    transition_id="t-1",
    rule_id="daily-cost",
    scope_key="global",
    occurred_at=NOON,
    from_status=AlertStatus.OK,
    to_status=AlertStatus.WARNING,
    from_lifecycle=AlertLifecycle.RESOLVED,
    to_lifecycle=AlertLifecycle.ACTIVE,
    value=12.5,
    reason="above the warning",
    run_id="run-1",
)


@pytest.fixture
def repository(ledger: Ledger) -> AlertRepository:
    """A repository on an empty store of each kind."""
    return SqlAlertRepository(ledger.store)


def test_rule_comes_back_as_it_was_saved(repository: AlertRepository) -> None:
    """A saved rule is found by its id and in the list."""
    repository.save_rule(RULE)
    assert (repository.rule("daily-cost"), repository.rules()) == (RULE, [RULE])


def test_saving_a_rule_again_keeps_the_time_of_its_making(repository: AlertRepository) -> None:
    """A change replaces everything but `created_at`."""
    repository.save_rule(RULE)
    later = NOON.replace(hour=13)
    repository.save_rule(replace(RULE, warn_threshold=11.0, created_at=later, updated_at=later))
    assert repository.rule("daily-cost") == replace(RULE, warn_threshold=11.0, updated_at=later)


def test_disabled_rules_can_be_left_out(repository: AlertRepository) -> None:
    """The evaluation asks for enabled rules only."""
    repository.save_rule(RULE)
    repository.save_rule(replace(RULE, rule_id="off", enabled=False))
    assert [rule.rule_id for rule in repository.rules(enabled_only=True)] == ["daily-cost"]


def test_states_are_found_by_lifecycle(repository: AlertRepository) -> None:
    """A state is read back whole, and not under another lifecycle."""
    repository.save_rule(RULE)
    repository.save_state(STATE, TRANSITION)
    assert repository.states(lifecycle=AlertLifecycle.ACTIVE) == [STATE]
    assert repository.states(lifecycle=AlertLifecycle.SUPPRESSED) == []
    assert repository.transitions("daily-cost") == [TRANSITION]


def test_state_without_its_transition_is_not_kept(repository: AlertRepository) -> None:
    """When the transition is refused, the state stays what it was."""
    repository.save_rule(RULE)
    repository.save_state(STATE, TRANSITION)
    worse = replace(STATE, status=AlertStatus.CRITICAL)
    with pytest.raises(IntegrityError):
        repository.save_state(worse, TRANSITION)
    assert repository.states() == [STATE]


def test_state_of_an_unknown_rule_is_refused(repository: AlertRepository) -> None:
    """The foreign key holds."""
    with pytest.raises(IntegrityError):
        repository.save_state(replace(STATE, rule_id="nobody"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"critical_threshold": 9.0}, id="critical-below-warning"),
        pytest.param({"agent_id": "a"}, id="global-names-an-agent"),
        pytest.param({"scope": AlertScope.AGENT, "model_id": "m"}, id="agent-scope-names-a-model"),
        pytest.param({"critical_threshold": float("inf")}, id="threshold-is-not-finite"),
    ],
)
def test_rule_that_cannot_be_judged_is_refused(change: dict[str, object]) -> None:
    """A rule that contradicts itself cannot be made."""
    with pytest.raises(ValueError, match="the "):
        replace(RULE, **change)  # type: ignore[arg-type]
