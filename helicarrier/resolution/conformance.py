"""Policy conformance of stored plans: each one held against the policy in force, afterwards.

Whoever wrote a plan, and by whatever way its status came about: the answer follows from what is
stored. Rejected plans and those that were taken back do no harm and are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from helicarrier.resolution import gate, plans
from helicarrier.resolution.enums import MismatchType, ResolutionStatus
from helicarrier.resolution.policy import Policy
from helicarrier.resolution.records import Plan
from helicarrier.resolution.repository import MismatchRepository

_JUDGED = frozenset(
    {ResolutionStatus.PROPOSED, ResolutionStatus.APPROVED, ResolutionStatus.APPLIED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A plan that the policy in force would not allow, and why."""

    plan_id: str
    applied: bool
    reasons: tuple[str, ...]


def nonconforming(
    found: Iterable[Plan], mismatches: MismatchRepository, policy: Policy
) -> list[Breach]:
    """The plans that break the policy, in their order."""
    breaches = []
    for plan in found:
        mismatch = mismatches.get(plan.mismatch_id)
        if mismatch is None or plan.status not in _JUDGED:
            continue
        reasons = reasons_against(plan, mismatch.mismatch_type, policy)
        if reasons:
            applied = plan.status is ResolutionStatus.APPLIED
            breaches.append(Breach(plan_id=plan.plan_id, applied=applied, reasons=reasons))
    return breaches


def reasons_against(plan: Plan, kind: MismatchType, policy: Policy) -> tuple[str, ...]:
    """Every way in which a plan breaks the policy: its actions, its level, its approvals."""
    unapproved = plan.status is not ResolutionStatus.PROPOSED and not plans.approved(plan)
    missing = (f"it is {plan.status} without its approvals",) if unapproved else ()
    return (*gate.not_allowed(plan, kind, policy), *missing)
