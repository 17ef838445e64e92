"""Measuring: what a rule's metric is in its window now, for each agent and model it looks at.

The window ends now and holds what came after its beginning. Cost is that of the calls in it;
runtime and failures are those of the sessions that ended in it (one whose end nobody recorded
counts when it started). Where some calls have no known cost, the sum of the others is a lower bound
and says so. The 95th percentile is the nearest rank, as in `model_perf_agg`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    case,
    func,
    select,
    union_all,
)

from helicarrier.alerts.enums import AlertMetric
from helicarrier.alerts.machine import Evaluation
from helicarrier.alerts.model import AlertRule
from helicarrier.alerts.scopes import Target, named_target
from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.tables import session_ledger, session_usage

_GOING_ON = [SessionStatus.RUNNING.value, SessionStatus.QUEUED.value]
# "Not one of these", not "one of those": SQLite would go through every session by its status.
_Query = Select[*tuple[Any, ...]]
NOTHING = Evaluation(value=None)
"""There was nothing to measure."""


def measure(connection: Connection, rule: AlertRule, now: datetime) -> dict[str, Evaluation]:
    """Scope key -> what was measured; a rule that names its target always has an entry.

    Args: connection; rule; now, the end of the window.
    """
    named = named_target(rule)
    found = {} if named is None else {named.key: NOTHING}
    for row in connection.execute(query_of(rule, now)):
        value = _evaluation(rule, row)
        if value is not NOTHING:
            found[_target(rule, row).key] = value
    return found


def query_of(rule: AlertRule, now: datetime) -> _Query:
    """The query behind `measure`: one row for each target."""
    match rule.metric:
        case AlertMetric.DAILY_COST_USD:
            return _cost(rule, now)
        case AlertMetric.FAILURE_RATE:
            return _failures(rule, now)
        case AlertMetric.RUNTIME_P95_MS:
            return _runtime(rule, now)


def _evaluation(rule: AlertRule, row: Row[Any]) -> Evaluation:
    match rule.metric:
        case AlertMetric.DAILY_COST_USD:
            if not row.known:
                return NOTHING
            return Evaluation(value=float(row.cost), complete=row.known == row.calls)
        case AlertMetric.FAILURE_RATE:
            return Evaluation(value=row.failed / row.ended) if row.ended else NOTHING
        case AlertMetric.RUNTIME_P95_MS:
            return Evaluation(value=float(row.runtime_ms))


def _target(rule: AlertRule, row: Row[Any]) -> Target:
    names = row._mapping  # noqa: SLF001 - SQLAlchemy's public way to names
    return Target(
        agent_id=names["agent_id"] if rule.scope.has_agent else None,
        model_id=names["model_id"] if rule.scope.has_model else None,
    )


def _cost(rule: AlertRule, now: datetime) -> _Query:
    """Calls in the window; on the model of the call, and the agent of its session."""
    calls, sessions = session_usage.c, session_ledger.c
    keys = _keys(rule, sessions.agent_id, calls.model_id)
    query = select(
        *keys,
        func.count().label("calls"),
        func.count(calls.cost_usd).label("known"),
        func.sum(calls.cost_usd).label("cost"),
    ).where(calls.occurred_at > now - rule.time_window.length, calls.occurred_at <= now)
    if rule.scope.has_agent:
        query = query.join(session_ledger, sessions.session_id == calls.session_id)
    return query.where(*_named(rule, sessions.agent_id, calls.model_id)).group_by(*keys)


def _failures(rule: AlertRule, now: datetime) -> _Query:
    ended = _sessions(rule, now)
    keys = _keys(rule, ended.c.agent_id, ended.c.model_id)
    failed = case((ended.c.status == SessionStatus.FAILED.value, 1), else_=0)
    return select(*keys, func.count().label("ended"), func.sum(failed).label("failed")).group_by(
        *keys
    )


def _runtime(rule: AlertRule, now: datetime) -> _Query:
    """Of n measured sessions the one at place ceiling(95 n / 100)."""
    ended = _sessions(rule, now)
    keys = _keys(rule, ended.c.agent_id, ended.c.model_id)
    ranked = (
        select(
            *keys,
            ended.c.runtime_ms,
            func.row_number()
            .over(partition_by=keys or None, order_by=ended.c.runtime_ms)
            .label("place"),
            func.count().over(partition_by=keys or None).label("measured"),
        )
        .where(ended.c.runtime_ms.is_not(None))
        .subquery()
    )
    names = [ranked.c[key.name] for key in keys]
    return select(*names, ranked.c.runtime_ms).where(
        ranked.c.place == (ranked.c.measured * 95 + 99) // 100
    )


def _sessions(rule: AlertRule, now: datetime) -> Subquery:
    """Sessions that ended in the window, by the index on their end.

    Agent and model are wrapped: SQLite, which keeps no statistics, would go through all sessions
    of an agent or model instead, however old.
    """
    columns = session_ledger.c
    named = _named(rule, func.coalesce(columns.agent_id, ""), func.coalesce(columns.model_id, ""))
    begin = now - rule.time_window.length
    parts = [
        select(columns.agent_id, columns.model_id, columns.status, columns.runtime_ms).where(
            within,
            columns.status.not_in(_GOING_ON),
            *named,
        )
        for within in (
            and_(columns.ended_at > begin, columns.ended_at <= now),
            and_(columns.ended_at.is_(None), columns.started_at > begin, columns.started_at <= now),
        )
    ]
    return union_all(*parts).subquery()


def _keys(
    rule: AlertRule, agent: ColumnElement[str], model: ColumnElement[str]
) -> Sequence[ColumnElement[str]]:
    wanted = ((agent, rule.scope.has_agent), (model, rule.scope.has_model))
    return [column for column, told_apart in wanted if told_apart]


def _named(
    rule: AlertRule, agent: ColumnElement[str], model: ColumnElement[str]
) -> list[ColumnElement[bool]]:
    wanted = ((agent, rule.agent_id), (model, rule.model_id))
    return [column == name for column, name in wanted if name is not None]
