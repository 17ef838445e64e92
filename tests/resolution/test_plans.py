"""How a plan changes: actions, approvals, safety levels, time."""

from dataclasses import replace

import pytest

from helicarrier.errors import Conflict, UsageError
from helicarrier.resolution import plans
from helicarrier.resolution.enums import Action, ResolutionStatus, SafetyLevel
from helicarrier.resolution.records import Approval, ApprovalType
from tests.resolution.deciding import DAY, NOW, approval, plan, step

PROPOSED, APPROVED = ResolutionStatus.PROPOSED, ResolutionStatus.APPROVED


def test_same_action_twice_is_one_action() -> None:
    """CRUD on actions is idempotent: add, put again, take away, take away again."""
    once = plans.with_action(plan(actions=()), step())
    assert plans.with_action(once, step()) is once
    changed = replace(step(), after_hash="other")
    assert plans.with_action(once, changed).actions == (changed,)
    none = plans.without_action(once, *step().key)
    assert none.actions == ()
    assert plans.without_action(none, *step().key) is none


def test_actions_keep_their_order() -> None:
    """A replaced action stays in its place."""
    first, second = step(), step(action=Action.UPDATE_METADATA)
    both = plans.with_action(plan(actions=(first,)), second)
    changed = replace(first, after_hash="other")
    assert plans.with_action(both, changed).actions == (changed, second)


def test_changed_action_takes_the_approvals_away() -> None:
    """Nobody approved what the plan would do now."""
    agreed = plans.with_approval(plan(), approval("ada"))
    assert agreed.status is APPROVED
    changed = plans.with_action(agreed, replace(step(), after_hash="other"))
    assert (changed.status, changed.approvals) == (PROPOSED, ())
    left = plans.without_action(agreed, *step().key)
    assert (left.status, left.approvals) == (PROPOSED, ())


def test_dual_key_needs_two_people_and_not_two_spellings() -> None:
    """The same user twice is one key."""
    one = plans.with_approval(plan(dual_key=True), approval("ada"))
    assert one.status is PROPOSED
    assert plans.with_approval(one, approval("ada")) is one
    assert plans.with_approval(one, approval(" Ada ")) is one
    reviewed = Approval(user="ADA", at=NOW, type=ApprovalType.SECURITY_REVIEW)
    assert plans.with_approval(one, reviewed).status is PROPOSED
    assert plans.with_approval(one, approval("grace")).status is APPROVED


def test_security_review_cannot_be_replaced_by_any_approval() -> None:
    """What the policy asks for has to be given as that."""
    asked = plan(dual_key=True, evidence=("security_review", "human_approval", "dual_key"))
    two = plans.with_approval(plans.with_approval(asked, approval("ada")), approval("grace"))
    assert two.status is PROPOSED
    review = Approval(user="grace", at=NOW, type=ApprovalType.SECURITY_REVIEW)
    assert plans.with_approval(two, review).status is APPROVED


def test_raised_level_clears_the_approvals_and_never_falls() -> None:
    """Who approved the lower level did not approve the higher one."""
    agreed = plans.with_approval(plan(), approval("ada"))
    higher = plans.raised(agreed, SafetyLevel.EXPERIMENTAL)
    assert (higher.status, higher.approvals) == (PROPOSED, ())
    both = plans.raised(agreed, SafetyLevel.ADVISORY, dual_key=True)
    assert (both.status, both.approvals, both.approvals_needed) == (PROPOSED, (), 2)
    assert plans.raised(agreed, SafetyLevel.ADVISORY) is agreed
    with pytest.raises(UsageError):
        plans.raised(agreed, SafetyLevel.AUTOMATIC)
    with pytest.raises(UsageError):
        plans.raised(both, SafetyLevel.EXPERIMENTAL, dual_key=False)


def test_late_approval_rejects() -> None:
    """Who is asked and says nothing for a day has not agreed."""
    late = plans.with_approval(plan(), approval("ada", at=NOW + DAY))
    assert late.status is ResolutionStatus.REJECTED
    assert late.approvals == ()
    assert plans.expired(plan(), NOW + DAY).outcome["reason"] == "its approvals timed out"
    assert plans.expired(plan(), NOW) == plan()


def test_approval_does_not_stay_good_for_ever() -> None:
    """An approved plan that nobody applied in its time is rejected, too."""
    agreed = plans.with_approval(plan(), approval("ada"))
    assert plans.expired(agreed, NOW + DAY).status is ResolutionStatus.REJECTED


def test_plan_that_waits_for_nobody_does_not_expire() -> None:
    """An automatic plan has no approvals that could time out."""
    free = replace(plan(level=SafetyLevel.AUTOMATIC), status=APPROVED)
    assert plans.expired(free, NOW + 100 * DAY) is free


@pytest.mark.parametrize(
    "status",
    [ResolutionStatus.APPLIED, ResolutionStatus.ROLLED_BACK, ResolutionStatus.ERROR],
)
def test_settled_plan_stays(status: ResolutionStatus) -> None:
    """What was done is not changed, approved or rejected afterwards."""
    done = replace(plan(), status=status, applied_at=NOW)
    other = replace(step(), after_hash="other")
    with pytest.raises(Conflict):
        plans.with_action(done, other)
    with pytest.raises(Conflict):
        plans.with_approval(done, approval("ada"))
    with pytest.raises(Conflict):
        plans.raised(done, SafetyLevel.EXPERIMENTAL)
    with pytest.raises(Conflict):
        plans.rejected(done, "why")


def test_approval_without_a_name_is_refused() -> None:
    """Nobody is not a person."""
    with pytest.raises(UsageError):
        plans.with_approval(plan(), approval("  "))
