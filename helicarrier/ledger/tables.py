"""The ledger's tables: contracts first, SQLAlchemy tables made from them.

Every row carries `run_id` (the run that wrote it) and, where it came from a file, `source_uri` and
`source_line`, so that each number can be followed back to the line that gave it.
"""

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text

from helicarrier.governance import columns as c
from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    NotBefore,
    NullExactlyWhen,
    Requires,
    SumOf,
    TableContract,
    values_of,
)
from helicarrier.governance.enums import Confidence, CostSource, ValueSource
from helicarrier.ledger.enums import (
    Dataset,
    EventType,
    FileState,
    ImportOutcome,
    SessionStatus,
)
from helicarrier.store.schema import table_of

SESSION_LEDGER = TableContract(
    name="session_ledger",
    grain="agent session",
    primary_key=("session_id",),
    columns=(
        c.text("session_id", "The producer's id of the session."),
        c.text("client_run_id", "The producer's own run id.", nullable=True),
        c.text("agent_id", "The agent that ran."),
        c.text("agent_label", "The agent's name for people.", nullable=True),
        c.text("model_id", "Primary model: the one with the most tokens among the calls."),
        c.text("task_title", "What the session was about, one line.", nullable=True),
        c.text("task_text", "The first request, cut to 4,000 characters.", nullable=True),
        c.text("task_category", "Kind of task; `uncategorized` where the source knows none."),
        c.choice("status", values_of(SessionStatus), "How the session stands or ended."),
        c.instant("started_at", "First sign of the session."),
        c.instant("ended_at", "Last sign of the session; NULL while unknown.", nullable=True),
        c.count("runtime_ms", "Wall clock from start to end.", "ms", nullable=True),
        c.count("artifact_count", "Artifacts the producer counted.", nullable=True),
        c.text("error_code", "Code of the failure.", nullable=True),
        c.text("error_message", "The failure in the producer's words.", nullable=True),
        c.text("source", "Reader or `http` that brought the session."),
        c.text("source_version", "Version of the producing tool.", nullable=True),
        c.text("source_uri", "File or endpoint it came from."),
        c.text("cwd", "Working directory of the agent.", nullable=True),
        c.text("git_branch", "Branch the agent worked on.", nullable=True),
        c.text("git_commit", "Commit the agent started from.", nullable=True),
        c.text(
            "payload_sha256",
            "Fingerprint of the canonical envelope (RFC 8785); NULL for a merged session log.",
            nullable=True,
        ),
        c.text("idempotency_key", "Key under which the session was accepted; unique."),
        Column(
            name="revision",
            kind=ColumnKind.INTEGER,
            meaning="Envelope revision; a higher one replaces the session.",
            at_least=0,
            default=0,
        ),
        c.instant("ingested_at", "When the row was last written."),
        c.run_id(),
        c.money(
            "known_cost_usd",
            "Known cost of its calls, kept by whoever writes them; NULL while none is known.",
        ),
    ),
    rules=(
        NotBefore(
            name="ended_after_start",
            earlier="started_at",
            later="ended_at",
            remedy="Import the session again; a reader let a clock run backwards.",
        ),
    ),
)

SESSION_EVENTS = TableContract(
    name="session_events",
    grain="thing that happened in a session",
    primary_key=("event_id",),
    columns=(
        c.text("event_id", "Stable id: session, then the source's own id of the event."),
        c.text("session_id", "The session."),
        c.text("source_uri", "File or endpoint it came from."),
        c.count("source_line", "Line of the file, from 1.", nullable=True),
        c.run_id(),
        c.count("seq", "Order within the source: line of the file, or place in the envelope."),
        c.choice("event_type", values_of(EventType), "What kind of thing happened."),
        c.instant("event_ts", "When it happened."),
        Column(
            name="payload_json",
            kind=ColumnKind.JSON,
            meaning="Details as one JSON object; from logs only names, ids and sizes.",
        ),
    ),
)

_COST_REMEDY = "Re-price the row's day; a cost is only written together with its provenance."

SESSION_USAGE = TableContract(
    name="session_usage",
    grain="model call",
    primary_key=("usage_id",),
    columns=(
        c.text("usage_id", "Stable key of the call, equal in every copy of it."),
        c.text("session_id", "The session that owns the call: the one that started first."),
        c.text("source_uri", "File or endpoint it came from."),
        c.count("source_line", "Line of the file, from 1.", nullable=True),
        c.run_id(),
        c.count("seq", "Order within the source: line of the file, or place in the envelope."),
        c.instant("occurred_at", "When the call was answered."),
        c.text("provider", "Who served the model."),
        c.text("model_id", "The model as the source names it."),
        *c.token_columns(),
        c.text(
            "price_context",
            "Request option that changes the price, as `speed=fast`; NULL for the list price.",
            nullable=True,
        ),
        c.count("runtime_ms", "Duration of the call.", "ms", nullable=True),
        c.money("cost_usd", "Cost of the call; NULL while unknown, never zero for unknown."),
        *c.governance_columns(),
    ),
    rules=(
        SumOf(
            name="total_is_sum",
            total="total_tokens",
            parts=(
                "prompt_tokens",
                "cache_read_tokens",
                "cache_write_5m_tokens",
                "cache_write_1h_tokens",
                "completion_tokens",
            ),
            remedy="Import the source again; the reader's token classes overlap.",
        ),
        NotBefore(
            name="reasoning_in_completion",
            earlier="reasoning_tokens",
            later="completion_tokens",
            remedy="Import the source again; completion includes reasoning.",
        ),
        Requires(
            name="cost_has_version",
            column="cost_usd",
            others=("pricing_version",),
            remedy=_COST_REMEDY,
        ),
        NullExactlyWhen(
            name="cost_has_source",
            column="cost_usd",
            flag="cost_source",
            value=CostSource.MISSING,
            remedy=_COST_REMEDY,
        ),
        NullExactlyWhen(
            name="cost_has_confidence",
            column="cost_usd",
            flag="cost_confidence",
            value=Confidence.UNKNOWN,
            remedy=_COST_REMEDY,
        ),
        NullExactlyWhen(
            name="runtime_has_source",
            column="runtime_ms",
            flag="runtime_source",
            value=ValueSource.MISSING,
            remedy="Import the source again; a runtime says who measured it.",
        ),
    ),
)

SESSION_TELLINGS = TableContract(
    name="session_tellings",
    grain="file that tells of a session which several files tell of",
    primary_key=("session_id", "source_uri"),
    columns=(
        c.text("session_id", "The session."),
        c.text("source_uri", "The file."),
        Column(
            name="telling_json",
            kind=ColumnKind.JSON,
            meaning="The session as this file alone tells it; all together make its row.",
        ),
        c.run_id(),
    ),
)

CALL_COPIES = TableContract(
    name="call_copies",
    grain="session that holds a copy of a call which several sessions hold",
    primary_key=("usage_id", "session_id"),
    columns=(
        c.text("usage_id", "The call."),
        c.text("session_id", "A session that holds a copy; the first of them to start owns it."),
        c.run_id(),
    ),
)

USAGE_COST_HISTORY = TableContract(
    name="usage_cost_history",
    grain="price that a call has had",
    primary_key=("usage_id", "seq"),
    columns=(
        c.text("usage_id", "The call."),
        c.count("seq", "0 is the first price, then one for each re-pricing."),
        c.text("pricing_version", "Price list behind this cost.", nullable=True),
        c.money("cost_usd", "The cost under that list; NULL where it has no price."),
        c.text("reason", "Why the cost was computed."),
        c.run_id(),
        c.instant("computed_at", "When it was computed."),
    ),
    rules=(
        Requires(
            name="cost_has_version",
            column="cost_usd",
            others=("pricing_version",),
            remedy=_COST_REMEDY,
        ),
    ),
)

IMPORT_REPORTS = TableContract(
    name="import_reports",
    grain="import",
    primary_key=("run_id",),
    columns=(
        c.run_id(),
        c.instant("started_at", "When the import began."),
        c.instant("finished_at", "When it ended; NULL while it runs.", nullable=True),
        c.choice(
            "outcome",
            values_of(ImportOutcome),
            "How it stands or ended; a failed one keeps what it had committed.",
        ),
        c.count("files", "Files looked at."),
        c.count("files_unchanged", "Files that cost only a stat."),
        c.count("records_read", "Source records (lines, envelopes) read."),
        c.count("records_written", "Records that gave or changed a row."),
        c.count("records_duplicate", "Records whose rows were all there."),
        c.count("records_skipped", "Records that carry nothing for the ledger."),
        c.count("records_quarantined", "Records that could not be read."),
        c.count("records_deferred", "Partial last lines of growing files."),
        c.count("sessions_new", "Sessions that came into being."),
        c.count("sessions_changed", "Sessions that changed."),
        c.count("calls_new", "Calls that came into being."),
        c.count("calls_changed", "Calls that changed."),
        c.count("events_new", "Events that came into being."),
        c.count("events_changed", "Events that changed."),
        c.count("bytes_read", "Bytes read.", "bytes"),
        Column(
            name="report_json",
            kind=ColumnKind.JSON,
            meaning="The whole report: also errors and seconds; `{}` while it runs.",
        ),
    ),
    rules=(
        NullExactlyWhen(
            name="finished_unless_running",
            column="finished_at",
            flag="outcome",
            value=ImportOutcome.RUNNING,
            remedy="Import again: that closes the reports of imports that were killed.",
        ),
        SumOf(
            name="records_add_up",
            total="records_read",
            parts=(
                "records_written",
                "records_duplicate",
                "records_skipped",
                "records_quarantined",
                "records_deferred",
            ),
            remedy="Report it as a defect: an import lost count of a record.",
        ),
    ),
)

IMPORT_FILES = TableContract(
    name="import_files",
    grain="file that was imported",
    primary_key=("path",),
    columns=(
        c.text("path", "Absolute path."),
        c.text("reader", "Reader that understood the file."),
        Column(name="inode", kind=ColumnKind.INTEGER, meaning="Inode at the last import."),
        c.count("size", "Size at the last import.", "bytes"),
        Column(
            name="mtime_ns",
            kind=ColumnKind.INTEGER,
            meaning="Modification time at the last import.",
            unit="ns",
        ),
        c.text("sha256", "Hash of the first `byte_offset` bytes."),
        c.count("byte_offset", "Bytes whose rows are committed.", "bytes"),
        c.count("line_offset", "Lines whose rows are committed."),
        c.count("bad_lines", "Bad ones among them."),
        c.count("bad_in_a_row", "Bad ones at their end, with no good one after."),
        c.choice("state", values_of(FileState), "Where the import stands."),
        Column(
            name="reader_state",
            kind=ColumnKind.JSON,
            meaning="What the reader must remember to go on at the offset.",
        ),
        c.run_id(),
        c.instant("imported_at", "When the row was last written."),
    ),
)


def _running(name: str, meaning: str, unit: str) -> Column:
    """An amount that every writer moves up or down; parity finds it where it is wrong."""
    return Column(name=name, kind=ColumnKind.INTEGER, meaning=meaning, unit=unit)


INGEST_QUARANTINE = TableContract(
    name="ingest_quarantine",
    grain="line that could not be read",
    primary_key=("source_uri", "source_line", "sha256"),
    columns=(
        c.text("source_uri", "The file."),
        c.count("source_line", "Line of the file, from 1."),
        c.text("sha256", "Hash of all bytes of the line."),
        Column(
            name="raw",
            kind=ColumnKind.BYTES,
            meaning="The bytes as found, at most the first 65,536 of them.",
        ),
        c.count("raw_bytes", "How many bytes the line has; more than `raw` where it was cut."),
        c.text("error_code", "Why it was refused."),
        c.text("error_message", "The reason in a sentence; never echoes the input."),
        c.instant("first_seen", "When it was first refused."),
        c.count("attempts", "How often it was refused."),
        c.run_id(),
    ),
)

DIRTY_DAYS = TableContract(
    name="dirty_days",
    grain="dataset and day that must be refreshed",
    primary_key=("dataset", "bucket_date"),
    columns=(
        c.choice("dataset", values_of(Dataset), "What is out of date on the day."),
        c.day("bucket_date", "The UTC day."),
        c.count("generation", "Grows when the day changes after a refresh has looked at it."),
        c.instant("marked_at", "When the day last became dirty."),
        c.run_id(),
        c.count("seen_generation", "Generation that a refresh last began with.", default=0),
    ),
)

LEDGER_TOTALS = TableContract(
    name="ledger_totals",
    grain="UTC day on which something was written",
    primary_key=("bucket_date",),
    columns=(
        c.day("bucket_date", "The UTC day of the calls, and of the starts of the sessions."),
        _running("sessions", "Sessions that started on the day.", "sessions"),
        _running("calls", "Model calls on the day.", "calls"),
        _running("total_tokens", "Tokens of the calls.", "tokens"),
        Column(
            name="cost_usd",
            kind=ColumnKind.MONEY,
            meaning="Known cost of the calls.",
            unit="USD",
        ),
        _running("cost_unknown_calls", "Calls without a known cost.", "calls"),
        c.instant("updated_at", "When the day was last written to."),
        c.run_id(),
    ),
)

AUDIT_LOG = TableContract(
    name="audit_log",
    grain="action worth defending",
    primary_key=("audit_id",),
    columns=(
        c.text("audit_id", "Id of the entry."),
        c.instant("occurred_at", "When."),
        c.text("actor", "Who: a token's name, a command, a run."),
        c.text("action", "What was done."),
        c.text("subject", "To what."),
        Column(name="details_json", kind=ColumnKind.JSON, meaning="Details as one JSON object."),
    ),
)

RUN_MARKERS = TableContract(
    name="run_markers",
    grain="table and partition that a run in progress has committed",
    primary_key=("run_id", "table_name", "partition_key"),
    columns=(
        c.run_id(),
        c.text("table_name", "The table; empty for the run as a whole: all of it is committed."),
        c.text("partition_key", "The partition, as a UTC day; empty for a table without."),
        c.count("row_count", "Rows written, over all transactions of the run.", "rows"),
        c.instant("marked_at", "When the marker was last written."),
    ),
)

API_TOKENS = TableContract(
    name="api_tokens",
    grain="access token",
    primary_key=("token_id",),
    columns=(
        c.text("token_id", "Public id of the token."),
        c.text("name", "Whose it is."),
        c.text("token_sha256", "Hash of the secret; the secret itself is shown once."),
        c.choice("scope", ("read", "ingest", "control"), "What it allows."),
        c.instant("created_at", "When it was made."),
        c.instant("expires_at", "When it ends.", nullable=True),
        c.instant("revoked_at", "When it was revoked.", nullable=True),
    ),
)


def _largest_first(column: str) -> tuple[Index, Index]:
    """The order of a list by an amount, those without one last; equal ones by their id.

    SQLite sorts NULL last in a falling order and cannot say so, Postgres has to be told.
    """
    name = f"ix_session_ledger_{column}"
    return (
        Index(name, text(f"{column} DESC"), "session_id").ddl_if(dialect="sqlite"),
        Index(name, text(f"{column} DESC NULLS LAST"), "session_id").ddl_if(dialect="postgresql"),
    )


def _session_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["session_id"], ["session_ledger.session_id"])


session_ledger = table_of(
    SESSION_LEDGER,
    UniqueConstraint("idempotency_key"),
    Index(None, "started_at"),
    Index(None, "agent_id", "started_at"),
    Index(None, "status", "started_at"),
    Index(None, "model_id", "started_at"),
    Index(None, "agent_id", "status", "started_at"),
    Index(None, "ended_at", "started_at"),
    *_largest_first("known_cost_usd"),
    *_largest_first("runtime_ms"),
)
session_events = table_of(
    SESSION_EVENTS, _session_key(), Index(None, "session_id", "seq"), rowid=False
)
session_usage = table_of(
    SESSION_USAGE,
    _session_key(),
    Index(None, "session_id", "seq"),
    Index(None, "occurred_at"),
    Index(None, "model_id", "occurred_at"),
    # Copies of a message are found by the beginning of their key, by bytes.
    Index(
        "ix_session_usage_usage_id_bytes",
        "usage_id",
        postgresql_ops={"usage_id": "text_pattern_ops"},
    ).ddl_if(dialect="postgresql"),
)
session_tellings = table_of(SESSION_TELLINGS, _session_key(), rowid=False)
call_copies = table_of(CALL_COPIES, _session_key(), Index(None, "session_id"), rowid=False)
usage_cost_history = table_of(USAGE_COST_HISTORY, rowid=False)
import_reports = table_of(IMPORT_REPORTS, Index(None, "started_at"))
import_files = table_of(IMPORT_FILES, rowid=False)
ingest_quarantine = table_of(INGEST_QUARANTINE)
dirty_days = table_of(DIRTY_DAYS, rowid=False)
ledger_totals = table_of(LEDGER_TOTALS, rowid=False)
audit_log = table_of(AUDIT_LOG, Index(None, "occurred_at"))
run_markers = table_of(RUN_MARKERS, rowid=False)
api_tokens = table_of(API_TOKENS, UniqueConstraint("token_sha256"))

CONTRACTS = (
    SESSION_LEDGER,
    SESSION_EVENTS,
    SESSION_USAGE,
    SESSION_TELLINGS,
    CALL_COPIES,
    USAGE_COST_HISTORY,
    IMPORT_REPORTS,
    IMPORT_FILES,
    INGEST_QUARANTINE,
    DIRTY_DAYS,
    LEDGER_TOTALS,
    AUDIT_LOG,
    RUN_MARKERS,
    API_TOKENS,
)
