"""The policy engine: what may be done about a mismatch, by whom, and on which evidence.

Pure: a policy, a request, an answer with its reasons. What no rule names is not allowed. Where two
thresholds apply, the stricter one holds. `automatic` takes a proof: without one the level rises to
advisory, and no score and no pattern ever lowers it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from helicarrier.resolution.enums import (
    Action,
    ArtifactType,
    Environment,
    EquivalenceMethod,
    MismatchType,
    SafetyLevel,
)
from helicarrier.resolution.records import ApprovalType

BY_PEOPLE = frozenset({*(kind.value for kind in ApprovalType), "dual_key"})
"""Evidence that is given by approving: no analysis can bring it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a policy."""

    mismatch_type: MismatchType
    environments: tuple[Environment, ...]
    allowed_actions: tuple[Action, ...]
    safety_level: SafetyLevel
    required_evidence: tuple[str, ...]
    minimum_confidence: float
    dual_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A version of a policy.

    Raises:
        ValueError: two rules speak of the same type in the same environment.
    """

    policy_id: str
    version: int
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        """Refuse what could be read in two ways."""
        rows = [(rule.mismatch_type, each) for rule in self.rules for each in rule.environments]
        twice = sorted({f"{kind} in {each}" for kind, each in rows if rows.count((kind, each)) > 1})
        if twice:
            message = f"two rules speak of {', '.join(twice)}"
            raise ValueError(message)

    def rule(self, kind: MismatchType, environment: Environment) -> Rule | None:
        """The one rule of a type in an environment; None: no permission."""
        for rule in self.rules:
            if rule.mismatch_type is kind and environment in rule.environments:
                return rule
        return None

    def unruled(self) -> tuple[MismatchType, ...]:
        """The types that no rule names in any environment; a policy in force has none."""
        return tuple(
            kind
            for kind in MismatchType
            if all(self.rule(kind, environment) is None for environment in Environment)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A version of a criterion: by which method artefacts of a type count as equal."""

    criterion_id: str
    version: int
    artifact_type: ArtifactType
    mismatch_types: tuple[MismatchType, ...]
    method: EquivalenceMethod
    minimum_confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody would like to do: `proven` says that the pair is equal by a proof.

    `evidence` are the names of what is there; `thresholds` whatever else asks for confidence.
    """

    mismatch_type: MismatchType
    environment: Environment
    actions: tuple[Action, ...]
    confidence: float | None
    proven: bool
    evidence: frozenset[str]
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The answer: what the plan has to carry, and why it is not allowed where it is not."""

    rule: Rule | None
    safety_level: SafetyLevel
    dual_key: bool
    minimum_confidence: float
    refusals: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether a plan may be made; approvals come after."""
        return not self.refusals


def permit(policy: Policy, request: Request) -> Permission:
    """What the policy says of a request, with every reason against it."""
    rule = policy.rule(request.mismatch_type, request.environment)
    if rule is None:
        return Permission(
            rule=None,
            safety_level=SafetyLevel.EXPERIMENTAL,
            dual_key=True,
            minimum_confidence=1.0,
            refusals=(f"no rule allows {request.mismatch_type} in {request.environment}",),
        )
    threshold = strictest(rule.minimum_confidence, request.thresholds)
    return Permission(
        rule=rule,
        safety_level=_level(rule, request),
        dual_key=rule.dual_key,
        minimum_confidence=threshold,
        refusals=tuple(_refusals(rule, request, threshold)),
    )


def strictest(first: float, others: Iterable[float]) -> float:
    """The highest of the thresholds that apply."""
    return max((first, *others))


def thresholds_of(criteria: Iterable[Criterion], kind: MismatchType) -> tuple[float, ...]:
    """What the criteria of a type ask for."""
    return tuple(one.minimum_confidence for one in criteria if kind in one.mismatch_types)


def _level(rule: Rule, request: Request) -> SafetyLevel:
    if rule.safety_level is SafetyLevel.AUTOMATIC and not request.proven:
        return SafetyLevel.ADVISORY
    return rule.safety_level


def _refusals(rule: Rule, request: Request, threshold: float) -> Iterable[str]:
    if not request.actions:
        yield "there is nothing to do"
    for action in request.actions:
        if action not in rule.allowed_actions:
            yield f"{action} is not allowed for {rule.mismatch_type} in {request.environment}"
    if request.confidence is None:
        yield f"the confidence is unknown; {threshold} is needed"
    elif request.confidence < threshold:
        yield f"the confidence {request.confidence} is below {threshold}"
    missing = sorted(set(rule.required_evidence) - BY_PEOPLE - request.evidence)
    if missing:
        yield f"evidence is missing: {', '.join(missing)}"
