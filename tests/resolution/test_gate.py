"""The gate: nothing is applied as shipped, and nothing where any switch says no."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from helicarrier.resolution import runtime
from helicarrier.resolution.decision_enums import Breaker
from helicarrier.resolution.enums import (
    Action,
    Environment,
    MismatchType,
    ResolutionStatus,
    SafetyLevel,
)
from helicarrier.resolution.gate import Switches, refusals
from helicarrier.resolution.policy import Rule
from helicarrier.resolution.policy_documents import default_policy
from helicarrier.resolution.records import Approval, ApprovalType, Plan, PlannedAction
from helicarrier.resolution.runtime import AutoResolve, Modes, Runtime
from tests.resolution.deciding import DAY, NOW, plan

POLICY = default_policy()
SHIPPED = Path(__file__).parents[2] / "config" / "phase2_runtime.yaml"
YES_NO = (False, True)
NO_RULE = Rule(
    mismatch_type=MismatchType.SEMANTICS_CODE,
    environments=(),
    allowed_actions=(),
    safety_level=SafetyLevel.AUTOMATIC,
    required_evidence=(),
    minimum_confidence=1.0,
    dual_key=False,
)


def agreed(kind: MismatchType, environment: Environment, action: Action) -> Plan:
    """A plan that everybody whom its rule asks for has approved."""
    rule = POLICY.rule(kind, environment) or NO_RULE
    approvals = tuple(
        Approval(user=user, at=NOW, type=type_)
        for user, type_ in product(("ada", "grace"), ApprovalType)
    )
    made = plan(
        environment=environment,
        level=rule.safety_level,
        dual_key=rule.dual_key,
        actions=(PlannedAction(action=action, artifact_id="one"),),
        evidence=rule.required_evidence,
    )
    return replace(
        made,
        approvals=approvals,
        minimum_confidence=rule.minimum_confidence,
        status=ResolutionStatus.APPROVED,
    )


def open_runtime(*, enabled: bool = True, dev: bool = True) -> Runtime:
    """The configuration that lets most through."""
    modes = Modes(dev=True) if dev else Modes()
    return Runtime(auto_resolve=AutoResolve(enabled=enabled, environments=modes))


def test_as_shipped_nothing_is_applied_whatever_else_holds() -> None:
    """Every type, environment, action and switch."""
    shipped = runtime.read(SHIPPED)
    walked = 0
    for kind, environment, action in product(MismatchType, Environment, Action):
        asked = agreed(kind, environment, action)
        for killed, tripped, agreement in product(YES_NO, YES_NO, YES_NO):
            switches = Switches(
                killed=killed,
                runtime=shipped.of(environment),
                tripped=(Breaker.COMPLAINTS,) if tripped else (),
                agreement_open=agreement,
            )
            found = refusals(asked, kind, POLICY, switches, now=NOW)
            assert "auto_resolve.enabled is false" in found
            assert f"{environment} is in shadow mode" in found
            walked += 1
    assert walked == 9 * 3 * 8 * 8


def test_only_dev_and_only_with_every_switch_on() -> None:
    """Of all combinations exactly those pass that the policy allows in dev, all switches on."""
    passed = set()
    everything = product(MismatchType, Environment, Action, YES_NO, YES_NO, YES_NO, YES_NO)
    for kind, environment, action, killed, tripped, enabled, dev in everything:
        switches = Switches(
            killed=killed,
            runtime=open_runtime(enabled=enabled, dev=dev),
            tripped=(Breaker.BUDGET,) if tripped else (),
            agreement_open=True,
        )
        asked = agreed(kind, environment, action)
        if not refusals(asked, kind, POLICY, switches, now=NOW):
            passed.add((kind, environment, action, killed, tripped, enabled, dev))
    allowed = {
        (rule.mismatch_type, Environment.DEV, action, False, False, True, True)
        for rule in POLICY.rules
        if Environment.DEV in rule.environments
        for action in rule.allowed_actions
    }
    assert passed == allowed


def why(asked: Plan, *, agreement_open: bool = True) -> str:
    """The reasons against a plan about key order where every switch is on."""
    switches = Switches(
        killed=False, runtime=open_runtime(), tripped=(), agreement_open=agreement_open
    )
    return "; ".join(refusals(asked, MismatchType.JSON_ORDERING, POLICY, switches, now=NOW))


@pytest.fixture
def free() -> Plan:
    """A plan that may be applied in dev."""
    made = agreed(MismatchType.JSON_ORDERING, Environment.DEV, Action.CANONICALIZE_JSON)
    assert why(made) == ""
    return made


@pytest.mark.parametrize(
    "status", [one for one in ResolutionStatus if one is not ResolutionStatus.APPROVED]
)
def test_plan_that_is_not_approved_is_refused(free: Plan, status: ResolutionStatus) -> None:
    """Also one that was applied before."""
    found = replace(free, status=status, applied_at=NOW)
    assert f"the plan is {status}" in why(found)


def test_status_alone_is_not_an_approval(free: Plan) -> None:
    """The people are counted again."""
    forged = replace(free, safety_level=SafetyLevel.ADVISORY, approvals=())
    assert "approvals are missing" in why(forged)
    late = replace(free, safety_level=SafetyLevel.ADVISORY, expires_at=NOW)
    assert "timed out" in why(late)
    assert why(replace(late, expires_at=NOW + DAY)) == ""


def test_stricter_policy_of_today_holds(free: Plan) -> None:
    """A plan that was made under a looser one waits."""
    assert "more confidence" in why(replace(free, minimum_confidence=0.5))
    other = (PlannedAction(action=Action.REPLACE_ARTIFACT, artifact_id="one"),)
    assert "replace_artifact is not allowed" in why(replace(free, actions=other))
    assert "nothing to do" in why(replace(free, actions=()))


def test_production_needs_the_agreement_of_the_raters(free: Plan) -> None:
    """Beside everything else."""
    assert "raters do not agree" in why(
        replace(free, environment=Environment.PROD), agreement_open=False
    )
    assert "raters" not in why(replace(free, environment=Environment.PROD))
    assert "raters" not in why(free, agreement_open=False)
