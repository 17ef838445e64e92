"""`PlanRepository` on SQLite and Postgres.

A change reads the plan under a lock (SQLite: the one writer; Postgres: the row), so no approval is
lost between two people. A step of the status is one conditional UPDATE that says what the plan must
still be; of all workers that try, the database lets one through.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from helicarrier.canonical import JSONValue
from helicarrier.errors import ErrorCode, UsageError
from helicarrier.resolution import plans as rules
from helicarrier.resolution.enums import Environment, ResolutionStatus
from helicarrier.resolution.plans import Change
from helicarrier.resolution.records import Decision, Plan, RollbackBlob
from helicarrier.resolution.rows import (
    blob_of,
    blob_row,
    decision_row,
    insert_new,
    json_text,
    plan_of,
    plan_row,
)
from helicarrier.resolution.tables import ai_decision_log, resolution_plan, rollback_blob
from helicarrier.store.operational import OperationalStore


class SqlPlanRepository:
    """Plans and rollback data in the operational store."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def save(self, plans: Sequence[Plan]) -> int:
        """See `PlanRepository.save`."""
        with self._store.write() as connection:
            return insert_new(connection, resolution_plan, [plan_row(one) for one in plans])

    def get(self, plan_id: str) -> Plan:
        """See `PlanRepository.get`."""
        with self._store.read() as connection:
            return _plan(connection, plan_id)

    def find(
        self,
        *,
        status: ResolutionStatus | None = None,
        environment: Environment | None = None,
        mismatch_id: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Plan]:
        """See `PlanRepository.find`."""
        columns = resolution_plan.c
        query = select(resolution_plan).order_by(columns.created_at.desc(), columns.id)
        if status is not None:
            query = query.where(columns.status == status.value)
        if environment is not None:
            query = query.where(columns.environment == environment.value)
        if mismatch_id is not None:
            query = query.where(columns.mismatch_id == mismatch_id)
        if since is not None:
            query = query.where(columns.created_at >= since)
        with self._store.read() as connection:
            return [plan_of(row) for row in connection.execute(query.limit(limit))]

    def change(self, plan_id: str, rule: Change, *, decision: Decision | None = None) -> Plan:
        """See `PlanRepository.change`."""
        with self._store.write() as connection:
            plan = _plan(connection, plan_id, lock=True)
            changed = rule(plan)
            if changed != plan:
                _write(connection, changed)
                if decision is not None:
                    connection.execute(insert(ai_decision_log).values(decision_row(decision)))
            return changed

    def take(
        self,
        plan: Plan,
        to: ResolutionStatus,
        *,
        outcome: Mapping[str, JSONValue],
        applied_at: datetime | None,
        decision: Decision,
    ) -> bool:
        """See `PlanRepository.take`: the actions and approvals must still be those that were seen.

        The decision is logged in the same transaction.
        """
        seen = plan_row(plan)
        columns = resolution_plan.c
        statement = (
            update(resolution_plan)
            .where(columns.id == plan.plan_id)
            .where(columns.status == seen["status"])
            .where(columns.actions == seen["actions"])
            .where(columns.approvals == seen["approvals"])
            .where(columns.safety_level == seen["safety_level"])
            .where(columns.dual_key == seen["dual_key"])
            .values(
                status=to.value,
                outcome=json_text(dict(outcome)),
                applied_at=applied_at,
            )
        )
        with self._store.write() as connection:
            if connection.execute(statement).rowcount != 1:
                return False
            connection.execute(insert(ai_decision_log).values(decision_row(decision)))
            return True

    def expire(self, now: datetime) -> list[str]:
        """See `PlanRepository.expire`."""
        columns = resolution_plan.c
        query = (
            select(resolution_plan)
            .where(columns.status.in_(["proposed", "approved"]))
            .where(columns.expires_at <= now)
            .order_by(columns.id)
            .with_for_update()
        )
        with self._store.write() as connection:
            found = [plan_of(row) for row in connection.execute(query)]
            late = [(plan, rules.expired(plan, now)) for plan in found]
            changed = [after for before, after in late if after is not before]
            for plan in changed:
                _write(connection, plan)
        return [plan.plan_id for plan in changed]

    def keep(self, blob: RollbackBlob) -> None:
        """See `PlanRepository.keep`."""
        with self._store.write() as connection:
            insert_new(connection, rollback_blob, [blob_row(blob)])

    def blobs(self, plan_id: str) -> list[RollbackBlob]:
        """See `PlanRepository.blobs`."""
        query = select(rollback_blob).where(rollback_blob.c.plan_id == plan_id)
        with self._store.read() as connection:
            found = [blob_of(row) for row in connection.execute(query)]
        # Sorted here: databases differ in how they order texts.
        return sorted(found, key=lambda blob: blob.artifact_id)

    def mark_rolled_back(self, plan_id: str, now: datetime) -> None:
        """See `PlanRepository.mark_rolled_back`."""
        statement = update(rollback_blob).where(rollback_blob.c.plan_id == plan_id)
        with self._store.write() as connection:
            connection.execute(statement.values(rolled_back_at=now))

    def drop_blobs(self, now: datetime) -> int:
        """See `PlanRepository.drop_blobs`."""
        statement = delete(rollback_blob).where(rollback_blob.c.expires_at <= now)
        with self._store.write() as connection:
            return connection.execute(statement).rowcount


def _plan(connection: Connection, plan_id: str, *, lock: bool = False) -> Plan:
    query = select(resolution_plan).where(resolution_plan.c.id == plan_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UsageError(
            f"there is no plan {plan_id}",
            code=ErrorCode.NOT_FOUND,
            hint="`helicarrier resolution plans` shows the plans.",
        )
    return plan_of(row)


def _write(connection: Connection, plan: Plan) -> None:
    values = plan_row(plan)
    del values["id"]
    connection.execute(
        update(resolution_plan).where(resolution_plan.c.id == plan.plan_id).values(values)
    )
