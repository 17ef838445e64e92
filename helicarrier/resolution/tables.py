"""The tables of resolution: what differs, what may be done about it, and who is to say so.

Documents inside rows are canonical JSON. A plan keeps the policy it was made under, so a later
policy changes nothing that was approved. What was decided stands in `ai_decision_log`, which the
database itself only lets grow.
"""

from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text

from helicarrier.governance import columns as c
from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    NotBefore,
    NullExactlyWhen,
    RequiredFor,
    TableContract,
    values_of,
)
from helicarrier.resolution.decision_enums import (
    Breaker,
    BreakerState,
    ConfigOutcome,
    DecisionType,
    Operation,
    ReservationState,
    ReviewVerdict,
)
from helicarrier.resolution.enums import (
    Environment,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
    SafetyLevel,
)
from helicarrier.store.schema import table_of

EMBEDDING_LENGTH = 1536
_LAST_VERSION = 1_000_000
_SETTLE = "Settle or release a reservation with all of its amounts and its time."
_CLOSE = "Close a breaker with all of its times."


def _json(name: str, meaning: str, *, default: str | None = None, nullable: bool = False) -> Column:
    return Column(
        name=name, kind=ColumnKind.JSON, meaning=meaning, default=default, nullable=nullable
    )


def _stage(name: str, enum: type[StrEnum], meaning: str, first: StrEnum) -> Column:
    return Column(
        name=name,
        kind=ColumnKind.TEXT,
        meaning=meaning,
        values=values_of(enum),
        default=first.value,
    )


def _share(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(
        name=name,
        kind=ColumnKind.REAL,
        meaning=meaning,
        at_least=0,
        at_most=1,
        nullable=nullable,
    )


def _number(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, kind=ColumnKind.REAL, meaning=meaning, nullable=nullable)


def _filled(name: str, meaning: str) -> Column:
    return Column(name=name, kind=ColumnKind.TEXT, meaning=meaning, filled=True)


def _version(name: str, meaning: str) -> Column:
    return Column(
        name=name,
        kind=ColumnKind.INTEGER,
        meaning=meaning,
        at_least=1,
        at_most=_LAST_VERSION,
    )


def _environment() -> Column:
    return c.choice("environment", values_of(Environment), "Where it would be applied.")


MISMATCH = TableContract(
    name="mismatch",
    grain="pair of outputs that differ",
    primary_key=("id",),
    columns=(
        c.text("id", "Id: `mis_` and 16 hex digits."),
        c.run_id(),
        _json("artifact_ids", "The golden artefact and the candidate, as a list of two ids."),
        c.choice("type", values_of(MismatchType), "In what they differ."),
        _json("detectors", "Who found it, as a list of names."),
        _json("evidence", "diff_id, eval_ids, cost_estimate, latency_ms.", default="{}"),
        _stage("status", MismatchStatus, "How it stands.", MismatchStatus.DETECTED),
        _share("confidence_score", "How sure the type and verdict are.", nullable=True),
        c.instant("created_at", "When it was found."),
        c.instant("updated_at", "When it last changed; the database sees to it."),
        c.text("error_code", "What went wrong.", nullable=True),
        c.text("error_message", "What went wrong, in a sentence.", nullable=True),
        _json("provenance", "seeds, model_versions, checkpoint_id.", default="{}"),
    ),
)

RESOLUTION_PLAN = TableContract(
    name="resolution_plan",
    grain="plan for a mismatch in one environment",
    primary_key=("id",),
    columns=(
        c.text("id", "Id: `plan_` and 16 hex digits."),
        c.text("mismatch_id", "The mismatch."),
        _environment(),
        c.text("policy_id", "The policy it was made under."),
        _version("policy_version", "Its version."),
        _json("actions", "What to do, in order; each can be done twice without harm."),
        _stage("status", ResolutionStatus, "How it stands.", ResolutionStatus.PROPOSED),
        c.choice("safety_level", values_of(SafetyLevel), "How much trust it needs."),
        c.flag("dual_key", "1 when two different people have to approve."),
        _share("minimum_confidence", "The threshold in force."),
        _json("required_evidence", "What has to be there, as a list of names."),
        _json("approvals", "Who approved: user, timestamp, type, comment.", default="[]"),
        _json("outcome", "What came of it: status, artifacts, logs, validation.", default="{}"),
        c.instant("created_at", "When it was made."),
        c.instant("expires_at", "Without its approvals by then it is rejected."),
        c.instant("applied_at", "When it was applied.", nullable=True),
        c.run_id(),
    ),
    rules=(
        RequiredFor(
            name="applied_has_time",
            flag="status",
            value=ResolutionStatus.APPLIED.value,
            others=("applied_at",),
            remedy="Write the time together with the status.",
        ),
        NotBefore(
            name="expires_after_creation",
            earlier="created_at",
            later="expires_at",
            remedy="Give a plan time for its approvals.",
        ),
    ),
)

EQUIVALENCE_CRITERION = TableContract(
    name="equivalence_criterion",
    grain="version of a criterion",
    primary_key=("criterion_id", "version"),
    columns=(
        c.text("criterion_id", "Id of the criterion."),
        _version("version", "Its version."),
        _json("body", "The document, which its JSON Schema has accepted."),
        c.text("content_hash", "SHA-256 of the document."),
        c.instant("created_at", "When it was stored."),
    ),
)

RESOLUTION_POLICY = TableContract(
    name="resolution_policy",
    grain="version of a policy",
    primary_key=("policy_id", "version"),
    columns=(
        c.text("policy_id", "Id of the policy."),
        _version("version", "Its version."),
        _json("body", "The document, which its JSON Schema has accepted."),
        c.text("content_hash", "SHA-256 of the document."),
        c.flag("active", "1 for the one policy in force.", default=0),
        c.instant("created_at", "When it was stored."),
    ),
)

RUNTIME_CONFIG_VERSION = TableContract(
    name="runtime_config_version",
    grain="runtime configuration that was read",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the reading."),
        c.text("source", "The file."),
        c.text("content_hash", "SHA-256 of the file."),
        c.choice("outcome", values_of(ConfigOutcome), "Whether it came into force."),
        c.text("reason", "Why it was refused.", nullable=True),
        _json("body", "What it says, where it could be read.", nullable=True),
        c.instant("loaded_at", "When it was read."),
    ),
    rules=(
        NullExactlyWhen(
            name="refused_has_reason",
            column="reason",
            flag="outcome",
            value=ConfigOutcome.ACCEPTED.value,
            remedy="Say why a configuration is refused, and only then.",
        ),
    ),
)


def _open_only(column: str, name: str) -> NullExactlyWhen:
    return NullExactlyWhen(
        name=name,
        column=column,
        flag="state",
        value=ReservationState.RESERVED.value,
        remedy=_SETTLE,
    )


RESOLUTION_BUDGET = TableContract(
    name="resolution_budget",
    grain="reservation",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the reservation."),
        _environment(),
        c.day("budget_day", "The UTC day whose budget it uses."),
        c.choice("operation", values_of(Operation), "What it is for."),
        c.text("entity_id", "The mismatch or plan."),
        _stage("state", ReservationState, "How it stands.", ReservationState.RESERVED),
        c.money("cost_reserved_usd", "Set aside.", nullable=False),
        c.money("cost_settled_usd", "Spent."),
        c.count("llm_calls_reserved", "Model calls set aside."),
        c.count("llm_calls_settled", "Model calls made.", nullable=True),
        c.count("resolutions_reserved", "Resolutions set aside."),
        c.count("resolutions_settled", "Resolutions done.", nullable=True),
        c.instant("created_at", "When it was set aside."),
        c.instant("settled_at", "When it was settled or released.", nullable=True),
        c.run_id(),
    ),
    rules=(
        _open_only("settled_at", "open_has_no_end"),
        _open_only("cost_settled_usd", "open_has_no_cost"),
        _open_only("llm_calls_settled", "open_has_no_calls"),
        _open_only("resolutions_settled", "open_has_no_resolutions"),
    ),
)


def _closed_only(column: str, name: str) -> NullExactlyWhen:
    return NullExactlyWhen(
        name=name,
        column=column,
        flag="state",
        value=BreakerState.CLOSED.value,
        remedy=_CLOSE,
    )


BREAKER_STATE = TableContract(
    name="breaker_state",
    grain="environment and breaker",
    primary_key=("environment", "breaker"),
    columns=(
        _environment(),
        c.choice("breaker", values_of(Breaker), "What it watches."),
        _stage("state", BreakerState, "Whether it lets anything through.", BreakerState.CLOSED),
        _number("value", "What was last measured; NULL: nothing to measure.", nullable=True),
        _number("threshold", "Where it trips."),
        c.text("reason", "Why it stands so, in a sentence."),
        c.instant("opened_at", "When it tripped.", nullable=True),
        c.instant("reevaluate_at", "Not before this it is looked at again.", nullable=True),
        c.instant("hold_until", "Shadow mode until then.", nullable=True),
        c.instant("checked_at", "When it was last judged."),
        c.run_id(),
    ),
    rules=(
        _closed_only("opened_at", "closed_has_no_opening"),
        _closed_only("hold_until", "closed_has_no_hold"),
        _closed_only("reevaluate_at", "closed_has_no_reevaluation"),
    ),
)

ROLLBACK_BLOB = TableContract(
    name="rollback_blob",
    grain="artefact that a plan replaced",
    primary_key=("plan_id", "artifact_id"),
    columns=(
        c.text("plan_id", "The plan."),
        c.text("artifact_id", "The artefact."),
        c.text("before_hash", "SHA-256 of the bytes that were there."),
        c.text("after_hash", "SHA-256 of the bytes that took their place."),
        Column(name="content", kind=ColumnKind.BYTES, meaning="The bytes that were there."),
        c.text("diff", "What changed, as a unified diff."),
        c.instant("created_at", "When it was kept."),
        c.instant("expires_at", "It is kept until then."),
        c.instant("rolled_back_at", "When it was put back.", nullable=True),
    ),
    rules=(
        NotBefore(
            name="expires_after_creation",
            earlier="created_at",
            later="expires_at",
            remedy="Keep rollback data for its time.",
        ),
    ),
)

OUTCOME_REVIEW = TableContract(
    name="outcome_review",
    grain="verdict of a reviewer on a plan",
    primary_key=("id",),
    columns=(
        c.text("id", "Id; follows from plan, reviewer and verdict."),
        c.text("plan_id", "The plan."),
        c.choice("verdict", values_of(ReviewVerdict), "What the reviewer says."),
        Column(
            name="satisfaction",
            kind=ColumnKind.INTEGER,
            meaning="1 (bad) to 5 (good).",
            at_least=1,
            at_most=5,
            nullable=True,
        ),
        _filled("reviewer", "Who."),
        c.text("comment", "Why.", nullable=True),
        c.instant("reviewed_at", "When."),
    ),
)

MISMATCH_PATTERN = TableContract(
    name="mismatch_pattern",
    grain="learned pattern of a mismatch type",
    primary_key=("id",),
    columns=(
        c.text("id", "Id; follows from type and signature."),
        c.choice("mismatch_type", values_of(MismatchType), "In what the pairs differ."),
        _filled("pattern_signature", "What the pairs have in common."),
        _json(
            "embedding",
            f"{EMBEDDING_LENGTH} numbers; a vector where Postgres has pgvector.",
            nullable=True,
        ),
        _json("pattern_data", "What was seen, as one JSON object.", default="{}"),
        _share("success_rate", "Resolutions that held, of all that were judged."),
        c.count("success_count", "Resolutions that held."),
        c.count("usage_count", "Resolutions that were judged."),
        _share("confidence_score", "Lower end of the success rate's 95% interval."),
        c.instant("created_at", "When it was first seen."),
        c.instant("updated_at", "When it was last seen."),
    ),
    rules=(
        NotBefore(
            name="successes_are_uses",
            earlier="success_count",
            later="usage_count",
            remedy="Count a success as a use, too.",
        ),
    ),
)

AI_DECISION_LOG = TableContract(
    name="ai_decision_log",
    grain="decision",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the decision."),
        c.choice("decision_type", values_of(DecisionType), "What was decided."),
        c.text("entity_id", "About what: a mismatch, a plan, a pattern, a breaker."),
        c.text("model_used", "Model that was asked; NULL: none.", nullable=True),
        c.count("input_tokens", "Tokens it read.", "tokens", nullable=True),
        c.count("output_tokens", "Tokens it wrote.", "tokens", nullable=True),
        c.money("cost_usd", "What it cost; NULL: unknown."),
        c.count("latency_ms", "How long it took.", "ms", nullable=True),
        _share("confidence_score", "How sure it is.", nullable=True),
        _json("decision_data", "What was decided, and on what grounds."),
        c.instant("created_at", "When."),
    ),
)


def _of_plan() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["plan_id"], ["resolution_plan.id"], ondelete="CASCADE")


def _member_indexes(column: str, member: str) -> tuple[Index, Index]:
    """One index under one name: each engine reads a member of a JSON text in its own words."""
    name = f"ix_mismatch_{member}"
    sqlite = Index(name, text(f"json_extract({column}, '$.{member}')"))
    postgres = Index(name, text(f"(CAST({column} AS JSONB) ->> '{member}')"))
    return sqlite.ddl_if(dialect="sqlite"), postgres.ddl_if(dialect="postgresql")


mismatch = table_of(
    MISMATCH,
    Index(None, "type"),
    Index(None, "run_id"),
    Index(None, "status"),
    Index(None, "confidence_score"),
    Index(None, "created_at"),
    *_member_indexes("evidence", "diff_id"),
    *_member_indexes("provenance", "checkpoint_id"),
)
resolution_plan = table_of(
    RESOLUTION_PLAN,
    ForeignKeyConstraint(["mismatch_id"], ["mismatch.id"], ondelete="CASCADE"),
    Index(None, "mismatch_id"),
    Index(None, "status"),
    Index(None, "run_id"),
    Index(None, "created_at"),
)
equivalence_criterion = table_of(EQUIVALENCE_CRITERION)
resolution_policy = table_of(
    RESOLUTION_POLICY,
    Index(
        "ix_resolution_policy_one_active",
        "active",
        unique=True,
        sqlite_where=text("active = 1"),
        postgresql_where=text("active = 1"),
    ),
)
runtime_config_version = table_of(RUNTIME_CONFIG_VERSION, Index(None, "loaded_at"))
resolution_budget = table_of(
    RESOLUTION_BUDGET,
    Index(None, "environment", "budget_day"),
    Index(None, "environment", "created_at"),
)
breaker_state = table_of(BREAKER_STATE)
rollback_blob = table_of(ROLLBACK_BLOB, _of_plan(), Index(None, "expires_at"))
outcome_review = table_of(
    OUTCOME_REVIEW, _of_plan(), Index(None, "plan_id"), Index(None, "reviewed_at")
)
mismatch_pattern = table_of(
    MISMATCH_PATTERN, UniqueConstraint("mismatch_type", "pattern_signature")
)
ai_decision_log = table_of(
    AI_DECISION_LOG,
    Index(None, "entity_id", "created_at"),
    Index(None, "decision_type", "created_at"),
    Index(None, "created_at"),
)

CONTRACTS = (
    MISMATCH,
    RESOLUTION_PLAN,
    EQUIVALENCE_CRITERION,
    RESOLUTION_POLICY,
    RUNTIME_CONFIG_VERSION,
    RESOLUTION_BUDGET,
    BREAKER_STATE,
    ROLLBACK_BLOB,
    OUTCOME_REVIEW,
    MISMATCH_PATTERN,
    AI_DECISION_LOG,
)
