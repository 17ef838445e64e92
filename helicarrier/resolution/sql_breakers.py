"""Breakers in the operational store: how each stands, and its changes in the decision log."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier import logs
from helicarrier.resolution.breakers import Limits, Standing, judge
from helicarrier.resolution.decision_enums import Breaker, BreakerState, DecisionType
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.records import Decision
from helicarrier.resolution.rows import decision_row
from helicarrier.resolution.tables import ai_decision_log, breaker_state
from helicarrier.store.operational import OperationalStore


class SqlBreakers:
    """Breakers on SQLite and Postgres."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def standings(self, environment: Environment) -> list[Standing]:
        """Every breaker that was ever judged there, in the order of the vocabulary."""
        with self._store.read() as connection:
            found = _standings(connection, environment)
        return [found[breaker] for breaker in Breaker if breaker in found]

    def tripped(self, environment: Environment) -> tuple[Breaker, ...]:
        """The breakers that hold shadow mode there."""
        return tuple(one.breaker for one in self.standings(environment) if one.holds)

    def judge(
        self,
        environment: Environment,
        values: Mapping[Breaker, float | None],
        limits: Limits,
        *,
        now: datetime,
        run_id: str,
        new_id: Callable[[], object],
        dry_run: bool = False,
    ) -> list[tuple[Standing | None, Standing]]:
        """Judge every breaker by what was measured; what changed is logged in the same transaction.

        Returns: how each stood and how it stands, in the order of the vocabulary.
        """
        with self._store.write() as connection:
            before = _standings(connection, environment, lock=True)
            judged = [
                (
                    before.get(breaker),
                    judge(before.get(breaker), environment, breaker, values[breaker], limits, now),
                )
                for breaker in Breaker
            ]
            if dry_run:
                return judged
            for old, new in judged:
                _write(connection, new, run_id)
                was = BreakerState.CLOSED if old is None else old.state
                if new.state is not was:
                    decided = _decision(was, new, run_id, str(new_id()))
                    connection.execute(insert(ai_decision_log).values(decision_row(decided)))
        for old, new in judged:
            if new.holds and (old is None or not old.holds):
                logs.warning(
                    "resolution.breaker.tripped",
                    environment=environment.value,
                    breaker=new.breaker.value,
                    reason=new.reason,
                )
        return judged


def _standings(
    connection: Connection, environment: Environment, *, lock: bool = False
) -> dict[Breaker, Standing]:
    query = select(breaker_state).where(breaker_state.c.environment == environment.value)
    rows = connection.execute(query.with_for_update() if lock else query)
    return {(one := _standing(row)).breaker: one for row in rows}


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        environment=Environment(row.environment),
        breaker=Breaker(row.breaker),
        state=BreakerState(row.state),
        value=row.value,
        threshold=row.threshold,
        reason=row.reason,
        checked_at=row.checked_at,
        opened_at=row.opened_at,
        reevaluate_at=row.reevaluate_at,
        hold_until=row.hold_until,
    )


def _write(connection: Connection, standing: Standing, run_id: str) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    keys = ("environment", "breaker")
    values = {
        "environment": standing.environment.value,
        "breaker": standing.breaker.value,
        "state": standing.state.value,
        "value": standing.value,
        "threshold": standing.threshold,
        "reason": standing.reason,
        "opened_at": standing.opened_at,
        "reevaluate_at": standing.reevaluate_at,
        "hold_until": standing.hold_until,
        "checked_at": standing.checked_at,
        "run_id": run_id,
    }
    statement = dialect.insert(breaker_state).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _decision(was: BreakerState, new: Standing, run_id: str, decision_id: str) -> Decision:
    return Decision(
        decision_id=decision_id,
        decision_type=DecisionType.RESOLUTION,
        entity_id=f"breaker:{new.environment}:{new.breaker}",
        data={
            "from": was.value,
            "to": new.state.value,
            "value": new.value,
            "threshold": new.threshold,
            "reason": new.reason,
            "run_id": run_id,
        },
        at=new.checked_at,
    )
