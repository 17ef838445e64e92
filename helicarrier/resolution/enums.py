"""The closed vocabularies of mismatch resolution; database CHECKs, policies and options read them.

A mismatch type without a rule of the policy has no permission, so a type is added here and there
together. `TRANSITIONS` is the one table of how a mismatch moves; nothing else decides that.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class MismatchType(StrEnum):
    """In what two artefacts differ; the analyzer and the row of the policy are named after it."""

    WHITESPACE = "whitespace"
    MARKDOWN_FORMATTING = "markdown_formatting"
    JSON_ORDERING = "json_ordering"
    SEMANTICS_TEXT = "semantics_text"
    SEMANTICS_CODE = "semantics_code"
    NONDETERMINISM = "nondeterminism"
    POLICY_VIOLATION = "policy_violation"
    INFRA_ENV_DRIFT = "infra_env_drift"
    NUMERIC_EPSILON = "numeric_epsilon"


class MismatchStatus(StrEnum):
    """How a mismatch stands.

    `failed` is a resolution that did not hold; `error` is a defect or an outage on the way, after
    which the analysis may be tried again.
    """

    DETECTED = "detected"
    ANALYZING = "analyzing"
    RESOLVED = "resolved"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    FAILED = "failed"
    ERROR = "error"

    def may_become(self, other: "MismatchStatus") -> bool:
        """Whether the one table of transitions has this step; staying is no step."""
        return other in TRANSITIONS[self]

    @property
    def terminal(self) -> bool:
        """Nothing follows."""
        return not TRANSITIONS[self]


TRANSITIONS: Mapping[MismatchStatus, frozenset[MismatchStatus]] = MappingProxyType(
    {
        MismatchStatus.DETECTED: frozenset(
            {MismatchStatus.ANALYZING, MismatchStatus.SKIPPED, MismatchStatus.ERROR}
        ),
        MismatchStatus.ANALYZING: frozenset(
            {
                MismatchStatus.RESOLVED,
                MismatchStatus.INCONCLUSIVE,
                MismatchStatus.SKIPPED,
                MismatchStatus.FAILED,
                MismatchStatus.ERROR,
            }
        ),
        MismatchStatus.INCONCLUSIVE: frozenset({MismatchStatus.ANALYZING, MismatchStatus.SKIPPED}),
        MismatchStatus.ERROR: frozenset({MismatchStatus.ANALYZING, MismatchStatus.FAILED}),
        MismatchStatus.RESOLVED: frozenset(),
        MismatchStatus.SKIPPED: frozenset(),
        MismatchStatus.FAILED: frozenset(),
    }
)
"""Status -> what may follow. Every status is reached from `detected`; the last three are final."""


class ResolutionStatus(StrEnum):
    """How a resolution plan stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    REJECTED = "rejected"
    ERROR = "error"


class SafetyLevel(StrEnum):
    """How much trust a resolution needs; where the policy asks for dual key it is two people."""

    AUTOMATIC = "automatic"
    ADVISORY = "advisory"
    EXPERIMENTAL = "experimental"

    def approvals(self, *, dual_key: bool = False) -> int:
        """How many different people have to approve."""
        if dual_key:
            return 2
        match self:
            case SafetyLevel.AUTOMATIC:
                return 0
            case SafetyLevel.ADVISORY | SafetyLevel.EXPERIMENTAL:
                return 1

    @property
    def rank(self) -> int:
        """0 for the least care; raising the level means a higher rank."""
        return list(SafetyLevel).index(self)


class Environment(StrEnum):
    """Where a resolution would be applied."""

    DEV = "dev"
    STAGE = "stage"
    PROD = "prod"


class ArtifactType(StrEnum):
    """What an artefact is to a reader."""

    TEXT = "text"
    JSON = "json"
    CODE = "code"
    BINARY = "binary"


class Syntax(StrEnum):
    """By which grammar the bytes of an artefact are read; `other` is read by none."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    JSON = "json"
    PYTHON = "python"
    OTHER = "other"


class Action(StrEnum):
    """What a resolution may do to an artefact or to the record of it."""

    CANONICALIZE_JSON = "canonicalize_json"
    RESERIALIZE = "reserialize"
    NORMALIZE_WHITESPACE = "normalize_whitespace"
    REWRITE_FORMATTING = "rewrite_formatting"
    UPDATE_METADATA = "update_metadata"
    IGNORE_MISMATCH = "ignore_mismatch"
    APPLY_TRANSFORM = "apply_transform"
    REPLACE_ARTIFACT = "replace_artifact"

    @property
    def destructive(self) -> bool:
        """It may lose what the author wrote, so it needs a rollback blob and care."""
        return self in _DESTRUCTIVE


_DESTRUCTIVE = frozenset(
    {Action.APPLY_TRANSFORM, Action.REPLACE_ARTIFACT, Action.REWRITE_FORMATTING}
)


class EquivalenceMethod(StrEnum):
    """How it was decided whether two artefacts are equivalent."""

    EXACT = "exact"
    CANONICAL_JSON = "canonical_json"
    MARKDOWN_HTML = "markdown_html"
    AST_NORMALIZED = "ast_normalized"
    NUMERIC_EPSILON = "numeric_epsilon"
    TEST_EXECUTION = "test_execution"
    COSINE_SIMILARITY = "cosine_similarity"
    LLM_RUBRIC_JUDGE = "llm_rubric_judge"

    @property
    def proves(self) -> bool:
        """Equal canonical forms say that nothing else differs; scores, tests and tolerances do not.

        Only a method that proves may lead to a resolution without a person.
        """
        return self in _PROVING


_PROVING = frozenset(
    {
        EquivalenceMethod.EXACT,
        EquivalenceMethod.CANONICAL_JSON,
        EquivalenceMethod.MARKDOWN_HTML,
        EquivalenceMethod.AST_NORMALIZED,
    }
)


class Verdict(StrEnum):
    """What an analyzer found; `undecidable` is neither of the others, and never a pass."""

    EQUIVALENT = "equivalent"
    NOT_EQUIVALENT = "not_equivalent"
    UNDECIDABLE = "undecidable"
