"""Governance: every number says where it came from, every row which run wrote it.

The seven tables of the baseline are made anew with provenance columns and the rules that guard
them, and their rows carried over; all further tables, the indexes and the search over titles and
texts are added. Days that hold calls or sessions are marked dirty, so that their aggregates are
computed again under the new rules; aggregates of days whose rows are gone are kept.

SQLite can add neither constraints nor keys to a table, so tables are set aside under another name,
made, filled and dropped, in the same way on both engines. The runner has switched foreign keys off
before the transaction (a DROP would cascade) and checks them before the commit. The file is long
because a revision is one file and spells out every table.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"
ASIDE = "_0001"

# Children before their parents: the order in which the old tables can be dropped.
OLD_TABLES = (
    "session_events",
    "session_usage",
    "session_ledger",
    "daily_usage_agg",
    "model_perf_agg",
    "alert_state",
    "alert_rules",
)
OLD_INDEXES = (
    ("session_ledger", "ix_session_ledger_started_at"),
    ("session_ledger", "ix_session_ledger_agent_id_started_at"),
    ("session_events", "ix_session_events_session_id"),
    ("session_usage", "ix_session_usage_session_id"),
    ("session_usage", "ix_session_usage_occurred_at"),
)
OLD_FOREIGN_KEYS = (
    ("session_events", "fk_session_events_session_id"),
    ("session_usage", "fk_session_usage_session_id"),
    ("alert_state", "fk_alert_state_rule_id"),
)
INDEXES = (
    ("session_ledger", ("agent_id", "started_at")),
    ("session_ledger", ("agent_id", "status", "started_at")),
    ("session_ledger", ("model_id", "started_at")),
    ("session_ledger", ("started_at",)),
    ("session_ledger", ("status", "started_at")),
    ("session_events", ("session_id", "seq")),
    ("session_usage", ("model_id", "occurred_at")),
    ("session_usage", ("occurred_at",)),
    ("session_usage", ("session_id", "seq")),
    ("call_copies", ("session_id",)),
    ("import_reports", ("started_at",)),
    ("audit_log", ("occurred_at",)),
    ("alert_state", ("lifecycle",)),
    ("alert_transitions", ("rule_id", "occurred_at")),
    ("notifications", ("state", "next_attempt_at")),
)


def upgrade() -> None:
    """Brings a baseline, empty or full, to the governed form."""
    dialect = op.get_context().dialect.name
    set_old_tables_aside(dialect)
    ledger()
    imports()
    aggregates()
    alerts()
    run_script("0002_carry_over.sql")
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
    for table in OLD_TABLES:
        op.drop_table(table + ASIDE)
    run_script(f"0002_search.{dialect}.sql")
    run_script(f"0002_dirty_days.{dialect}.sql")
    run_script(f"0002_ledger_totals.{dialect}.sql")
    if dialect == "postgresql":
        op.create_index(
            "ix_session_usage_usage_id_bytes",  # keys are looked up by their beginning, by bytes
            "session_usage",
            ["usage_id"],
            postgresql_ops={"usage_id": "text_pattern_ops"},
        )
        run_script("0002_comments.postgresql.sql")


def run_script(name: str) -> None:
    """Runs the parts of a file, which blank lines separate."""
    for statement in (SQL / name).read_text(encoding="utf-8").strip().split("\n\n"):
        op.execute(statement)


def set_old_tables_aside(dialect: str) -> None:
    """Frees the names of the old tables, their indexes and their constraints."""
    if dialect == "sqlite":
        for event in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER session_search_{event}")
        op.execute("DROP TABLE session_search")
    else:
        op.execute("DROP INDEX ix_session_ledger_search")
        for table, name in OLD_FOREIGN_KEYS:
            op.drop_constraint(name, table, type_="foreignkey")
        for table in OLD_TABLES:
            op.drop_constraint(f"pk_{table}", table, type_="primary")
    for table, name in OLD_INDEXES:
        op.drop_index(name, table_name=table)
    for table in OLD_TABLES:
        op.rename_table(table, table + ASIDE)


def ledger() -> None:
    """Sessions, events, calls with a governed cost, and every price a call has had."""
    create(
        "session_ledger",
        text("session_id"),
        text("client_run_id", null=True),
        text("agent_id"),
        text("agent_label", null=True),
        text("model_id"),
        text("task_title", null=True),
        text("task_text", null=True),
        text("task_category"),
        choice("status", "success", "failed", "killed", "cancelled", "running", "queued"),
        instant("started_at"),
        instant("ended_at", null=True),
        count("runtime_ms", null=True),
        count("artifact_count", null=True),
        text("error_code", null=True),
        text("error_message", null=True),
        text("source"),
        text("source_version", null=True),
        text("source_uri"),
        text("cwd", null=True),
        text("git_branch", null=True),
        text("git_commit", null=True),
        text("payload_sha256", null=True),
        text("idempotency_key"),
        count("revision", default="0"),
        instant("ingested_at"),
        text("run_id"),
        key=("session_id",),
        rules={
            "ended_after_start": "ended_at >= started_at",
        },
        unique=("idempotency_key",),
    )
    create(
        "session_events",
        text("event_id"),
        text("session_id"),
        text("source_uri"),
        count("source_line", null=True),
        text("run_id"),
        count("seq"),
        choice(
            "event_type", "tool_call", "message", "state_transition", "artifact", "error", "metric"
        ),
        instant("event_ts"),
        text("payload_json"),
        key=("event_id",),
        parent=("session_ledger", "session_id"),
        rowid=False,
    )
    create(
        "session_usage",
        text("usage_id"),
        text("session_id"),
        text("source_uri"),
        count("source_line", null=True),
        text("run_id"),
        count("seq"),
        instant("occurred_at"),
        text("provider"),
        text("model_id"),
        *tokens(),
        text("price_context", null=True),
        count("runtime_ms", null=True),
        money("cost_usd", null=True),
        text("pricing_version", null=True),
        *provenance(),
        instant("computed_at"),
        key=("usage_id",),
        rules={
            "total_is_sum": total_is_sum(),
            "reasoning_in_completion": "completion_tokens >= reasoning_tokens",
            "cost_has_version": "cost_usd IS NULL OR (pricing_version IS NOT NULL)",
            "cost_has_source": "(cost_usd IS NULL) = (cost_source = 'missing')",
            "cost_has_confidence": "(cost_usd IS NULL) = (cost_confidence = 'unknown')",
            "runtime_has_source": "(runtime_ms IS NULL) = (runtime_source = 'missing')",
        },
        parent=("session_ledger", "session_id"),
    )
    create(
        "session_tellings",
        text("session_id"),
        text("source_uri"),
        text("telling_json"),
        text("run_id"),
        key=("session_id", "source_uri"),
        parent=("session_ledger", "session_id"),
        rowid=False,
    )
    create(
        "call_copies",
        text("usage_id"),
        text("session_id"),
        text("run_id"),
        key=("usage_id", "session_id"),
        parent=("session_ledger", "session_id"),
        rowid=False,
    )
    create(
        "usage_cost_history",
        text("usage_id"),
        count("seq"),
        text("pricing_version", null=True),
        money("cost_usd", null=True),
        text("reason"),
        text("run_id"),
        instant("computed_at"),
        key=("usage_id", "seq"),
        rules={
            "cost_has_version": "cost_usd IS NULL OR (pricing_version IS NOT NULL)",
        },
        rowid=False,
    )


def imports() -> None:
    """What imports leave behind, days to refresh, who did what, who may do what."""
    create(
        "import_reports",
        text("run_id"),
        instant("started_at"),
        instant("finished_at", null=True),
        choice("outcome", "running", "completed", "rejected", "failed"),
        count("files"),
        count("files_unchanged"),
        count("records_read"),
        count("records_written"),
        count("records_duplicate"),
        count("records_skipped"),
        count("records_quarantined"),
        count("records_deferred"),
        count("sessions_new"),
        count("sessions_changed"),
        count("calls_new"),
        count("calls_changed"),
        count("events_new"),
        count("events_changed"),
        count("bytes_read"),
        text("report_json"),
        key=("run_id",),
        rules={
            "finished_unless_running": "(finished_at IS NULL) = (outcome = 'running')",
            "records_add_up": (
                "records_read = records_written + records_duplicate "
                "+ records_skipped + records_quarantined + records_deferred"
            ),
        },
    )
    create(
        "import_files",
        text("path"),
        text("reader"),
        integer("inode"),
        count("size"),
        integer("mtime_ns"),
        text("sha256"),
        count("byte_offset"),
        count("line_offset"),
        count("bad_lines"),
        count("bad_in_a_row"),
        choice("state", "partial", "complete"),
        text("reader_state"),
        text("run_id"),
        instant("imported_at"),
        key=("path",),
        rowid=False,
    )
    create(
        "ingest_quarantine",
        text("source_uri"),
        count("source_line"),
        text("sha256"),
        raw("raw"),
        count("raw_bytes"),
        text("error_code"),
        text("error_message"),
        instant("first_seen"),
        count("attempts"),
        text("run_id"),
        key=("source_uri", "source_line", "sha256"),
    )
    create(
        "dirty_days",
        choice("dataset", "usage_facts", "session_facts", "daily_usage_agg", "model_perf_agg"),
        day("bucket_date"),
        count("generation"),
        instant("marked_at"),
        text("run_id"),
        key=("dataset", "bucket_date"),
        rowid=False,
    )
    create(
        "ledger_totals",
        day("bucket_date"),
        integer("sessions"),
        integer("calls"),
        integer("total_tokens"),
        amount("cost_usd"),
        integer("cost_unknown_calls"),
        instant("updated_at"),
        text("run_id"),
        key=("bucket_date",),
        rowid=False,
    )
    create(
        "audit_log",
        text("audit_id"),
        instant("occurred_at"),
        text("actor"),
        text("action"),
        text("subject"),
        text("details_json"),
        key=("audit_id",),
    )
    create(
        "api_tokens",
        text("token_id"),
        text("name"),
        text("token_sha256"),
        choice("scope", "read", "ingest", "control"),
        instant("created_at"),
        instant("expires_at", null=True),
        instant("revoked_at", null=True),
        key=("token_id",),
        unique=("token_sha256",),
    )


def aggregates() -> None:
    """Daily usage, its provenance, and the performance of models."""
    create(
        "daily_usage_agg",
        day("bucket_date"),
        text("agent_id"),
        text("model_id"),
        text("task_category"),
        count("runs_total"),
        count("calls_total"),
        count("runtime_ms_total"),
        *tokens("_total"),
        money("cost_usd_total"),
        count("cost_unknown_calls"),
        instant("updated_at"),
        text("run_id"),
        key=("bucket_date", "agent_id", "model_id", "task_category"),
        rules={
            "total_is_sum": total_is_sum("_total"),
            "unknown_within_calls": "calls_total >= cost_unknown_calls",
        },
        rowid=False,
    )
    create(
        "daily_provenance_agg",
        day("bucket_date"),
        text("provider"),
        text("model_id"),
        text("pricing_version"),
        *provenance(),
        count("sessions_total"),
        count("calls_total"),
        *tokens("_total"),
        money("cost_usd_total"),
        count("cost_unknown_calls"),
        instant("updated_at"),
        text("run_id"),
        key=(
            "bucket_date",
            "provider",
            "model_id",
            "pricing_version",
            "cost_source",
            "cost_confidence",
            "token_source",
            "token_confidence",
            "runtime_source",
            "runtime_confidence",
        ),
        rules={
            "total_is_sum": total_is_sum("_total"),
        },
        rowid=False,
    )
    create(
        "model_perf_agg",
        day("window_start"),
        day("window_end"),
        text("agent_id"),
        text("task_category"),
        text("model_id"),
        count("runs_total"),
        count("success_count"),
        count("failure_count"),
        count("killed_count"),
        count("cancelled_count"),
        ranged(number("success_rate", null=True)),
        count("median_runtime_ms", null=True),
        count("p95_runtime_ms", null=True),
        money("median_cost_usd", null=True),
        flag("sample_warning"),
        instant("updated_at"),
        text("run_id"),
        key=("window_end", "window_start", "agent_id", "task_category", "model_id"),
        rules={
            "window_in_order": "window_end >= window_start",
            "success_within_runs": "runs_total >= success_count",
        },
        rowid=False,
    )
    create(
        "retention_marks",
        choice("subject", "session_events", "aggregates"),
        day("kept_from"),
        instant("updated_at"),
        text("run_id"),
        key=("subject",),
        rowid=False,
    )


def alerts() -> None:
    """Rules, states by scope, every transition, and the outbox."""
    create(
        "alert_rules",
        text("rule_id"),
        choice("metric", "daily_cost_usd", "runtime_p95_ms", "failure_rate"),
        choice("scope", "global", "agent", "model", "agent_model"),
        text("agent_id", null=True),
        text("model_id", null=True),
        number("warn_threshold"),
        number("critical_threshold"),
        choice("time_window", "5m", "1h", "24h", "7d"),
        choice("comparison", "gt", "gte"),
        count("dedup_cooldown_sec", default="300"),
        flag("enabled", default="1"),
        instant("created_at"),
        instant("updated_at"),
        key=("rule_id",),
        rules={
            "critical_above_warn": "critical_threshold >= warn_threshold",
        },
    )
    create(
        "alert_state",
        text("rule_id"),
        text("scope_key"),
        choice("status", "ok", "warning", "critical"),
        choice("lifecycle", "active", "suppressed", "resolved"),
        choice("data_state", "ok", "no_data"),
        number("last_value", null=True),
        instant("evaluated_at", null=True),
        instant("transition_at", null=True),
        instant("notified_at", null=True),
        instant("suppressed_until", null=True),
        text("fingerprint", null=True),
        text("run_id"),
        key=("rule_id", "scope_key"),
        parent=("alert_rules", "rule_id"),
        rowid=False,
    )
    create(
        "alert_transitions",
        text("transition_id"),
        text("rule_id"),
        text("scope_key"),
        instant("occurred_at"),
        choice("from_status", "ok", "warning", "critical"),
        choice("to_status", "ok", "warning", "critical"),
        choice("from_lifecycle", "active", "suppressed", "resolved"),
        choice("to_lifecycle", "active", "suppressed", "resolved"),
        number("value", null=True),
        text("reason"),
        text("run_id"),
        key=("transition_id",),
        parent=("alert_rules", "rule_id"),
    )
    create(
        "notifications",
        text("notification_id"),
        text("dedup_key"),
        text("channel"),
        text("subject"),
        text("payload_json"),
        choice("state", "pending", "delivered", "failed"),
        count("attempts"),
        instant("created_at"),
        instant("next_attempt_at", null=True),
        instant("delivered_at", null=True),
        text("last_error", null=True),
        key=("notification_id",),
        unique=("dedup_key", "channel"),
    )


def create(
    table: str,
    *columns: sa.Column,
    key: tuple[str, ...],
    rules: dict[str, str] | None = None,
    parent: tuple[str, str] | None = None,
    unique: tuple[str, ...] = (),
    rowid: bool = True,
) -> None:
    """A strict table with named constraints: the columns' own and `rules`."""
    parts: list[sa.schema.SchemaItem] = [sa.PrimaryKeyConstraint(*key, name=f"pk_{table}")]
    conditions = {name: sql for column in columns for name, sql in column.info.items()}
    for name, condition in (conditions | (rules or {})).items():
        parts.append(sa.CheckConstraint(condition, name=f"ck_{table}_{name}"))
    if parent:
        name = f"fk_{table}_{parent[1]}"
        parts.append(sa.ForeignKeyConstraint([parent[1]], [".".join(parent)], name=name))
    if unique:
        parts.append(sa.UniqueConstraint(*unique, name=f"uq_{table}_{'_'.join(unique)}"))
    op.create_table(table, *columns, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


def text(name: str, *, null: bool = False) -> sa.Column:
    """Text, JSON documents included."""
    return sa.Column(name, sa.TEXT(), nullable=null)


def integer(name: str, *, null: bool = False, default: str | None = None) -> sa.Column:
    """A whole number."""
    kind = sa.BIGINT().with_variant(sa.INTEGER(), "sqlite")
    return sa.Column(name, kind, nullable=null, server_default=default)


def count(name: str, *, null: bool = False, default: str | None = None) -> sa.Column:
    """A whole number that cannot be negative."""
    return ranged(integer(name, null=null, default=default))


def flag(name: str, *, default: str | None = None) -> sa.Column:
    """0 or 1."""
    column = count(name, default=default)
    column.info[f"{name}_limit"] = f"{name} <= 1"
    return column


def number(name: str, *, null: bool = False) -> sa.Column:
    """A floating-point number."""
    kind = sa.DOUBLE_PRECISION().with_variant(sa.REAL(), "sqlite")
    return sa.Column(name, kind, nullable=null)


def amount(name: str, *, null: bool = False) -> sa.Column:
    """Exact dollars: whole nano-dollars on SQLite."""
    kind = sa.NUMERIC(20, 9).with_variant(sa.INTEGER(), "sqlite")
    return sa.Column(name, kind, nullable=null)


def money(name: str, *, null: bool = False) -> sa.Column:
    """Dollars that cannot be negative."""
    return ranged(amount(name, null=null))


def instant(name: str, *, null: bool = False) -> sa.Column:
    """A time in UTC: fixed-width text on SQLite."""
    kind = sa.TIMESTAMP(timezone=True).with_variant(sa.TEXT(), "sqlite")
    return sa.Column(name, kind, nullable=null)


def day(name: str) -> sa.Column:
    """A UTC day: ISO text on SQLite."""
    return sa.Column(name, sa.DATE().with_variant(sa.TEXT(), "sqlite"), nullable=False)


def raw(name: str) -> sa.Column:
    """Bytes as they were found."""
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def choice(name: str, *values: str) -> sa.Column:
    """Text that is one of `values`. Not IN: SQLite would index the list anew for every row."""
    info = {f"{name}_known": " OR ".join(f"{name} = '{value}'" for value in values)}
    return sa.Column(name, sa.TEXT(), nullable=False, info=info)


def ranged(column: sa.Column) -> sa.Column:
    """The column with a rule against negative values."""
    column.info[f"{column.name}_range"] = f"{column.name} >= 0"
    return column


def tokens(suffix: str = "") -> list[sa.Column]:
    """The classes of tokens, their total last."""
    return [count(name + suffix) for name in (*TOKEN_PARTS, "reasoning_tokens", "total_tokens")]


TOKEN_PARTS = (
    "prompt_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "completion_tokens",
)


def total_is_sum(suffix: str = "") -> str:
    """The total is made of its parts; reasoning is a part of completion."""
    parts = " + ".join(name + suffix for name in TOKEN_PARTS)
    return f"total_tokens{suffix} = {parts}"


def provenance() -> list[sa.Column]:
    """Where cost, tokens and runtime come from and how far they can be trusted."""
    sources = ("provider_reported", "derived", "missing")
    confidences = ("high", "medium", "low", "unknown")
    return [
        choice(f"{value}_{what}", *allowed)
        for value in ("cost", "token", "runtime")
        for what, allowed in (("source", sources), ("confidence", confidences))
    ]
