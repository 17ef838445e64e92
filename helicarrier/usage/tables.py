"""The aggregate tables and the facts datasets: contracts first.

Aggregates live in the operational store and are replaced day by day in one transaction. Facts are
Parquet datasets in the lake, one partition a day; they are extracts of the ledger and can be made
again at any time.
"""

from enum import StrEnum

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
from helicarrier.ledger.enums import SessionStatus
from helicarrier.store.schema import table_of

_DAY = c.day("bucket_date", "UTC day.")
_UPDATED = c.instant("updated_at", "When the row was computed.")
_REFRESH = "Refresh the day: `helicarrier refresh --from DAY --to DAY`."
_TOTAL_PARTS = (
    "prompt_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "completion_tokens",
)


def _total_is_sum(suffix: str) -> SumOf:
    return SumOf(
        name="total_is_sum",
        total=f"total_tokens{suffix}",
        parts=tuple(part + suffix for part in _TOTAL_PARTS),
        remedy=_REFRESH,
    )


DAILY_USAGE_AGG = TableContract(
    name="daily_usage_agg",
    grain="UTC day, agent, model and task category",
    primary_key=("bucket_date", "agent_id", "model_id", "task_category"),
    columns=(
        _DAY,
        c.text("agent_id", "The agent."),
        c.text("model_id", "The call's model; for runs the session's primary model."),
        c.text("task_category", "Kind of task."),
        c.count(
            "runs_total",
            "Sessions that started on the day and whose primary model this is. Does not add up "
            "over models that only served calls.",
            "sessions",
        ),
        c.count("calls_total", "Model calls on the day.", "calls"),
        c.count("runtime_ms_total", "Wall clock of the sessions counted in runs_total.", "ms"),
        *c.token_columns("_total"),
        c.money("cost_usd_total", "Known cost of the calls.", nullable=False),
        c.count("cost_unknown_calls", "Calls without a known cost.", "calls"),
        _UPDATED,
        c.run_id(),
    ),
    rules=(
        _total_is_sum("_total"),
        NotBefore(
            name="unknown_within_calls",
            earlier="cost_unknown_calls",
            later="calls_total",
            remedy=_REFRESH,
        ),
    ),
)

DAILY_PROVENANCE_AGG = TableContract(
    name="daily_provenance_agg",
    grain="UTC day, provider, model and combination of provenance",
    primary_key=(
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
    columns=(
        _DAY,
        c.text("provider", "Who served the model."),
        c.text("model_id", "The call's model."),
        c.text("pricing_version", "Price list behind the costs; empty where there is no cost."),
        c.choice("cost_source", values_of(CostSource), "Who says what it cost."),
        c.choice("cost_confidence", values_of(Confidence), "How far the cost can be trusted."),
        c.choice("token_source", values_of(ValueSource), "Who counted the tokens."),
        c.choice("token_confidence", values_of(Confidence), "How far the counts can be trusted."),
        c.choice("runtime_source", values_of(ValueSource), "Who measured the runtime."),
        c.choice(
            "runtime_confidence", values_of(Confidence), "How far the runtime can be trusted."
        ),
        c.count("sessions_total", "Sessions with such calls on the day.", "sessions"),
        c.count("calls_total", "Model calls on the day.", "calls"),
        *c.token_columns("_total"),
        c.money("cost_usd_total", "Known cost of the calls.", nullable=False),
        c.count("cost_unknown_calls", "Calls without a known cost.", "calls"),
        _UPDATED,
        c.run_id(),
    ),
    rules=(_total_is_sum("_total"),),
)

PROVENANCE_VALUES: dict[str, tuple[str, ...]] = {
    "token_source": values_of(ValueSource),
    "token_confidence": values_of(Confidence),
    "runtime_source": values_of(ValueSource),
    "runtime_confidence": values_of(Confidence),
    "cost_source": values_of(CostSource),
    "cost_confidence": values_of(Confidence),
}
"""The columns that say who says so and how far to trust it, each with what it can say."""


def provenance_count(column: str, value: str) -> str:
    """The column of `daily_subtotals_agg` that counts the calls with a value of a column."""
    return f"{column}_{value}"


DAILY_SUBTOTALS_AGG = TableContract(
    name="daily_subtotals_agg",
    grain="UTC day, agent (or all), model (or all) and task category (or all)",
    primary_key=("bucket_date", "agent_id", "model_id", "task_category"),
    columns=(
        _DAY,
        c.text("agent_id", "The agent; empty for all."),
        c.text("model_id", "The call's model, the session's primary model; empty for all."),
        c.text("task_category", "Kind of task; empty for all."),
        c.count("runs_total", "Sessions that started on the day.", "sessions"),
        c.count("calls_total", "Model calls on the day.", "calls"),
        c.count("runtime_ms_total", "Wall clock of the sessions counted in runs_total.", "ms"),
        c.count("total_tokens_total", "Prompt, cache read, cache writes, completion.", "tokens"),
        c.money("cost_usd_total", "Known cost of the calls.", nullable=False),
        c.count("cost_unknown_calls", "Calls without a known cost.", "calls"),
        *(
            c.count(provenance_count(column, value), f"Calls whose {column} is {value}.", "calls")
            for column, values in PROVENANCE_VALUES.items()
            for value in values
        ),
        _UPDATED,
        c.run_id(),
    ),
    rules=tuple(
        SumOf(
            name=f"{column}_adds_up",
            total="calls_total",
            parts=tuple(provenance_count(column, value) for value in values),
            remedy=_REFRESH,
        )
        for column, values in PROVENANCE_VALUES.items()
    ),
)

MODEL_PERF_AGG = TableContract(
    name="model_perf_agg",
    grain="trailing window, agent (or *), task category (or *) and primary model",
    primary_key=("window_end", "window_start", "agent_id", "task_category", "model_id"),
    columns=(
        c.day("window_start", "First day of the window."),
        c.day("window_end", "Last day of the window, included."),
        c.text("agent_id", "The agent; `*` for all."),
        c.text("task_category", "Kind of task; `*` for all."),
        c.text("model_id", "Primary model of the sessions."),
        c.count("runs_total", "Sessions that started in the window.", "sessions"),
        c.count("success_count", "Sessions that succeeded.", "sessions"),
        c.count("failure_count", "Sessions that failed.", "sessions"),
        c.count("killed_count", "Sessions that were killed.", "sessions"),
        c.count("cancelled_count", "Sessions that were cancelled.", "sessions"),
        Column(
            name="success_rate",
            kind=ColumnKind.REAL,
            meaning="Successes over ended sessions; NULL while none has ended.",
            nullable=True,
            at_least=0,
        ),
        c.count("median_runtime_ms", "Median wall clock.", "ms", nullable=True),
        c.count("p95_runtime_ms", "95th percentile of the wall clock.", "ms", nullable=True),
        c.money("median_cost_usd", "Median cost of the sessions whose cost is known."),
        c.flag("sample_warning", "1 where runs_total is below 5: too few to compare."),
        _UPDATED,
        c.run_id(),
    ),
    rules=(
        NotBefore(
            name="window_in_order", earlier="window_start", later="window_end", remedy=_REFRESH
        ),
        NotBefore(
            name="success_within_runs", earlier="success_count", later="runs_total", remedy=_REFRESH
        ),
    ),
)


class RetentionSubject(StrEnum):
    """Rows that are only kept for a time."""

    SESSION_EVENTS = "session_events"
    AGGREGATES = "aggregates"


RETENTION_MARKS = TableContract(
    name="retention_marks",
    grain="kind of rows that are only kept for a time",
    primary_key=("subject",),
    columns=(
        c.choice("subject", values_of(RetentionSubject), "What was dropped."),
        c.day("kept_from", "The first UTC day whose rows are kept; parity is checked from it on."),
        c.instant("updated_at", "When the mark moved."),
        c.run_id(),
    ),
)

USAGE_FACTS = TableContract(
    name="usage_facts",
    grain="model call",
    primary_key=("usage_id",),
    columns=(
        c.text("usage_id", "Stable key of the call."),
        c.text("session_id", "The session that owns the call."),
        c.instant("occurred_at", "When the call was answered."),
        c.text("agent_id", "The agent of the session."),
        c.text("task_category", "Kind of task of the session."),
        c.text("provider", "Who served the model."),
        c.text("model_id", "The call's model."),
        *c.token_columns(),
        c.count("runtime_ms", "Duration of the call.", "ms", nullable=True),
        c.money("cost_usd", "Cost of the call; NULL while unknown."),
        *c.governance_columns()[:-1],
    ),
    rules=(
        _total_is_sum(""),
        NullExactlyWhen(
            name="cost_has_source",
            column="cost_usd",
            flag="cost_source",
            value=CostSource.MISSING,
            remedy=_REFRESH,
        ),
        Requires(
            name="cost_has_version",
            column="cost_usd",
            others=("pricing_version",),
            remedy=_REFRESH,
        ),
    ),
)

SESSION_FACTS = TableContract(
    name="session_facts",
    grain="session, on the day it started",
    primary_key=("session_id",),
    columns=(
        c.text("session_id", "The session."),
        c.instant("started_at", "First sign of the session."),
        c.text("agent_id", "The agent."),
        c.text("task_category", "Kind of task."),
        c.text("model_id", "Primary model."),
        c.choice("status", values_of(SessionStatus), "How the session stands or ended."),
        c.count("runtime_ms", "Wall clock from start to end.", "ms", nullable=True),
        c.count("calls_total", "Model calls of the session, on any day.", "calls"),
        c.count("cost_unknown_calls", "Calls without a known cost.", "calls"),
        c.money("cost_usd", "Cost of the session; NULL while any of its calls has none."),
    ),
)

daily_usage_agg = table_of(DAILY_USAGE_AGG, rowid=False)
daily_provenance_agg = table_of(DAILY_PROVENANCE_AGG, rowid=False)
daily_subtotals_agg = table_of(DAILY_SUBTOTALS_AGG, rowid=False)
model_perf_agg = table_of(MODEL_PERF_AGG, rowid=False)
retention_marks = table_of(RETENTION_MARKS, rowid=False)

CONTRACTS = (
    DAILY_USAGE_AGG,
    DAILY_PROVENANCE_AGG,
    DAILY_SUBTOTALS_AGG,
    MODEL_PERF_AGG,
    RETENTION_MARKS,
)
FACTS = (USAGE_FACTS, SESSION_FACTS)
