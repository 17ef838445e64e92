"""Resolution: mismatches, plans, policies, budgets, breakers, rollback data, reviews, decisions.

Nothing that was there is touched. The database itself keeps two promises whoever writes: a mismatch
that changes says when, and the log of decisions can only grow. Vectors are stored as arrays; where
Postgres has pgvector, the column becomes one of its vectors.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from helicarrier.store.ddl import (
    between,
    binary,
    choice,
    count,
    create,
    day,
    filled,
    flag,
    foreign,
    instant,
    money,
    number,
    share,
    text,
    unique,
)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"
TYPES = (
    "whitespace",
    "markdown_formatting",
    "json_ordering",
    "semantics_text",
    "semantics_code",
    "nondeterminism",
    "policy_violation",
    "infra_env_drift",
    "numeric_epsilon",
)
ENVIRONMENTS = ("dev", "stage", "prod")
INDEXES = (
    ("mismatch", "type", ("type",)),
    ("mismatch", "run_id", ("run_id",)),
    ("mismatch", "status", ("status",)),
    ("mismatch", "confidence_score", ("confidence_score",)),
    ("mismatch", "created_at", ("created_at",)),
    ("resolution_plan", "mismatch_id", ("mismatch_id",)),
    ("resolution_plan", "status", ("status",)),
    ("resolution_plan", "run_id", ("run_id",)),
    ("resolution_plan", "created_at", ("created_at",)),
    ("resolution_budget", "environment_budget_day", ("environment", "budget_day")),
    ("resolution_budget", "environment_created_at", ("environment", "created_at")),
    ("rollback_blob", "expires_at", ("expires_at",)),
    ("outcome_review", "plan_id", ("plan_id",)),
    ("outcome_review", "reviewed_at", ("reviewed_at",)),
    ("runtime_config_version", "loaded_at", ("loaded_at",)),
    ("ai_decision_log", "entity_id_created_at", ("entity_id", "created_at")),
    ("ai_decision_log", "decision_type_created_at", ("decision_type", "created_at")),
    ("ai_decision_log", "created_at", ("created_at",)),
)
MEMBERS = (("diff_id", "evidence"), ("checkpoint_id", "provenance"))


def upgrade() -> None:
    """Adds the tables, their indexes and their triggers."""
    mismatch()
    resolution_plan()
    documents()
    resolution_budget()
    breaker_state()
    rollback_blob()
    outcome_review()
    mismatch_pattern()
    ai_decision_log()
    for table, name, columns in INDEXES:
        op.create_index(f"ix_{table}_{name}", table, list(columns))
    dialect = op.get_context().dialect.name
    for member, column in MEMBERS:
        reads = {
            "sqlite": f"json_extract({column}, '$.{member}')",
            "postgresql": f"(CAST({column} AS JSONB) ->> '{member}')",
        }
        op.create_index(f"ix_mismatch_{member}", "mismatch", [sa.text(reads[dialect])])
    op.create_index(
        "ix_resolution_policy_one_active",
        "resolution_policy",
        ["active"],
        unique=True,
        sqlite_where=sa.text("active = 1"),
        postgresql_where=sa.text("active = 1"),
    )
    run_script(f"0005_triggers.{dialect}.sql")
    if dialect == "postgresql":
        run_script("0005_vector.postgresql.sql")
        run_script("0005_comments.postgresql.sql")


def run_script(name: str) -> None:
    """Runs the parts of a file, which blank lines separate."""
    for statement in (SQL / name).read_text(encoding="utf-8").strip().split("\n\n"):
        op.execute(statement)


def mismatch() -> None:
    """Two outputs that differ."""
    create(
        "mismatch",
        text("id"),
        text("run_id"),
        text("artifact_ids"),
        choice("type", *TYPES),
        text("detectors"),
        text("evidence", default="{}"),
        choice(
            "status",
            "detected",
            "analyzing",
            "resolved",
            "inconclusive",
            "skipped",
            "failed",
            "error",
            default="detected",
        ),
        share("confidence_score", null=True),
        instant("created_at"),
        instant("updated_at"),
        text("error_code", null=True),
        text("error_message", null=True),
        text("provenance", default="{}"),
        key=("id",),
    )


def resolution_plan() -> None:
    """What may be done about a mismatch in one environment."""
    create(
        "resolution_plan",
        text("id"),
        text("mismatch_id"),
        choice("environment", *ENVIRONMENTS),
        text("policy_id"),
        between("policy_version", 1, 1_000_000),
        text("actions"),
        choice(
            "status",
            "proposed",
            "approved",
            "applied",
            "rolled_back",
            "rejected",
            "error",
            default="proposed",
        ),
        choice("safety_level", "automatic", "advisory", "experimental"),
        flag("dual_key"),
        share("minimum_confidence"),
        text("required_evidence"),
        text("approvals", default="[]"),
        text("outcome", default="{}"),
        instant("created_at"),
        instant("expires_at"),
        instant("applied_at", null=True),
        text("run_id"),
        key=("id",),
        rules={
            "applied_has_time": "status <> 'applied' OR (applied_at IS NOT NULL)",
            "expires_after_creation": "expires_at >= created_at",
        },
        constraints=(
            foreign("resolution_plan", "mismatch_id", "mismatch", "id", on_delete="CASCADE"),
        ),
    )


def documents() -> None:
    """Criteria, policies and runtime configurations, by version."""
    create(
        "equivalence_criterion",
        text("criterion_id"),
        between("version", 1, 1_000_000),
        text("body"),
        text("content_hash"),
        instant("created_at"),
        key=("criterion_id", "version"),
    )
    create(
        "resolution_policy",
        text("policy_id"),
        between("version", 1, 1_000_000),
        text("body"),
        text("content_hash"),
        flag("active", default="0"),
        instant("created_at"),
        key=("policy_id", "version"),
    )
    create(
        "runtime_config_version",
        text("id"),
        text("source"),
        text("content_hash"),
        choice("outcome", "accepted", "refused"),
        text("reason", null=True),
        text("body", null=True),
        instant("loaded_at"),
        key=("id",),
        rules={"refused_has_reason": "(reason IS NULL) = (outcome = 'accepted')"},
    )


def resolution_budget() -> None:
    """What was set aside, and what was spent of it."""
    create(
        "resolution_budget",
        text("id"),
        choice("environment", *ENVIRONMENTS),
        day("budget_day"),
        choice("operation", "analyze", "judge", "embed", "resolve"),
        text("entity_id"),
        choice("state", "reserved", "settled", "released", default="reserved"),
        money("cost_reserved_usd"),
        money("cost_settled_usd", null=True),
        count("llm_calls_reserved"),
        count("llm_calls_settled", null=True),
        count("resolutions_reserved"),
        count("resolutions_settled", null=True),
        instant("created_at"),
        instant("settled_at", null=True),
        text("run_id"),
        key=("id",),
        rules={
            "open_has_no_end": "(settled_at IS NULL) = (state = 'reserved')",
            "open_has_no_cost": "(cost_settled_usd IS NULL) = (state = 'reserved')",
            "open_has_no_calls": "(llm_calls_settled IS NULL) = (state = 'reserved')",
            "open_has_no_resolutions": "(resolutions_settled IS NULL) = (state = 'reserved')",
        },
    )


def breaker_state() -> None:
    """Where each breaker stands."""
    create(
        "breaker_state",
        choice("environment", *ENVIRONMENTS),
        choice(
            "breaker",
            "fp_rate_7d",
            "fp_rate_24h",
            "consecutive_failures",
            "kappa_overall",
            "kappa_ci_lower",
            "confidence_drop",
            "cost_spike_1h",
            "cost_spike_1d",
            "budget",
            "complaints",
            "satisfaction",
        ),
        choice("state", "closed", "open", "half_open", default="closed"),
        number("value", null=True),
        number("threshold"),
        text("reason"),
        instant("opened_at", null=True),
        instant("reevaluate_at", null=True),
        instant("hold_until", null=True),
        instant("checked_at"),
        text("run_id"),
        key=("environment", "breaker"),
        rules={
            "closed_has_no_opening": "(opened_at IS NULL) = (state = 'closed')",
            "closed_has_no_hold": "(hold_until IS NULL) = (state = 'closed')",
            "closed_has_no_reevaluation": "(reevaluate_at IS NULL) = (state = 'closed')",
        },
    )


def rollback_blob() -> None:
    """The bytes that a plan replaced."""
    create(
        "rollback_blob",
        text("plan_id"),
        text("artifact_id"),
        text("before_hash"),
        text("after_hash"),
        binary("content"),
        text("diff"),
        instant("created_at"),
        instant("expires_at"),
        instant("rolled_back_at", null=True),
        key=("plan_id", "artifact_id"),
        rules={"expires_after_creation": "expires_at >= created_at"},
        constraints=(
            foreign("rollback_blob", "plan_id", "resolution_plan", "id", on_delete="CASCADE"),
        ),
    )


def outcome_review() -> None:
    """What people say of what was done, or would have been."""
    create(
        "outcome_review",
        text("id"),
        text("plan_id"),
        choice("verdict", "correct", "false_positive", "complaint"),
        between("satisfaction", 1, 5, null=True),
        filled("reviewer"),
        text("comment", null=True),
        instant("reviewed_at"),
        key=("id",),
        constraints=(
            foreign("outcome_review", "plan_id", "resolution_plan", "id", on_delete="CASCADE"),
        ),
    )


def mismatch_pattern() -> None:
    """What was learned from mismatches that were resolved."""
    create(
        "mismatch_pattern",
        text("id"),
        choice("mismatch_type", *TYPES),
        filled("pattern_signature"),
        text("embedding", null=True),
        text("pattern_data", default="{}"),
        share("success_rate"),
        count("success_count"),
        count("usage_count"),
        share("confidence_score"),
        instant("created_at"),
        instant("updated_at"),
        key=("id",),
        rules={"successes_are_uses": "usage_count >= success_count"},
        constraints=(unique("mismatch_pattern", "mismatch_type", "pattern_signature"),),
    )


def ai_decision_log() -> None:
    """Every decision; rows are only ever added."""
    create(
        "ai_decision_log",
        text("id"),
        choice("decision_type", "analysis", "resolution", "learning"),
        text("entity_id"),
        text("model_used", null=True),
        count("input_tokens", null=True),
        count("output_tokens", null=True),
        money("cost_usd", null=True),
        count("latency_ms", null=True),
        share("confidence_score", null=True),
        text("decision_data"),
        instant("created_at"),
        key=("id",),
    )
