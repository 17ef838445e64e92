"""The repositories of resolution: one suite for SQLite and Postgres."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from helicarrier.errors import Conflict, ErrorCode, UsageError
from helicarrier.resolution import plans as rules
from helicarrier.resolution.decision_enums import ReviewVerdict
from helicarrier.resolution.enums import (
    Environment,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
)
from helicarrier.resolution.records import Review, RollbackBlob
from helicarrier.resolution.rows import decision_row
from helicarrier.resolution.sql_mismatches import SqlMismatchRepository, SqlReviewRepository
from helicarrier.resolution.sql_plans import SqlPlanRepository
from helicarrier.resolution.tables import ai_decision_log, resolution_plan
from helicarrier.resolution.tables import mismatch as mismatch_table
from helicarrier.store.operational import OperationalStore
from tests.resolution.deciding import DAY, NOW, approval, decision, mismatch, plan, step


@pytest.fixture
def mismatches(store: OperationalStore) -> SqlMismatchRepository:
    """Mismatches `one` and `two`."""
    repository = SqlMismatchRepository(store)
    repository.save([mismatch(), mismatch("two", kind=MismatchType.WHITESPACE, at=NOW + DAY)])
    return repository


@pytest.fixture
def plans(store: OperationalStore, mismatches: SqlMismatchRepository) -> SqlPlanRepository:
    """The proposed plan for mismatch `one`."""
    repository = SqlPlanRepository(store)
    repository.save([plan()])
    return repository


def test_mismatches_come_out_as_they_went_in(mismatches: SqlMismatchRepository) -> None:
    """And saving them again is no change."""
    assert mismatches.save([mismatch()]) == 0
    assert mismatches.get(mismatch().mismatch_id) == mismatch()
    assert mismatches.get("mis_0000000000000000") is None
    assert [one.artifact_ids[0] for one in mismatches.find()] == ["two-golden", "one-golden"]
    assert mismatches.find(mismatch_type=MismatchType.JSON_ORDERING) == [mismatch()]
    assert mismatches.find(status=MismatchStatus.ERROR) == []
    assert len(mismatches.find(run_id="run", limit=1)) == 1


def test_taken_id_is_refused_and_nothing_is_written(mismatches: SqlMismatchRepository) -> None:
    """One transaction: the new one beside it is not stored either."""
    other = replace(mismatch(), artifact_ids=("a", "b"))
    with pytest.raises(Conflict):
        mismatches.save([mismatch("three"), other])
    assert mismatches.get(mismatch("three").mismatch_id) is None


def test_mismatch_moves_by_the_table_of_transitions(mismatches: SqlMismatchRepository) -> None:
    """A step that is not in the table is refused, staying is no step."""
    fresh = replace(mismatch("three"), status=MismatchStatus.DETECTED)
    mismatches.save([fresh])
    moved = mismatches.move(fresh.mismatch_id, MismatchStatus.ANALYZING, now=NOW + DAY)
    assert (moved.status, moved.updated_at) == (MismatchStatus.ANALYZING, NOW + DAY)
    failed = mismatches.move(
        fresh.mismatch_id, MismatchStatus.ERROR, now=NOW, error=("TIMEOUT", "took too long")
    )
    assert (failed.error_code, failed.error_message) == ("TIMEOUT", "took too long")
    with pytest.raises(Conflict):
        mismatches.move(mismatch().mismatch_id, MismatchStatus.DETECTED, now=NOW)
    with pytest.raises(UsageError) as error:
        mismatches.move("mis_0000000000000000", MismatchStatus.ERROR, now=NOW)
    assert error.value.code is ErrorCode.NOT_FOUND


def test_database_notes_the_time_of_a_change(
    store: OperationalStore, mismatches: SqlMismatchRepository
) -> None:
    """Whoever updates a mismatch without a time gets the one of the database."""
    with store.write() as connection:
        connection.execute(update(mismatch_table).values(confidence_score=0.5))
    assert all(one.updated_at > one.created_at for one in mismatches.find())


def test_members_of_evidence_and_provenance_are_indexed(
    store: OperationalStore, mismatches: SqlMismatchRepository
) -> None:
    """A diff and a checkpoint are found without reading every row."""
    reads = {"sqlite": "json_extract({0}, '$.{1}')", "postgresql": "({0}::jsonb ->> '{1}')"}
    for column, member in (("evidence", "diff_id"), ("provenance", "checkpoint_id")):
        read = reads[store.dialect].format(column, member)
        query = f"SELECT id FROM mismatch WHERE {read} = 'diff-one'"  # noqa: S608  constants
        with store.read() as connection:
            if store.dialect == "sqlite":
                found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
            else:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                found = connection.exec_driver_sql(f"EXPLAIN {query}").all()
        assert f"ix_mismatch_{member}" in str(found)


def test_plans_come_out_as_they_went_in(plans: SqlPlanRepository) -> None:
    """And a stored plan stays, whatever is saved under its id."""
    assert plans.save([replace(plan(), status=ResolutionStatus.APPROVED)]) == 0
    assert plans.get(plan().plan_id) == plan()
    assert plans.find(status=ResolutionStatus.PROPOSED, environment=Environment.DEV) == [plan()]
    assert plans.find(environment=Environment.PROD) == []
    assert plans.find(mismatch_id=plan().mismatch_id, since=NOW) == [plan()]
    assert plans.find(since=NOW + DAY) == []
    with pytest.raises(UsageError):
        plans.get("plan_0000000000000000")


def test_plans_go_with_their_mismatch(store: OperationalStore, plans: SqlPlanRepository) -> None:
    """The foreign key cascades."""
    with store.write() as connection:
        connection.execute(delete(mismatch_table))
    with store.read() as connection:
        assert connection.execute(select(resolution_plan)).all() == []


def test_change_of_actions_is_stored(plans: SqlPlanRepository) -> None:
    """Add and take away, each twice, each with the same result."""
    extra = step("two")
    for _ in range(2):
        changed = plans.change(plan().plan_id, partial(rules.with_action, action=extra))
        assert changed.actions == (step(), extra) == plans.get(plan().plan_id).actions
    for _ in range(2):
        changed = plans.change(
            plan().plan_id,
            partial(rules.without_action, action=extra.action, artifact_id=extra.artifact_id),
        )
        assert changed.actions == (step(),) == plans.get(plan().plan_id).actions


def test_no_approval_is_lost_between_two_people(
    store: OperationalStore, mismatches: SqlMismatchRepository
) -> None:
    """Eight approve at once, and all eight are there."""
    repository = SqlPlanRepository(store)
    repository.save([plan(dual_key=True)])
    users = [f"user-{n}" for n in range(8)]

    def approve(user: str) -> None:
        rule = partial(rules.with_approval, approval=approval(user))
        repository.change(plan().plan_id, rule)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(approve, users))
    found = repository.get(plan().plan_id)
    assert sorted(one.user for one in found.approvals) == users
    assert found.status is ResolutionStatus.APPROVED


def test_one_of_many_workers_takes_a_plan(plans: SqlPlanRepository) -> None:
    """The conditional update lets exactly one through, with one line in the log."""
    seen = plans.change(plan().plan_id, partial(rules.with_approval, approval=approval("ada")))

    def take(number: int) -> bool:
        return plans.take(
            seen,
            ResolutionStatus.APPLIED,
            outcome={"worker": number},
            applied_at=NOW,
            decision=decision(number, plan().plan_id),
        )

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(8)))
    assert sorted(taken) == [False] * 7 + [True]
    stored = plans.get(plan().plan_id)
    assert stored.status is ResolutionStatus.APPLIED
    assert stored.outcome == {"worker": taken.index(True)}


def test_plan_that_changed_meanwhile_is_not_taken(plans: SqlPlanRepository) -> None:
    """What a worker saw is what it may do: another action, another plan."""
    seen = plans.get(plan().plan_id)
    plans.change(plan().plan_id, partial(rules.with_action, action=step("two")))
    assert not plans.take(
        seen,
        ResolutionStatus.APPLIED,
        outcome={},
        applied_at=NOW,
        decision=decision(),
    )


def test_plans_without_their_approvals_are_rejected_in_time(plans: SqlPlanRepository) -> None:
    """A day after they were made, and not before."""
    assert plans.expire(NOW) == []
    assert plans.expire(NOW + DAY) == [plan().plan_id]
    assert plans.expire(NOW + DAY) == []
    assert plans.get(plan().plan_id).status is ResolutionStatus.REJECTED


def test_rollback_data_is_kept_for_its_time(plans: SqlPlanRepository) -> None:
    """The bytes of the first try stay, come out unchanged, and go when their time is over."""
    blob = RollbackBlob(
        plan_id=plan().plan_id,
        artifact_id="one-candidate",
        before_hash="b",
        after_hash="a",
        content=b"\x00\xff before\r\n",
        diff="-before\n+after\n",
        created_at=NOW,
        expires_at=NOW + 30 * DAY,
    )
    plans.keep(blob)
    plans.keep(replace(blob, content=b"other"))
    assert plans.blobs(plan().plan_id) == [blob]
    plans.mark_rolled_back(plan().plan_id, NOW)
    assert plans.blobs(plan().plan_id) == [replace(blob, rolled_back_at=NOW)]
    assert plans.drop_blobs(NOW + 29 * DAY) == 0
    assert plans.drop_blobs(NOW + 30 * DAY) == 1
    assert plans.blobs(plan().plan_id) == []


def test_reviews_of_an_environment(store: OperationalStore, plans: SqlPlanRepository) -> None:
    """The same said twice is once; what nobody planned cannot be reviewed."""
    repository = SqlReviewRepository(store)
    review = Review(
        plan_id=plan().plan_id,
        verdict=ReviewVerdict.FALSE_POSITIVE,
        reviewer="ada",
        reviewed_at=NOW,
        satisfaction=2,
    )
    assert repository.add(review)
    assert not repository.add(replace(review, reviewer="Ada "))
    assert repository.reviews(Environment.DEV, since=NOW) == [review]
    assert repository.reviews(Environment.PROD, since=NOW) == []
    assert repository.reviews(Environment.DEV, since=NOW + DAY) == []
    with pytest.raises(UsageError) as error:
        repository.add(replace(review, plan_id="plan_0000000000000000"))
    assert error.value.code is ErrorCode.NOT_FOUND


def test_decision_log_can_only_grow(store: OperationalStore) -> None:
    """No update, no delete and no replacement succeeds, whoever tries."""
    repository = SqlReviewRepository(store)
    repository.log(decision())
    row = decision_row(decision())
    attempts = [
        update(ai_decision_log).values(entity_id="other"),
        delete(ai_decision_log),
        insert(ai_decision_log).values(row),
    ]
    by_engine = {
        "sqlite": "INSERT OR REPLACE INTO ai_decision_log SELECT * FROM ai_decision_log",
        "postgresql": "TRUNCATE ai_decision_log",
    }
    for attempt in (*attempts, text(by_engine[store.dialect])):
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.execute(attempt)
    assert repository.decisions("one") == [decision()]
