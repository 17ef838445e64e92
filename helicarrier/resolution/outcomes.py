"""What came of a try to apply a plan: as a value, in the plan, in the log, and the bytes kept.

The words of an outcome are few, since the breakers count by them: applied, would_apply (only
switches stand against it), waiting (for people), refused (by the policy), failed, rolled_back.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from helicarrier.canonical import JSONValue, sha256
from helicarrier.errors import Conflict
from helicarrier.resolution.decision_enums import DecisionType
from helicarrier.resolution.preview import Step
from helicarrier.resolution.records import Decision, Plan, RollbackBlob
from helicarrier.times import utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a try: `outcome` is applied, would_apply, waiting, refused or failed.

    `reasons` say why nothing was applied.
    """

    plan: Plan
    outcome: str
    reasons: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def applied(self) -> bool:
        """Whether the bytes are there now."""
        return self.outcome == "applied"


def decision_of(
    plan: Plan,
    outcome: str,
    reasons: tuple[str, ...],
    now: datetime,
    *,
    actor: str,
    decision_id: str,
) -> Decision:
    """The line of the decision log for what came of a try."""
    return Decision(
        decision_id=decision_id,
        decision_type=DecisionType.RESOLUTION,
        entity_id=plan.plan_id,
        data={
            "environment": plan.environment.value,
            "outcome": outcome,
            "reasons": [*reasons],
            "actor": actor,
            "policy": f"{plan.policy_id} v{plan.policy_version}",
        },
        at=now,
    )


def blobs_of(
    plan: Plan, steps: tuple[Step, ...], now: datetime, keep: timedelta
) -> list[RollbackBlob]:
    """The bytes before the first change of each artefact, and the hash after the last."""
    found: dict[str, RollbackBlob] = {}
    for step in steps:
        if not step.changes:
            continue
        name, after = step.action.artifact_id, sha256(step.after)
        if name in found:
            found[name] = replace(found[name], after_hash=after, diff=found[name].diff + step.diff)
            continue
        found[name] = RollbackBlob(
            plan_id=plan.plan_id,
            artifact_id=name,
            before_hash=sha256(step.before),
            after_hash=after,
            content=step.before,
            diff=step.diff,
            created_at=now,
            expires_at=now + keep,
        )
    return list(found.values())


def outcome_json(
    outcome: str, reasons: tuple[str, ...], steps: tuple[Step, ...], now: datetime, run_id: str
) -> dict[str, JSONValue]:
    """The outcome of a try as the plan keeps it."""
    return {
        "status": outcome,
        "at": utc_text(now),
        "run_id": run_id,
        "artifacts": [
            {
                "artifact_id": step.action.artifact_id,
                "action": step.action.action.value,
                "before_hash": sha256(step.before),
                "after_hash": sha256(step.after),
                "impact": step.impact.as_json(),
            }
            for step in steps
        ],
        "logs": [*reasons],
        "validation": {"hashes": bool(steps), "second_time_changes_nothing": bool(steps)},
    }


def lost(plan_id: str) -> Conflict:
    """The answer to all workers but the one that the database let through."""
    return Conflict(
        f"another worker settled the plan {plan_id}, or somebody changed it",
        hint="`helicarrier resolution plans` shows how it stands.",
    )
