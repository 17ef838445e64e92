"""What the service asks of alerts, wherever they are kept: look, make and change rules, act.

`operations` is the full form over the database. A store that keeps neither transitions nor messages
satisfies the same Protocol with what it can hold.
"""

from datetime import datetime
from typing import Protocol

from helicarrier.alerts import operations
from helicarrier.alerts.model import AlertRule, AlertState
from helicarrier.alerts.operations import ActiveAlert, RuleChange
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.alerts.steps import Writing
from helicarrier.store.operational import OperationalStore


class AlertDesk(Protocol):
    """Alerts as operators handle them; arguments and errors are those of `operations`."""

    def active(self, *, now: datetime, suppressed: bool = False) -> list[ActiveAlert]:
        """What fires under rules in force, the worst first."""
        ...

    def rules(self) -> list[AlertRule]:
        """All rules, by id."""
        ...

    def create_rule(self, rule: AlertRule, *, actor: str, now: datetime) -> None:
        """Make a rule."""
        ...

    def change_rule(
        self, rule_id: str, change: RuleChange, writing: Writing, *, actor: str
    ) -> AlertRule:
        """Change a rule."""
        ...

    def suppress(
        self,
        rule_id: str,
        until: datetime | None,
        writing: Writing,
        *,
        actor: str,
        scope_key: str | None,
    ) -> list[AlertState]:
        """Silence a rule, or one scope of it; None ends the silence."""
        ...

    def resolve(
        self, rule_id: str, writing: Writing, *, actor: str, scope_key: str | None
    ) -> list[AlertState]:
        """Call what fires well."""
        ...


class SqlAlertDesk:
    """`AlertDesk` over the database."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def active(self, *, now: datetime, suppressed: bool = False) -> list[ActiveAlert]:
        """See `operations.active`."""
        return operations.active(self._store, now=now, suppressed=suppressed)

    def rules(self) -> list[AlertRule]:
        """See `AlertRepository.rules`."""
        return SqlAlertRepository(self._store).rules()

    def create_rule(self, rule: AlertRule, *, actor: str, now: datetime) -> None:
        """See `operations.create_rule`."""
        operations.create_rule(self._store, rule, actor=actor, now=now)

    def change_rule(
        self, rule_id: str, change: RuleChange, writing: Writing, *, actor: str
    ) -> AlertRule:
        """See `operations.change_rule`."""
        return operations.change_rule(self._store, rule_id, change, writing, actor=actor)

    def suppress(
        self,
        rule_id: str,
        until: datetime | None,
        writing: Writing,
        *,
        actor: str,
        scope_key: str | None,
    ) -> list[AlertState]:
        """See `operations.suppress`."""
        return operations.suppress(
            self._store, rule_id, until, writing, actor=actor, scope_key=scope_key
        )

    def resolve(
        self, rule_id: str, writing: Writing, *, actor: str, scope_key: str | None
    ) -> list[AlertState]:
        """See `operations.resolve`."""
        return operations.resolve(self._store, rule_id, writing, actor=actor, scope_key=scope_key)
