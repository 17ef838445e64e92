"""Evals: providers and routing telemetry, eval runs, samples and verdicts, canary windows.

Nothing that was there is touched. Two providers are there from the start, the same on every
installation. The summary view computes each figure from the samples, with one definition of the
95th percentile: linear interpolation between the two values around it, unmeasured ones left out.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from helicarrier.store.ddl import (
    between,
    choice,
    count,
    create,
    filled,
    flag,
    foreign,
    instant,
    number,
    text,
    unique,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"
STRATEGIES = ("single_provider", "weighted", "fallback")
ACTIONS = ("continue", "warn", "reduce_weight", "disable_provider", "rollback")
GATES = (
    "schema_valid_rate",
    "patch_apply_success",
    "edit_after_generate_rate",
    "publish_conversion_proxy",
    "safety_html_tailwind_compliance",
    "fallback_rate_max",
    "p95_latency_ms_max",
)
INDEXES = (
    ("ai_provider_configs", "choice", ("environment", "enabled", sa.text("weight DESC"))),
    ("ai_training_examples", "provider", ("selected_provider", sa.text("created_at DESC"))),
    ("ai_training_examples", "strategy", ("route_strategy", sa.text("created_at DESC"))),
    ("ai_training_examples", "latency", ("selected_provider", "latency_ms")),
    ("ai_training_examples", "created_at", ("created_at",)),
    ("ai_training_examples", "session_id", ("session_id",)),
    ("ai_eval_runs", "started_at", ("started_at",)),
    ("ai_eval_samples", "run_id_selected_provider", ("run_id", "selected_provider")),
    ("ai_eval_samples", "training_example_id", ("training_example_id",)),
)


def upgrade() -> None:
    """Adds the tables, their indexes, the first providers and the view."""
    ai_provider_configs()
    ai_training_examples()
    ai_eval_runs()
    ai_eval_samples()
    ai_eval_gate_results()
    canary_windows()
    for table, name, columns in INDEXES:
        op.create_index(f"ix_{table}_{name}", table, list(columns))
    some("ai_provider_configs", "one_default", "environment", "is_default = 1", unique=True)
    some("ai_training_examples", "request_id", "request_id", "request_id IS NOT NULL")
    run_script("0004_providers.sql")
    dialect = op.get_context().dialect.name
    run_script(f"0004_summary.{dialect}.sql")
    if dialect == "postgresql":
        run_script("0004_comments.postgresql.sql")


def run_script(name: str) -> None:
    """Runs what stands in a file."""
    op.execute((SQL / name).read_text(encoding="utf-8"))


def some(table: str, name: str, column: str, condition: str, *, unique: bool = False) -> None:
    """An index of the rows that meet a condition."""
    where = sa.text(condition)
    op.create_index(
        f"ix_{table}_{name}",
        table,
        [column],
        unique=unique,
        sqlite_where=where,
        postgresql_where=where,
    )


def ai_provider_configs() -> None:
    """Where requests may go, with which weight."""
    create(
        "ai_provider_configs",
        text("id"),
        text("provider"),
        choice("environment", "prod", "staging", "dev", default="prod"),
        flag("enabled", default="1"),
        flag("is_default", default="0"),
        count("weight", default="100"),
        between("timeout_ms", 1000, 180000, default="45000"),
        between("max_retries", 0, 3, default="1"),
        text("model", null=True),
        filled("prompt_template_version", default="v1"),
        text("metadata", default="{}"),
        instant("created_at"),
        instant("updated_at"),
        key=("id",),
        constraints=(unique("ai_provider_configs", "provider", "environment"),),
    )


def ai_training_examples() -> None:
    """One row per generation, and what became of it."""
    create(
        "ai_training_examples",
        text("id"),
        choice("source", "generation", "generation_cached", "patch", "save", "publish"),
        text("prompt"),
        text("provider"),
        text("request_id", null=True),
        text("requested_provider", null=True),
        text("selected_provider", null=True),
        choice(
            "route_strategy", "single_provider", "weighted", "fallback", default="single_provider"
        ),
        text("fallback_provider", null=True),
        flag("fallback_used", default="0"),
        between("latency_ms", 0, 300000, null=True),
        filled("prompt_template_version", default="v1"),
        text("session_id", null=True),
        text("metadata", default="{}"),
        instant("created_at"),
        key=("id",),
        rules={
            "generation_has_provider": "source <> 'generation' OR (selected_provider IS NOT NULL)",
            "fallback_is_named": "(fallback_provider IS NULL) = (fallback_used = 0)",
        },
        constraints=(
            foreign(
                "ai_training_examples",
                "session_id",
                "session_ledger",
                "session_id",
                on_delete="SET NULL",
            ),
        ),
    )


def ai_eval_runs() -> None:
    """What was evaluated, and how it ended."""
    create(
        "ai_eval_runs",
        text("run_id"),
        choice("run_type", "offline", "shadow", "canary"),
        text("triggered_by"),
        text("commit_sha"),
        text("dataset_ref"),
        text("thresholds"),
        choice("status", "running", "passed", "failed", "aborted"),
        instant("started_at"),
        instant("finished_at", null=True),
        text("metadata", default="{}"),
        key=("run_id",),
        rules={
            "ended_has_end": "(finished_at IS NULL) = (status = 'running')",
        },
    )


def ai_eval_samples() -> None:
    """What every evaluated generation showed."""
    create(
        "ai_eval_samples",
        text("id"),
        text("run_id"),
        text("training_example_id", null=True),
        text("record_id"),
        text("request_id", null=True),
        text("requested_provider", null=True),
        text("selected_provider", null=True),
        choice("route_strategy", *STRATEGIES, null=True),
        flag("fallback_used", null=True),
        count("latency_ms", null=True),
        flag("schema_valid"),
        flag("patch_apply_success"),
        flag("edited_after_generate"),
        flag("published_within_7d"),
        flag("safety_html_tailwind_compliant"),
        instant("created_at"),
        text("metadata", default="{}"),
        key=("id",),
        constraints=(
            foreign("ai_eval_samples", "run_id", "ai_eval_runs", "run_id", on_delete="CASCADE"),
            foreign(
                "ai_eval_samples",
                "training_example_id",
                "ai_training_examples",
                "id",
                on_delete="SET NULL",
            ),
            unique("ai_eval_samples", "run_id", "record_id"),
        ),
    )


def ai_eval_gate_results() -> None:
    """What is known about every gate and slice."""
    create(
        "ai_eval_gate_results",
        text("run_id"),
        choice("gate", *GATES),
        text("slice_key"),
        text("slice_value"),
        choice("direction", "min", "max"),
        number("threshold"),
        number("value", null=True),
        count("n"),
        number("ci_low", null=True),
        number("ci_high", null=True),
        choice("method", "wilson", "exact", "order_statistic", "none"),
        choice("verdict", "pass", "fail", "inconclusive"),
        text("reason"),
        count("samples_needed", null=True),
        text("baseline_run_id", null=True),
        number("delta", null=True),
        number("delta_ci_low", null=True),
        number("delta_ci_high", null=True),
        key=("run_id", "gate", "slice_key", "slice_value"),
        constraints=(
            foreign(
                "ai_eval_gate_results", "run_id", "ai_eval_runs", "run_id", on_delete="CASCADE"
            ),
        ),
    )


def canary_windows() -> None:
    """What each rule said of each window of a canary."""
    create(
        "canary_windows",
        choice("environment", "prod", "staging", "dev"),
        instant("window_start"),
        instant("window_end"),
        count("requests"),
        count("samples"),
        choice("data_state", "ok", "no_data"),
        number("schema_valid_rate", null=True),
        number("patch_apply_success", null=True),
        number("safety_html_tailwind_compliance", null=True),
        number("fallback_rate", null=True),
        number("p95_latency_ms", null=True),
        text("breaches"),
        count("consecutive_breaches"),
        number("e_value", null=True),
        choice(
            "windows_verdict", "continue", "warn", "reduce_weight", "disable_provider", "rollback"
        ),
        choice(
            "eprocess_verdict", "continue", "warn", "reduce_weight", "disable_provider", "rollback"
        ),
        choice(
            "immediate_verdict", "continue", "warn", "reduce_weight", "disable_provider", "rollback"
        ),
        choice("acted", *ACTIONS),
        instant("evaluated_at"),
        text("run_id"),
        key=("environment", "window_start"),
    )
