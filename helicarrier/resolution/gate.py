"""The gate before every application: all switches must say yes, and each no is told.

Pure: the switches come in as they are at this moment. A plan that its policy and its people allow
is applied only where nothing of this stands against it; otherwise its outcome says what would have
been done.
"""

from dataclasses import dataclass
from datetime import datetime

from helicarrier.resolution import plans
from helicarrier.resolution.decision_enums import Breaker
from helicarrier.resolution.enums import Environment, MismatchType, ResolutionStatus
from helicarrier.resolution.policy import Policy
from helicarrier.resolution.records import Plan
from helicarrier.resolution.runtime import KILL_SWITCH, Mode, Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Everything outside of the plan that may stop it, in one environment at one moment."""

    killed: bool
    runtime: Runtime
    tripped: tuple[Breaker, ...]
    agreement_open: bool


def refusals(
    plan: Plan, kind: MismatchType, policy: Policy, switches: Switches, *, now: datetime
) -> tuple[str, ...]:
    """Every reason why the plan must not be applied now; empty: it may."""
    return (
        *switched_off(plan.environment, kind, switches),
        *objections(plan, kind, policy, now=now),
    )


def objections(plan: Plan, kind: MismatchType, policy: Policy, *, now: datetime) -> tuple[str, ...]:
    """What would stand against the plan if every switch were on: its policy and its people."""
    return (*not_allowed(plan, kind, policy), *_not_agreed(plan, now))


def switched_off(
    environment: Environment, kind: MismatchType, switches: Switches
) -> tuple[str, ...]:
    """What stands against any plan about a type in an environment at this moment."""
    auto = switches.runtime.auto_resolve
    found = []
    if switches.killed:
        found.append(f"{KILL_SWITCH} is set")
    if not auto.enabled:
        found.append("auto_resolve.enabled is false")
    if auto.environments.of(environment) is not Mode.APPLY:
        found.append(f"{environment} is in shadow mode")
    if auto.tiers.of(kind) is None:
        found.append(f"no tier names {kind}")
    if switches.tripped:
        found.append(f"breakers hold shadow mode: {', '.join(sorted(switches.tripped))}")
    if environment is Environment.PROD and not switches.agreement_open:
        found.append("the raters do not agree enough for production")
    return tuple(found)


def not_allowed(plan: Plan, kind: MismatchType, policy: Policy) -> tuple[str, ...]:
    """The policy in force now, which may be stricter than the one the plan was made under."""
    rule = policy.rule(kind, plan.environment)
    if rule is None:
        return (f"no rule allows {kind} in {plan.environment}",)
    found = [
        f"{one.action} is not allowed for {kind} in {plan.environment}"
        for one in plan.actions
        if one.action not in rule.allowed_actions
    ]
    if not plan.actions:
        found.append("there is nothing to do")
    if plan.safety_level.rank < rule.safety_level.rank or plan.dual_key < rule.dual_key:
        found.append("the policy in force asks for a higher safety level")
    if plan.minimum_confidence < rule.minimum_confidence:
        found.append("the policy in force asks for more confidence")
    return tuple(found)


def _not_agreed(plan: Plan, now: datetime) -> tuple[str, ...]:
    if plan.status is not ResolutionStatus.APPROVED:
        return (f"the plan is {plan.status}",)
    if not plans.approved(plan):
        return ("approvals are missing",)
    if plans.expired(plan, now) is not plan:
        return ("its approvals timed out",)
    return ()
