"""From a pair to a mismatch, and from a mismatch to a plan or the reasons why there is none.

Pure. A plan is made where the analysis says equivalent (drift of the environment is its own answer)
and the policy allows an action that can really be done to the candidate; how it stands then follows
from its safety level. The ids follow from the content, so the same pair gives the same plan.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from helicarrier.canonical import JSONValue, sha256
from helicarrier.errors import InputRejected
from helicarrier.resolution import model, plans
from helicarrier.resolution.detector import Classified
from helicarrier.resolution.enums import (
    Action,
    Environment,
    EquivalenceMethod,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
    Verdict,
)
from helicarrier.resolution.model import Analysis, Artifact
from helicarrier.resolution.output_pairs import OutputPair
from helicarrier.resolution.policy import (
    Criterion,
    Permission,
    Policy,
    Request,
    permit,
    thresholds_of,
)
from helicarrier.resolution.preview import diff, planned
from helicarrier.resolution.records import Mismatch, Plan, PlannedAction

MASKED_CONFIDENCE = 0.9
"""How sure an equality is of which a part was masked: above what its rule asks for, no proof."""

_DIFFS = {
    MismatchType.JSON_ORDERING: "diff.json",
    MismatchType.NUMERIC_EPSILON: "diff.json",
    MismatchType.WHITESPACE: "diff.text",
    MismatchType.MARKDOWN_FORMATTING: "diff.markdown",
}
_PROOFS = {
    EquivalenceMethod.CANONICAL_JSON: "equivalence.json",
    EquivalenceMethod.MARKDOWN_HTML: "format_preservation_check",
    EquivalenceMethod.TEST_EXECUTION: "test_execution",
    EquivalenceMethod.COSINE_SIMILARITY: "cosine_sim",
    EquivalenceMethod.LLM_RUBRIC_JUDGE: "llm_rubric",
}
_LOOKS = {
    MismatchType.SEMANTICS_CODE: "ast_diff",
    MismatchType.NONDETERMINISM: "pattern_analysis",
    MismatchType.INFRA_ENV_DRIFT: "env_analysis",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What planning goes by: the rules in force, and how long people have."""

    policy: Policy
    criteria: tuple[Criterion, ...]
    environment: Environment
    approval_time: timedelta
    run_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan, or why there is none."""

    mismatch: Mismatch
    plan: Plan | None
    refusals: tuple[str, ...]


def mismatch_of(
    pair: OutputPair,
    found: Classified,
    *,
    run_id: str,
    now: datetime,
    latency_ms: int,
    linked: Iterable[str] = (),
) -> Mismatch:
    """The mismatch of a pair that was classified; `linked` are its sessions in the ledger."""
    golden, candidate, deciding = pair.golden, pair.candidate, found.deciding
    changes = "".join(diff(golden.content, candidate.content))
    evidence: dict[str, JSONValue] = {
        "diff_id": f"diff_{sha256(changes.encode())[:16]}",
        "eval_ids": list[JSONValue](),
        "cost_estimate": "0.000000000",
        "latency_ms": latency_ms,
        "golden_hash": golden.content_hash,
        "candidate_hash": candidate.content_hash,
        "syntax": None if candidate.syntax is None else candidate.syntax.value,
        "verdict": deciding.verdict.value,
        "method": deciding.method.value,
        "proven": deciding.proven,
        "names": [*sorted(evidence_of(found.asked))],
        "findings": [
            {"code": one.code, "where": one.where, "message": one.message}
            for one in deciding.findings
        ],
        "sessions": [*sorted(linked)],
    }
    return Mismatch(
        mismatch_id=model.mismatch_id(
            golden.artifact_id, golden.content_hash, candidate.artifact_id, candidate.content_hash
        ),
        run_id=run_id,
        artifact_ids=(golden.artifact_id, candidate.artifact_id),
        mismatch_type=deciding.mismatch_type,
        detectors=tuple(one.mismatch_type.value for one in found.asked),
        created_at=now,
        updated_at=now,
        status=_status(deciding),
        confidence=confidence_of(deciding),
        evidence=evidence,
        provenance=pair.provenance,
    )


def evidence_of(asked: Sequence[Analysis]) -> frozenset[str]:
    """The names of the evidence that analyses bring: diffs, looks, what was proven or scored."""
    names = set()
    for one in asked:
        if one.verdict is Verdict.UNDECIDABLE:
            continue
        names |= {
            table[one.mismatch_type] for table in (_DIFFS, _LOOKS) if one.mismatch_type in table
        }
        if one.verdict is Verdict.EQUIVALENT and one.method in _PROOFS:
            names.add(_PROOFS[one.method])
    return frozenset(names)


def confidence_of(found: Analysis) -> float | None:
    """How sure an analysis is; None where it could not decide.

    What is computed is certain, what was masked is less so, and a score is what it says.
    """
    if found.verdict is Verdict.UNDECIDABLE:
        return None
    if found.score is not None:
        return found.score
    return MASKED_CONFIDENCE if found.masked else 1.0


def propose(found: Mismatch, candidate: Artifact, deciding: Analysis, context: Context) -> Proposal:
    """The plan for a mismatch in an environment, or every reason why there is none."""
    if deciding.verdict is not Verdict.EQUIVALENT and (
        found.mismatch_type is not MismatchType.INFRA_ENV_DRIFT
    ):
        why = f"the two are {deciding.verdict} as {found.mismatch_type}"
        return Proposal(mismatch=found, plan=None, refusals=(why,))
    rule = context.policy.rule(found.mismatch_type, context.environment)
    action, impossible = _first_that_works(rule.allowed_actions if rule else (), candidate)
    permission = permit(
        context.policy,
        Request(
            mismatch_type=found.mismatch_type,
            environment=context.environment,
            actions=tuple(one.action for one in action),
            confidence=found.confidence,
            proven=deciding.proven,
            evidence=_names(found),
            thresholds=thresholds_of(context.criteria, found.mismatch_type),
        ),
    )
    if not permission.allowed or permission.rule is None:
        return Proposal(mismatch=found, plan=None, refusals=(*impossible, *permission.refusals))
    return Proposal(mismatch=found, plan=_plan(found, action, permission, context), refusals=())


def _first_that_works(
    actions: tuple[Action, ...], candidate: Artifact
) -> tuple[tuple[PlannedAction, ...], tuple[str, ...]]:
    """The first allowed action that can be done, and why those before it cannot."""
    impossible = []
    for action in actions:
        try:
            return planned((action,), candidate), ()
        except InputRejected as error:
            impossible.append(error.message)
    return (), tuple(impossible)


def _plan(
    found: Mismatch,
    actions: tuple[PlannedAction, ...],
    permission: Permission,
    context: Context,
) -> Plan:
    rule = permission.rule
    made = Plan(
        plan_id=model.plan_id(
            found.mismatch_id,
            context.environment.value,
            context.policy.policy_id,
            str(context.policy.version),
            *(f"{one.action}:{one.after_hash}" for one in actions),
        ),
        mismatch_id=found.mismatch_id,
        environment=context.environment,
        policy_id=context.policy.policy_id,
        policy_version=context.policy.version,
        actions=actions,
        safety_level=permission.safety_level,
        dual_key=permission.dual_key,
        minimum_confidence=permission.minimum_confidence,
        required_evidence=rule.required_evidence if rule else (),
        created_at=context.now,
        expires_at=context.now + context.approval_time,
        run_id=context.run_id,
    )
    return replace(made, status=ResolutionStatus.APPROVED) if plans.approved(made) else made


def _names(found: Mismatch) -> frozenset[str]:
    names = found.evidence.get("names", [])
    return frozenset(str(name) for name in names) if isinstance(names, list) else frozenset()


def _status(deciding: Analysis) -> MismatchStatus:
    """An analysis resolves the question, whatever is done about the answer."""
    undecided = deciding.verdict is Verdict.UNDECIDABLE
    return MismatchStatus.INCONCLUSIVE if undecided else MismatchStatus.RESOLVED
