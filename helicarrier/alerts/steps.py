"""Steps of the state machine into the store: states, transitions and messages in one transaction.

Whoever steps holds the rules: on SQLite a write transaction holds everything, on Postgres the rows
of the rules are locked. Two evaluations at once therefore come one after the other, and the second
one steps from the state that the first one left.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from helicarrier.alerts.machine import Step
from helicarrier.alerts.messages import message_of
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.repository import rule_of, state_of, upsert
from helicarrier.alerts.tables import alert_rules, alert_state, alert_transitions
from helicarrier.ledger import run_markers
from helicarrier.notify.model import Channel
from helicarrier.notify.outbox import enqueue

States = dict[tuple[str, str], AlertState]
"""States by rule and scope key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What every step that is written needs: its run, its time, ids, and who is told."""

    run_id: str
    now: datetime
    new_id: Callable[[], str]
    channels: Sequence[Channel]


def held_rules(connection: Connection) -> dict[str, AlertRule]:
    """All rules by id, held until the transaction ends."""
    query = select(alert_rules).order_by(alert_rules.c.rule_id).with_for_update()
    return {row.rule_id: rule_of(row) for row in connection.execute(query)}


def states(connection: Connection, rule_id: str | None = None) -> States:
    """The states of a rule, or all of them."""
    query = select(alert_state)
    if rule_id is not None:
        query = query.where(alert_state.c.rule_id == rule_id)
    found = map(state_of, connection.execute(query))
    return {(state.rule_id, state.scope_key): state for state in found}


def write(
    connection: Connection,
    done: Iterable[tuple[AlertRule, Step]],
    writing: Writing,
    *,
    marked: bool,
) -> int:
    """Write steps and queue what is to be told.

    Args: connection; done; writing; marked: the run is one of its own, so its rows are marked.

    Returns: how many messages were queued.
    """
    rows = queued = 0
    for rule, step in done:
        upsert(connection, alert_state, asdict(step.state))
        rows += 1
        if step.transition is not None:
            connection.execute(alert_transitions.insert().values(asdict(step.transition)))
            rows += 1
        if step.notice is not None:
            queued += enqueue(
                connection,
                message_of(rule, step.state, step.notice),
                writing.channels,
                now=writing.now,
                new_id=writing.new_id,
            )
    if marked:
        run_markers.mark(
            connection,
            writing.run_id,
            {(alert_state.name, ""): rows},
            now=writing.now,
            last=True,
        )
    return queued
