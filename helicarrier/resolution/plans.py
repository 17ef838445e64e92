"""The rules by which a plan changes: its actions, its approvals, its safety level, its time.

Pure functions from a plan to a plan; the same call again changes nothing. A change of what would be
done, and a higher safety level, take every approval away: nobody approved that.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from helicarrier.errors import Conflict, UsageError
from helicarrier.resolution.enums import Action, ResolutionStatus, SafetyLevel
from helicarrier.resolution.records import Approval, ApprovalType, Plan, PlannedAction

Change = Callable[[Plan], Plan]

_OPEN = frozenset({ResolutionStatus.PROPOSED, ResolutionStatus.APPROVED})


def with_action(plan: Plan, action: PlannedAction) -> Plan:
    """The plan with the action: in the place of the one with its key, or at the end.

    Raises:
        Conflict: the plan is settled.
    """
    if action in plan.actions:
        return plan
    _require_open(plan, "changed")
    if any(one.key == action.key for one in plan.actions):
        actions = tuple(action if one.key == action.key else one for one in plan.actions)
    else:
        actions = (*plan.actions, action)
    return _unapproved(replace(plan, actions=actions))


def without_action(plan: Plan, action: Action, artifact_id: str) -> Plan:
    """The plan without the action of this key.

    Raises:
        Conflict: the plan is settled.
    """
    left = tuple(one for one in plan.actions if one.key != (action, artifact_id))
    if left == plan.actions:
        return plan
    _require_open(plan, "changed")
    return _unapproved(replace(plan, actions=left))


def with_approval(plan: Plan, approval: Approval) -> Plan:
    """The plan with one more approval, approved once there are enough.

    The same person counts once, whatever they approve as. An approval that comes too late rejects
    the plan: who is asked for a decision and gives none has not agreed.

    Raises:
        UsageError: nobody approves.
        Conflict: the plan is settled.
    """
    if not approval.person:
        raise UsageError("an approval names its user", hint="Give --user NAME.")
    if any(one.person == approval.person and one.type is approval.type for one in plan.approvals):
        return plan
    _require_open(plan, "approved")
    late = expired(plan, approval.at)
    if late is not plan:
        return late
    return _judged(replace(plan, approvals=(*plan.approvals, approval)))


def raised(plan: Plan, level: SafetyLevel, *, dual_key: bool | None = None) -> Plan:
    """The plan with a higher safety level, or with dual key; its approvals are gone.

    Raises:
        UsageError: the level would fall, or dual key would be taken away.
        Conflict: the plan is settled.
    """
    wanted = plan.dual_key if dual_key is None else dual_key
    if level.rank < plan.safety_level.rank or wanted < plan.dual_key:
        raise UsageError(
            f"the safety level of {plan.plan_id} cannot fall below {plan.safety_level}",
            hint="Make a new plan under another policy.",
        )
    if level is plan.safety_level and wanted == plan.dual_key:
        return plan
    _require_open(plan, "raised")
    return _unapproved(replace(plan, safety_level=level, dual_key=wanted))


def rejected(plan: Plan, reason: str) -> Plan:
    """The plan, rejected.

    Raises:
        Conflict: the plan is settled otherwise.
    """
    if plan.status is ResolutionStatus.REJECTED:
        return plan
    _require_open(plan, "rejected")
    outcome = {**plan.outcome, "status": ResolutionStatus.REJECTED.value, "reason": reason}
    return replace(plan, status=ResolutionStatus.REJECTED, outcome=outcome)


def expired(plan: Plan, now: datetime) -> Plan:
    """The plan; rejected where it waits for people, or stands on their word, for too long."""
    waits = plan.status in _OPEN and plan.approvals_needed > 0
    return rejected(plan, "its approvals timed out") if waits and now >= plan.expires_at else plan


def approved(plan: Plan) -> bool:
    """Whether the people that the plan needs have approved, each of them once.

    Evidence that only people can give is among it: a security review that was asked for.
    """
    people = {one.person for one in plan.approvals}
    given = {one.type for one in plan.approvals}
    asked = {kind for kind in ApprovalType if kind.value in plan.required_evidence}
    asked.discard(ApprovalType.HUMAN_APPROVAL)  # every approval is one
    return len(people) >= plan.approvals_needed and asked <= given


def _judged(plan: Plan) -> Plan:
    status = ResolutionStatus.APPROVED if approved(plan) else ResolutionStatus.PROPOSED
    return replace(plan, status=status)


def _unapproved(plan: Plan) -> Plan:
    return _judged(replace(plan, approvals=()))


def _require_open(plan: Plan, done: str) -> None:
    if plan.status not in _OPEN:
        raise Conflict(
            f"the plan {plan.plan_id} is {plan.status} and cannot be {done}",
            hint="`helicarrier resolution plans` shows how plans stand.",
        )
