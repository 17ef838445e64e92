"""`MismatchRepository` and `ReviewRepository` on SQLite and Postgres."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from helicarrier.errors import Conflict, ErrorCode, UsageError
from helicarrier.resolution.enums import Environment, MismatchStatus, MismatchType
from helicarrier.resolution.records import Decision, Mismatch, Review
from helicarrier.resolution.rows import (
    decision_of,
    decision_row,
    insert_new,
    mismatch_of,
    mismatch_row,
    review_of,
    review_row,
)
from helicarrier.resolution.tables import (
    ai_decision_log,
    mismatch,
    outcome_review,
    resolution_plan,
)
from helicarrier.store.operational import OperationalStore


class SqlMismatchRepository:
    """Mismatches in the operational store."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def save(self, mismatches: Sequence[Mismatch]) -> int:
        """See `MismatchRepository.save`."""
        columns = mismatch.c
        with self._store.write() as connection:
            new = insert_new(connection, mismatch, [mismatch_row(one) for one in mismatches])
            for one in mismatches if new < len(mismatches) else ():
                query = select(columns.type, columns.artifact_ids)
                there = connection.execute(query.where(columns.id == one.mismatch_id)).one()
                wanted = mismatch_row(one)
                if tuple(there) != (wanted["type"], wanted["artifact_ids"]):
                    raise Conflict(
                        f"the mismatch {one.mismatch_id} is stored with other artefacts",
                        hint="Give a mismatch an id of its own.",
                    )
        return new

    def get(self, mismatch_id: str) -> Mismatch | None:
        """See `MismatchRepository.get`."""
        query = select(mismatch).where(mismatch.c.id == mismatch_id)
        with self._store.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else mismatch_of(row)

    def find(
        self,
        *,
        mismatch_type: MismatchType | None = None,
        status: MismatchStatus | None = None,
        run_id: str | None = None,
        limit: int = 100,
    ) -> list[Mismatch]:
        """See `MismatchRepository.find`."""
        columns = mismatch.c
        query = select(mismatch).order_by(columns.created_at.desc(), columns.id).limit(limit)
        if mismatch_type is not None:
            query = query.where(columns.type == mismatch_type.value)
        if status is not None:
            query = query.where(columns.status == status.value)
        if run_id is not None:
            query = query.where(columns.run_id == run_id)
        with self._store.read() as connection:
            return [mismatch_of(row) for row in connection.execute(query)]

    def move(
        self,
        mismatch_id: str,
        to: MismatchStatus,
        *,
        now: datetime,
        error: tuple[str, str] | None = None,
    ) -> Mismatch:
        """See `MismatchRepository.move`."""
        columns = mismatch.c
        key = columns.id == mismatch_id
        code, message = error or (None, None)
        with self._store.write() as connection:
            row = connection.execute(select(mismatch).where(key).with_for_update()).one_or_none()
            if row is None:
                raise UsageError(f"there is no mismatch {mismatch_id}", code=ErrorCode.NOT_FOUND)
            there = MismatchStatus(row.status)
            if there is not to:
                if not there.may_become(to):
                    raise Conflict(f"the mismatch {mismatch_id} is {there} and cannot become {to}")
                connection.execute(
                    update(mismatch)
                    .where(key)
                    .values(status=to.value, updated_at=now, error_code=code, error_message=message)
                )
            return mismatch_of(connection.execute(select(mismatch).where(key)).one())


class SqlReviewRepository:
    """Reviews and decisions in the operational store."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def add(self, review: Review) -> bool:
        """See `ReviewRepository.add`."""
        try:
            with self._store.write() as connection:
                return insert_new(connection, outcome_review, [review_row(review)]) == 1
        except IntegrityError:
            raise UsageError(
                f"there is no plan {review.plan_id}",
                code=ErrorCode.NOT_FOUND,
                hint="`helicarrier resolution plans` shows the plans.",
            ) from None

    def reviews(self, environment: Environment, *, since: datetime) -> list[Review]:
        """See `ReviewRepository.reviews`."""
        columns = outcome_review.c
        query = (
            select(outcome_review)
            .join(resolution_plan, resolution_plan.c.id == columns.plan_id)
            .where(resolution_plan.c.environment == environment.value)
            .where(columns.reviewed_at >= since)
            .order_by(columns.reviewed_at, columns.id)
        )
        with self._store.read() as connection:
            return [review_of(row) for row in connection.execute(query)]

    def log(self, decision: Decision) -> None:
        """See `ReviewRepository.log`."""
        with self._store.write() as connection:
            connection.execute(insert(ai_decision_log).values(decision_row(decision)))

    def decisions(self, entity_id: str, *, limit: int = 100) -> list[Decision]:
        """See `ReviewRepository.decisions`."""
        columns = ai_decision_log.c
        query = (
            select(ai_decision_log)
            .where(columns.entity_id == entity_id)
            .order_by(columns.created_at.desc(), columns.id)
            .limit(limit)
        )
        with self._store.read() as connection:
            return [decision_of(row) for row in connection.execute(query)]
