"""Evaluation on both engines: from sessions to states, transitions and queued messages."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from helicarrier.alerts import evaluation
from helicarrier.alerts.enums import AlertLifecycle, AlertScope, AlertStatus, DataState
from helicarrier.alerts.evaluation import Evaluated, evaluate
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.alerts.tables import alert_state, alert_transitions
from helicarrier.notify.model import Channel
from helicarrier.notify.tables import notifications
from helicarrier.store.run_model import RunStatus
from helicarrier.store.run_store import RunStore
from tests.alerts.making import NOW, alert_rule, paid, session, store
from tests.ledger.stores import Ledger

LATER = NOW + timedelta(minutes=1)


def judge(
    ledger: Ledger, runs: RunStore | None, now: datetime = NOW, *channels: Channel
) -> Evaluated:
    """One evaluation."""
    return evaluate(ledger.store, runs=runs, channels=channels or (Channel.LOG,), now=now)


def subjects(ledger: Ledger) -> list[str]:
    """What is queued."""
    with ledger.store.read() as connection:
        query = select(notifications.c.subject).order_by(notifications.c.created_at)
        return list(connection.execute(query).scalars())


def test_a_breach_becomes_state_transition_and_message(ledger: Ledger, runs: RunStore) -> None:
    """All of one run, and the message holds what a receiver needs."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    store(ledger, session("s", paid("a", 1.5)))
    done = judge(ledger, runs, NOW, Channel.LOG, Channel.WEBHOOK)
    assert (done.firing, done.worst, done.queued) == (1, AlertStatus.WARNING, 2)
    (state,), (change,) = ledger.rows(alert_state), ledger.rows(alert_transitions)
    assert (state["status"], state["lifecycle"], state["last_value"]) == ("warning", "active", 1.5)
    assert (change["reason"], change["run_id"]) == ("1.5 > 1", done.run_id)
    first, second = ledger.rows(notifications)
    assert first["dedup_key"] == second["dedup_key"]
    body = json.loads(str(first["payload_json"]))
    assert body["kind"] == "alert.activated"
    assert body["subject"] == "warning: cost: daily_cost_usd of global in 24h is $1.50"
    assert (body["data"]["value"], body["data"]["runId"]) == (1.5, done.run_id)
    record = runs.get_run(done.run_id or "")
    assert record is not None
    assert (record.status, record.rows_out, record.attrs["queued"]) == (RunStatus.COMPLETED, 1, 2)


def test_evaluating_again_tells_nothing_twice(ledger: Ledger, runs: RunStore) -> None:
    """Neither a new transition nor a new message."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    store(ledger, session("s", paid("a", 1.5)))
    judge(ledger, runs)
    again = judge(ledger, runs, LATER)
    assert again.queued == 0
    assert len(ledger.rows(alert_transitions)) == len(subjects(ledger)) == 1
    assert ledger.row(alert_state)["evaluated_at"] == LATER


def test_a_dry_run_says_the_same_and_writes_nothing(ledger: Ledger) -> None:
    """It needs no run store."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    store(ledger, session("s", paid("a", 5)))
    done = judge(ledger, None)
    assert (done.worst, done.run_id) == (AlertStatus.CRITICAL, None)
    assert ledger.rows(alert_state) == ledger.rows(notifications) == []


def test_a_scope_that_is_not_seen_any_more_keeps_its_status(ledger: Ledger, runs: RunStore) -> None:
    """Without sessions there is no data, and no data is no pass."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule(scope=AlertScope.AGENT))
    store(ledger, session("s", paid("a", 5), agentId="x"))
    judge(ledger, runs)
    done = judge(ledger, runs, NOW + timedelta(days=3))
    (state,) = SqlAlertRepository(ledger.store).states()
    assert (state.scope_key, state.status, state.data_state) == (
        "x",
        AlertStatus.CRITICAL,
        DataState.NO_DATA,
    )
    assert (done.queued, done.without_data) == (0, 1)


def test_rules_that_are_off_are_not_judged(ledger: Ledger, runs: RunStore) -> None:
    """No state comes of them."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule(enabled=False))
    store(ledger, session("s", paid("a", 5)))
    assert judge(ledger, runs).steps == []
    assert ledger.rows(alert_state) == []


def test_a_failed_transaction_leaves_neither_state_nor_message(
    ledger: Ledger, runs: RunStore
) -> None:
    """They are written together: here the id of a transition is taken."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    store(ledger, session("s", paid("a", 1.5)))
    judge(ledger, runs)
    (taken,) = ledger.rows(alert_transitions)
    store(ledger, session("t", paid("b", 5)))
    numbers = count()
    with pytest.raises(IntegrityError):
        evaluate(
            ledger.store,
            runs=runs,
            channels=[Channel.LOG],
            now=LATER,
            ids=lambda: str(taken["transition_id"]) if next(numbers) == 0 else "other",
        )
    assert ledger.row(alert_state)["status"] == "warning"
    assert len(subjects(ledger)) == 1
    assert judge(ledger, runs, LATER).worst is AlertStatus.CRITICAL
    assert len(subjects(ledger)) == 2


def test_a_suppression_outlives_a_restart(ledger: Ledger, runs: RunStore) -> None:
    """It is in the store; the evaluation of another process obeys it."""
    repository = SqlAlertRepository(ledger.store)
    until = NOW + timedelta(hours=1)
    repository.save_rule(alert_rule(suppressed_until=until))
    store(ledger, session("s", paid("a", 5)))
    ledger.store.close()  # what opens it again knows nothing but what is stored
    assert judge(ledger, runs).queued == 0
    (state,) = repository.states()
    assert (state.status, state.lifecycle) == (AlertStatus.CRITICAL, AlertLifecycle.SUPPRESSED)
    assert judge(ledger, runs, until).queued == 1


def test_evaluations_at_once_come_one_after_the_other(ledger: Ledger, runs: RunStore) -> None:
    """Each steps from the state that the one before left: one transition, one message."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    store(ledger, session("s", paid("a", 1.5)))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: judge(ledger, runs), range(4)))
    assert sorted(one.queued for one in done) == [0, 0, 0, 1]
    assert len(ledger.rows(alert_transitions)) == len(subjects(ledger)) == 1


def test_a_rule_that_was_changed_meanwhile_waits(ledger: Ledger, runs: RunStore) -> None:
    """It was measured by other thresholds."""
    repository = SqlAlertRepository(ledger.store)
    repository.save_rule(alert_rule())
    store(ledger, session("s", paid("a", 1.5)))
    measure = evaluation._measured

    def change(connection: Connection, now: datetime) -> evaluation.Measured:
        found = measure(connection, now)
        repository.save_rule(alert_rule(warn_threshold=1.9, updated_at=LATER))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_measured", change)
        assert judge(ledger, runs).steps == []
    assert judge(ledger, runs).worst is AlertStatus.OK
