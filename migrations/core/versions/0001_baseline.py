"""The baseline: seven tables for sessions, their usage and alerts.

A revision is frozen: it spells its tables out and imports none of today's declarations, so that a
database of this age can be made again at any time. Costs have no provenance yet, rows do not name
the run that wrote them, and the search knows titles only.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"

TEXT = sa.TEXT()
COUNT = sa.BIGINT().with_variant(sa.INTEGER(), "sqlite")
NUMBER = sa.DOUBLE_PRECISION().with_variant(sa.REAL(), "sqlite")
MONEY = sa.NUMERIC(20, 9).with_variant(sa.INTEGER(), "sqlite")
INSTANT = sa.TIMESTAMP(timezone=True).with_variant(sa.TEXT(), "sqlite")
DAY = sa.DATE().with_variant(sa.TEXT(), "sqlite")


def column(name: str, kind: sa.types.TypeEngine, *, null: bool = False) -> sa.Column:
    """A column; required unless `null`."""
    return sa.Column(name, kind, nullable=null)


def amount(name: str, kind: sa.types.TypeEngine = COUNT, *, null: bool = False) -> sa.Column:
    """A column that cannot be negative; `create` adds its CHECK."""
    return sa.Column(name, kind, nullable=null, info={"range": True})


def create(table: str, *parts: sa.schema.SchemaItem, key: tuple[str, ...]) -> None:
    """A strict table with a named primary key."""
    ranges = [
        sa.CheckConstraint(f"{part.name} >= 0", name=f"ck_{table}_{part.name}_range")
        for part in parts
        if isinstance(part, sa.Column) and part.info.get("range")
    ]
    op.create_table(
        table,
        *parts,
        sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
        *ranges,
        sqlite_strict=True,
    )


def check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    """A named rule."""
    return sa.CheckConstraint(condition, name=f"ck_{table}_{name}")


def belongs_to(table: str, column_name: str, parent: str) -> sa.ForeignKeyConstraint:
    """A row that goes when its parent goes."""
    return sa.ForeignKeyConstraint(
        [column_name],
        [f"{parent}.{column_name}"],
        name=f"fk_{table}_{column_name}",
        ondelete="CASCADE",
    )


def upgrade() -> None:
    """Creates the seven tables, their indexes and the search over titles."""
    sessions()
    aggregates()
    alerts()
    dialect = op.get_context().dialect.name
    script = (SQL / f"0001_search.{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.strip().split("\n\n"):
        op.execute(statement)


def sessions() -> None:
    """Sessions, their events and their model calls."""
    create(
        "session_ledger",
        column("session_id", TEXT),
        column("client_run_id", TEXT, null=True),
        column("agent_id", TEXT),
        column("agent_label", TEXT, null=True),
        column("model_id", TEXT, null=True),
        column("task_title", TEXT, null=True),
        column("task_text", TEXT, null=True),
        column("task_category", TEXT, null=True),
        column("status", TEXT),
        column("started_at", INSTANT),
        column("ended_at", INSTANT, null=True),
        amount("runtime_ms", null=True),
        column("error_message", TEXT, null=True),
        column("source", TEXT),
        column("created_at", INSTANT),
        check(
            "session_ledger",
            "status_known",
            "status IN ('success', 'failed', 'killed', 'cancelled', 'running', 'queued')",
        ),
        check("session_ledger", "ended_after_start", "ended_at >= started_at"),
        key=("session_id",),
    )
    op.create_index("ix_session_ledger_started_at", "session_ledger", ["started_at"])
    op.create_index(
        "ix_session_ledger_agent_id_started_at", "session_ledger", ["agent_id", "started_at"]
    )
    create(
        "session_events",
        column("event_id", TEXT),
        column("session_id", TEXT),
        amount("seq"),
        column("event_type", TEXT),
        column("event_ts", INSTANT),
        column("payload_json", TEXT, null=True),
        check(
            "session_events",
            "event_type_known",
            "event_type IN "
            "('tool_call', 'message', 'state_transition', 'artifact', 'error', 'metric')",
        ),
        belongs_to("session_events", "session_id", "session_ledger"),
        key=("event_id",),
    )
    op.create_index("ix_session_events_session_id", "session_events", ["session_id"])
    create(
        "session_usage",
        column("usage_id", TEXT),
        column("session_id", TEXT),
        amount("seq"),
        column("occurred_at", INSTANT),
        column("provider", TEXT, null=True),
        column("model_id", TEXT),
        amount("prompt_tokens"),
        amount("cache_read_tokens"),
        amount("cache_write_tokens"),
        amount("completion_tokens"),
        amount("total_tokens"),
        amount("runtime_ms", null=True),
        amount("cost_usd", MONEY, null=True),
        belongs_to("session_usage", "session_id", "session_ledger"),
        key=("usage_id",),
    )
    op.create_index("ix_session_usage_session_id", "session_usage", ["session_id"])
    op.create_index("ix_session_usage_occurred_at", "session_usage", ["occurred_at"])


def aggregates() -> None:
    """Daily usage and the performance of models over windows of days."""
    create(
        "daily_usage_agg",
        column("bucket_date", DAY),
        column("agent_id", TEXT),
        column("model_id", TEXT),
        column("task_category", TEXT),
        amount("runs_total"),
        amount("calls_total"),
        amount("runtime_ms_total"),
        amount("prompt_tokens_total"),
        amount("cache_read_tokens_total"),
        amount("cache_write_tokens_total"),
        amount("completion_tokens_total"),
        amount("total_tokens_total"),
        amount("cost_usd_total", MONEY, null=True),
        column("updated_at", INSTANT),
        key=("bucket_date", "agent_id", "model_id", "task_category"),
    )
    create(
        "model_perf_agg",
        column("window_start", DAY),
        column("window_end", DAY),
        column("agent_id", TEXT),
        column("task_category", TEXT),
        column("model_id", TEXT),
        amount("runs_total"),
        amount("success_count"),
        amount("failure_count"),
        amount("killed_count"),
        amount("cancelled_count"),
        amount("median_runtime_ms", null=True),
        amount("median_cost_usd", MONEY, null=True),
        column("updated_at", INSTANT),
        check("model_perf_agg", "window_in_order", "window_end >= window_start"),
        check("model_perf_agg", "success_within_runs", "runs_total >= success_count"),
        key=("window_start", "window_end", "agent_id", "task_category", "model_id"),
    )


def alerts() -> None:
    """Rules and one state for each of them."""
    create(
        "alert_rules",
        column("rule_id", TEXT),
        column("metric", TEXT),
        column("scope", TEXT),
        column("agent_id", TEXT, null=True),
        column("model_id", TEXT, null=True),
        column("warn_threshold", NUMBER),
        column("critical_threshold", NUMBER),
        column("time_window", TEXT),
        column("comparison", TEXT),
        amount("enabled"),
        column("created_at", INSTANT),
        check(
            "alert_rules",
            "metric_known",
            "metric IN ('daily_cost_usd', 'runtime_p95_ms', 'failure_rate')",
        ),
        check("alert_rules", "scope_known", "scope IN ('global', 'agent', 'model', 'agent_model')"),
        check("alert_rules", "time_window_known", "time_window IN ('5m', '1h', '24h', '7d')"),
        check("alert_rules", "comparison_known", "comparison IN ('gt', 'gte')"),
        key=("rule_id",),
    )
    create(
        "alert_state",
        column("rule_id", TEXT),
        column("status", TEXT),
        column("last_value", NUMBER, null=True),
        column("evaluated_at", INSTANT, null=True),
        column("notified_at", INSTANT, null=True),
        column("suppressed_until", INSTANT, null=True),
        check("alert_state", "status_known", "status IN ('ok', 'warning', 'critical')"),
        belongs_to("alert_state", "rule_id", "alert_rules"),
        key=("rule_id",),
    )
