"""Rules, states and transitions in the operational store.

A state and the transition that led to it are written in one transaction: there is no state whose
history is missing.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier.alerts.enums import (
    AlertComparison,
    AlertLifecycle,
    AlertMetric,
    AlertScope,
    AlertStatus,
    AlertWindow,
    DataState,
)
from helicarrier.alerts.model import AlertRule, AlertState, AlertTransition
from helicarrier.alerts.tables import alert_rules, alert_state, alert_transitions
from helicarrier.store.operational import OperationalStore


class AlertRepository(Protocol):
    """Alerts as the evaluation, the service and the command line see them."""

    def rules(self, *, enabled_only: bool = False) -> list[AlertRule]:
        """All rules, by id."""
        ...

    def rule(self, rule_id: str) -> AlertRule | None:
        """One rule; None when there is none."""
        ...

    def save_rule(self, rule: AlertRule) -> None:
        """Make or replace a rule."""
        ...

    def states(self, *, lifecycle: AlertLifecycle | None = None) -> list[AlertState]:
        """States by rule and scope key, of one lifecycle or of all."""
        ...

    def last_judged(self) -> datetime | None:
        """When any scope was judged last; None when none has been."""
        ...

    def save_state(self, state: AlertState, transition: AlertTransition | None = None) -> None:
        """Write a state, with the transition that led to it."""
        ...

    def transitions(self, rule_id: str) -> list[AlertTransition]:
        """The history of a rule, oldest first."""
        ...


class SqlAlertRepository:
    """Alerts on SQLite and Postgres."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def rules(self, *, enabled_only: bool = False) -> list[AlertRule]:
        """See `AlertRepository.rules`."""
        query = select(alert_rules).order_by(alert_rules.c.rule_id)
        if enabled_only:
            query = query.where(alert_rules.c.enabled == 1)
        with self._store.read() as connection:
            return [rule_of(row) for row in connection.execute(query)]

    def rule(self, rule_id: str) -> AlertRule | None:
        """See `AlertRepository.rule`."""
        with self._store.read() as connection:
            row = connection.execute(
                select(alert_rules).where(alert_rules.c.rule_id == rule_id)
            ).one_or_none()
        return None if row is None else rule_of(row)

    def save_rule(self, rule: AlertRule) -> None:
        """See `AlertRepository.save_rule`; the time of its making stays."""
        with self._store.write() as connection:
            put_rule(connection, rule)

    def states(self, *, lifecycle: AlertLifecycle | None = None) -> list[AlertState]:
        """See `AlertRepository.states`."""
        query = select(alert_state).order_by(alert_state.c.rule_id, alert_state.c.scope_key)
        if lifecycle is not None:
            query = query.where(alert_state.c.lifecycle == lifecycle.value)
        with self._store.read() as connection:
            return [state_of(row) for row in connection.execute(query)]

    def last_judged(self) -> datetime | None:
        """See `AlertRepository.last_judged`."""
        with self._store.read() as connection:
            newest: datetime | None = connection.execute(
                select(func.max(alert_state.c.evaluated_at))
            ).scalar_one()
        return newest

    def save_state(self, state: AlertState, transition: AlertTransition | None = None) -> None:
        """See `AlertRepository.save_state`."""
        with self._store.write() as connection:
            upsert(connection, alert_state, asdict(state))
            if transition is not None:
                connection.execute(alert_transitions.insert().values(asdict(transition)))

    def transitions(self, rule_id: str) -> list[AlertTransition]:
        """See `AlertRepository.transitions`."""
        table = alert_transitions
        query = (
            select(table)
            .where(table.c.rule_id == rule_id)
            .order_by(table.c.occurred_at, table.c.transition_id)
        )
        with self._store.read() as connection:
            return [_transition(row) for row in connection.execute(query)]


def put_rule(connection: Connection, rule: AlertRule) -> None:
    """Make or replace a rule in the open transaction; the time of its making stays."""
    values = asdict(rule) | {"enabled": int(rule.enabled)}
    upsert(connection, alert_rules, values, keep=("created_at",))


def upsert(
    connection: Connection, table: Table, values: dict[str, Any], *, keep: tuple[str, ...] = ()
) -> None:
    """Write a row by its key; columns in `keep` stay as they were."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(values)
    keys = [column.name for column in table.primary_key]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: statement.excluded[name] for name in values if name not in {*keys, *keep}},
        )
    )


def rule_of(row: Row[Any]) -> AlertRule:
    """A row of `alert_rules`."""
    return AlertRule(
        rule_id=row.rule_id,
        metric=AlertMetric(row.metric),
        scope=AlertScope(row.scope),
        agent_id=row.agent_id,
        model_id=row.model_id,
        warn_threshold=row.warn_threshold,
        critical_threshold=row.critical_threshold,
        time_window=AlertWindow(row.time_window),
        comparison=AlertComparison(row.comparison),
        dedup_cooldown_sec=row.dedup_cooldown_sec,
        enabled=bool(row.enabled),
        created_at=row.created_at,
        updated_at=row.updated_at,
        suppressed_until=row.suppressed_until,
    )


def state_of(row: Row[Any]) -> AlertState:
    """A row of `alert_state`."""
    return AlertState(
        rule_id=row.rule_id,
        scope_key=row.scope_key,
        run_id=row.run_id,
        status=AlertStatus(row.status),
        lifecycle=AlertLifecycle(row.lifecycle),
        data_state=DataState(row.data_state),
        last_value=row.last_value,
        evaluated_at=row.evaluated_at,
        transition_at=row.transition_at,
        notified_at=row.notified_at,
        suppressed_until=row.suppressed_until,
        fingerprint=row.fingerprint,
        triggered_at=row.triggered_at,
        warning_notified_at=row.warning_notified_at,
        critical_notified_at=row.critical_notified_at,
    )


def _transition(row: Row[Any]) -> AlertTransition:
    return AlertTransition(
        transition_id=row.transition_id,
        rule_id=row.rule_id,
        scope_key=row.scope_key,
        occurred_at=row.occurred_at,
        from_status=AlertStatus(row.from_status),
        to_status=AlertStatus(row.to_status),
        from_lifecycle=AlertLifecycle(row.from_lifecycle),
        to_lifecycle=AlertLifecycle(row.to_lifecycle),
        value=row.value,
        reason=row.reason,
        run_id=row.run_id,
    )
