"""Mismatches and plans for the tests of deciding, made alike everywhere."""

from datetime import UTC, datetime, timedelta

from helicarrier.canonical import JSONValue
from helicarrier.resolution import model
from helicarrier.resolution.decision_enums import DecisionType
from helicarrier.resolution.enums import (
    Action,
    Environment,
    MismatchStatus,
    MismatchType,
    SafetyLevel,
)
from helicarrier.resolution.records import Approval, Decision, Mismatch, Plan, PlannedAction

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def mismatch(
    name: str = "one",
    *,
    kind: MismatchType = MismatchType.JSON_ORDERING,
    confidence: float | None = 1.0,
    at: datetime = NOW,
    run_id: str = "run",
    evidence: dict[str, JSONValue] | None = None,
) -> Mismatch:
    """A mismatch of two artefacts that are named after it."""
    return Mismatch(
        mismatch_id=model.mismatch_id(name),
        run_id=run_id,
        artifact_ids=(f"{name}-golden", f"{name}-candidate"),
        mismatch_type=kind,
        detectors=(kind.value,),
        created_at=at,
        updated_at=at,
        status=MismatchStatus.RESOLVED,
        confidence=confidence,
        evidence={"diff_id": f"diff-{name}"} if evidence is None else evidence,
        provenance={"checkpoint_id": f"checkpoint-{name}"},
    )


def plan(
    name: str = "one",
    *,
    environment: Environment = Environment.DEV,
    level: SafetyLevel = SafetyLevel.ADVISORY,
    dual_key: bool = False,
    actions: tuple[PlannedAction, ...] | None = None,
    evidence: tuple[str, ...] = (),
) -> Plan:
    """A plan for `mismatch(name)`."""
    return Plan(
        plan_id=model.plan_id(name, environment),
        mismatch_id=model.mismatch_id(name),
        environment=environment,
        policy_id="policy.phase2.default",
        policy_version=1,
        actions=(step(name),) if actions is None else actions,
        safety_level=level,
        dual_key=dual_key,
        minimum_confidence=0.95,
        required_evidence=evidence,
        created_at=NOW,
        expires_at=NOW + DAY,
        run_id="run",
    )


def step(name: str = "one", action: Action = Action.CANONICALIZE_JSON) -> PlannedAction:
    """An action on the candidate."""
    return PlannedAction(
        action=action, artifact_id=f"{name}-candidate", before_hash="b", after_hash="a"
    )


def approval(user: str, *, at: datetime = NOW) -> Approval:
    """A person's approval."""
    return Approval(user=user, at=at)


def decision(number: int = 1, entity: str = "one") -> Decision:
    """A line of the log."""
    return Decision(
        decision_id=f"decision-{number}",
        decision_type=DecisionType.RESOLUTION,
        entity_id=entity,
        data={"allowed": False},
        at=NOW,
    )
