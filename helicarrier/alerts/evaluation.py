"""Evaluation: every enabled rule measured, judged and written down, as one run.

Measuring reads and holds nobody up; judging and writing are one short transaction after it. A rule
that was changed in between waits for the next evaluation. A scope that is not seen any more, an
agent without sessions in the window, is judged as one without data: its status stays.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from helicarrier.alerts import machine, steps
from helicarrier.alerts.enums import AlertLifecycle, AlertStatus, DataState
from helicarrier.alerts.machine import Evaluation, Step
from helicarrier.alerts.measure import NOTHING, measure
from helicarrier.alerts.messages import shown
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.repository import rule_of
from helicarrier.alerts.tables import alert_rules
from helicarrier.notify.model import Channel
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_model import Edge
from helicarrier.store.run_store import RunStore

RUN_NAME = "alert_state"
"""The run store's and Dagster's name for an evaluation."""

Measured = dict[str, tuple[AlertRule, dict[str, Evaluation]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What an evaluation found. `run_id` is None for a dry run, which wrote nothing."""

    run_id: str | None
    steps: Sequence[tuple[AlertRule, Step]]
    queued: int

    @property
    def firing(self) -> int:
        """Scopes that are not well and not suppressed."""
        return sum(step.state.lifecycle is AlertLifecycle.ACTIVE for _, step in self.steps)

    @property
    def worst(self) -> AlertStatus:
        """The worst status that is not suppressed."""
        active = [
            step.state.status
            for _, step in self.steps
            if step.state.lifecycle is AlertLifecycle.ACTIVE
        ]
        return max(active, key=lambda status: status.rank, default=AlertStatus.OK)

    @property
    def transitions(self) -> int:
        """States that changed."""
        return sum(step.transition is not None for _, step in self.steps)

    def lines(self) -> list[tuple[str, ...]]:
        """Rule, scope, status, value and data of each scope, the worst first."""
        ranked = sorted(self.steps, key=lambda done: -done[1].state.status.rank)
        return [
            (
                rule.rule_id,
                step.state.scope_key,
                step.state.status.value,
                shown(rule.metric, step.state.last_value),
                step.state.data_state.value,
            )
            for rule, step in ranked
        ]

    @property
    def without_data(self) -> int:
        """Scopes of which too little was known."""
        return sum(step.state.data_state is DataState.NO_DATA for _, step in self.steps)


def new_id() -> str:
    """A random id for a row."""
    return str(uuid.uuid4())


def evaluate(
    store: OperationalStore,
    *,
    runs: RunStore | None,
    channels: Sequence[Channel],
    now: datetime,
    dagster_run_id: str | None = None,
    ids: Callable[[], str] = new_id,
) -> Evaluated:
    """Judge every enabled rule.

    Args: store; runs, None for a dry run that writes nothing; channels that are told; now;
    dagster_run_id; ids of new rows.
    """
    if runs is None:
        with store.read() as connection:
            measured = _measured(connection, now)
            found = _judged(measured, steps.states(connection), "", now, ids)
        return Evaluated(run_id=None, steps=found, queued=0)
    with runs.run(
        RUN_NAME,
        dagster_run_id=dagster_run_id,
        config={"channels": [channel.value for channel in channels]},
    ) as run:
        with store.read() as connection:
            measured = _measured(connection, now)
        writing = steps.Writing(run_id=run.run_id, now=now, new_id=ids, channels=channels)
        with store.write() as connection:
            current = steps.held_rules(connection)
            unchanged = {
                rule_id: (rule, values)
                for rule_id, (rule, values) in measured.items()
                if current.get(rule_id) == rule
            }
            found = _judged(unchanged, steps.states(connection), run.run_id, now, ids)
            queued = steps.write(connection, found, writing, marked=True)
        run.rows_in = sum(len(values) for _, values in measured.values())
        run.rows_out = len(found)
        run.reads(Edge(dataset="session_usage"))
        run.reads(Edge(dataset="session_ledger"))
        run.reads(Edge(dataset="alert_rules", rows=len(measured)))
        run.writes(Edge(dataset="alert_state", rows=len(found)))
        done = Evaluated(run_id=run.run_id, steps=found, queued=queued)
        run.writes(Edge(dataset="alert_transitions", rows=done.transitions))
        run.writes(Edge(dataset="notifications", rows=queued))
        run.note(firing=done.firing, withoutData=done.without_data, queued=queued)
    return done


def _measured(connection: Connection, now: datetime) -> Measured:
    query = select(alert_rules).where(alert_rules.c.enabled == 1).order_by(alert_rules.c.rule_id)
    rules = map(rule_of, connection.execute(query).all())
    return {rule.rule_id: (rule, measure(connection, rule, now)) for rule in rules}


def _judged(
    measured: Mapping[str, tuple[AlertRule, Mapping[str, Evaluation]]],
    known: steps.States,
    run_id: str,
    now: datetime,
    ids: Callable[[], str],
) -> list[tuple[AlertRule, Step]]:
    """A step for each scope that was measured or is known, in the order of rules and scopes."""
    done = []
    for rule_id, (rule, values) in sorted(measured.items()):
        keys = {key for owner, key in known if owner == rule_id} | set(values)
        for key in sorted(keys):
            fresh = AlertState(rule_id=rule_id, scope_key=key, run_id=run_id)
            before = replace(known.get((rule_id, key), fresh), run_id=run_id)
            found = values.get(key, NOTHING)
            done.append((rule, machine.evaluate(rule, before, found, now=now, new_id=ids)))
    return done
