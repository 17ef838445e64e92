"""Mismatches, plans and what people say of them as frozen dataclasses.

A plan carries everything that its permission depends on: the actions with the hashes they start
from, the threshold and the evidence of the policy it was made under, and who approved. Whoever
changes a plan gets a new value; the rules stand in `plans`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from helicarrier.canonical import JSONValue
from helicarrier.resolution.decision_enums import DecisionType, ReviewVerdict
from helicarrier.resolution.enums import (
    Action,
    Environment,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
    SafetyLevel,
)
from helicarrier.resolution.model import is_mismatch_id, is_plan_id


class ApprovalType(StrEnum):
    """As what somebody approved."""

    HUMAN_APPROVAL = "human_approval"
    SECURITY_REVIEW = "security_review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Two outputs that differ, and what is known of it.

    `artifact_ids` are the golden one and the candidate. `evidence` and `provenance` are as the
    table has them. `confidence` is None before anything judged the pair.

    Raises:
        ValueError: the id is not one of a mismatch, or the confidence not from 0 to 1.
    """

    mismatch_id: str
    run_id: str
    artifact_ids: tuple[str, str]
    mismatch_type: MismatchType
    detectors: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    status: MismatchStatus = MismatchStatus.DETECTED
    confidence: float | None = None
    evidence: Mapping[str, JSONValue] = field(default_factory=dict)
    provenance: Mapping[str, JSONValue] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the table would refuse, with a reason; earlier records have short ids."""
        if not is_mismatch_id(self.mismatch_id, imported=True):
            message = "the id of a mismatch is mis_ and 16 hex digits"
            raise ValueError(message)
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            message = "a confidence lies from 0 to 1"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """One step of a plan, by what it does to which artefact: a plan has each such pair once.

    `before_hash` is what must be there when it is done, `after_hash` what is there then; both None
    for actions that change no bytes.
    """

    action: Action
    artifact_id: str
    before_hash: str | None = None
    after_hash: str | None = None

    @property
    def key(self) -> tuple[Action, str]:
        """What makes it one."""
        return (self.action, self.artifact_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody takes it upon them."""

    user: str
    at: datetime
    type: ApprovalType = ApprovalType.HUMAN_APPROVAL
    comment: str = ""

    @property
    def person(self) -> str:
        """Who it is, however the name was typed: two spellings are not two people."""
        return self.user.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be done about a mismatch in one environment.

    Raises:
        ValueError: the id is not one of a plan, or two actions do the same to the same artefact.
    """

    plan_id: str
    mismatch_id: str
    environment: Environment
    policy_id: str
    policy_version: int
    actions: tuple[PlannedAction, ...]
    safety_level: SafetyLevel
    dual_key: bool
    minimum_confidence: float
    required_evidence: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    run_id: str
    status: ResolutionStatus = ResolutionStatus.PROPOSED
    approvals: tuple[Approval, ...] = ()
    outcome: Mapping[str, JSONValue] = field(default_factory=dict)
    applied_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be told apart later."""
        if not is_plan_id(self.plan_id):
            message = "the id of a plan is plan_ and 16 hex digits"
            raise ValueError(message)
        if len({one.key for one in self.actions}) != len(self.actions):
            message = "two actions of a plan do the same to the same artefact"
            raise ValueError(message)

    @property
    def approvals_needed(self) -> int:
        """How many different people have to approve."""
        return self.safety_level.approvals(dual_key=self.dual_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackBlob:
    """The bytes that an action replaced, and what changed."""

    plan_id: str
    artifact_id: str
    before_hash: str
    after_hash: str
    content: bytes
    diff: str
    created_at: datetime
    expires_at: datetime
    rolled_back_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a person says of a plan's outcome; `satisfaction` is 1 to 5.

    Raises:
        ValueError: nobody says it, or the satisfaction is not from 1 to 5.
    """

    plan_id: str
    verdict: ReviewVerdict
    reviewer: str
    reviewed_at: datetime
    satisfaction: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be counted."""
        if not self.reviewer.strip():
            message = "a review names its reviewer"
            raise ValueError(message)
        if self.satisfaction is not None and not 1 <= self.satisfaction <= 5:  # noqa: PLR2004
            message = "satisfaction goes from 1 to 5"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One line of the decision log; what is unknown is None, never zero."""

    decision_id: str
    decision_type: DecisionType
    entity_id: str
    data: Mapping[str, JSONValue]
    at: datetime
    model_used: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    confidence: float | None = None
    latency_ms: int | None = None
