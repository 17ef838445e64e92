"""The SQL of the reports: aggregates for clean days, the ledger itself for all others.

A day whose mark in `dirty_days` says that its aggregates are out of date is read from the ledger
and nowhere else, and so is one whose aggregates were dropped by retention; every other day is read
from the aggregates and nowhere else. Both sides look at the same marks in the same snapshot, so no
day is missing and none is counted twice. The text is the same on SQLite and Postgres but for one
thing: how a day becomes two instants (`DIRTY_DAYS`).

Parameters: `first` and `last` are ISO days, `start` and `after` instants (the latter excluded).
"""

from helicarrier.store.addresses import Dialect

# Below the mark of retention the aggregates are gone, while the ledger is whole.
LIVE = """
SELECT bucket_date FROM dirty_days WHERE dataset = 'daily_usage_agg'
UNION
SELECT t.bucket_date
FROM ledger_totals AS t
JOIN retention_marks AS m ON m.subject = 'aggregates' AND t.bucket_date < m.kept_from
"""

# On SQLite an instant is text that begins with its day, so a day compares with it as it stands.
DIRTY_DAYS: dict[Dialect, str] = {
    "sqlite": f"""
WITH stretches AS (
    SELECT bucket_date, bucket_date AS start, DATE(bucket_date, '+1 day') AS after
    FROM ({LIVE}) AS live
    WHERE bucket_date BETWEEN :first AND :last
)
""",  # noqa: S608  constants of this module
    "postgresql": f"""
WITH stretches AS (
    SELECT
        bucket_date,
        CAST(bucket_date AS TIMESTAMP) AT TIME ZONE 'UTC' AS start,
        CAST(bucket_date + 1 AS TIMESTAMP) AT TIME ZONE 'UTC' AS after
    FROM ({LIVE}) AS live
    WHERE bucket_date BETWEEN :first AND :last
)
""",  # noqa: S608  constants of this module
}
"""Stretches of time that are read from the ledger: the days of the range without aggregates."""

WHOLE_RANGE: dict[Dialect, str] = {
    "sqlite": """
WITH stretches AS (
    SELECT NULL AS bucket_date, :start AS start, :after AS after
)
""",
    "postgresql": """
WITH stretches AS (
    SELECT
        CAST(NULL AS DATE) AS bucket_date,
        CAST(:start AS TIMESTAMPTZ) AS start,
        CAST(:after AS TIMESTAMPTZ) AS after
)
""",
}
"""In the place of `DIRTY_DAYS`: the whole range as one stretch, whatever the aggregates know."""

# Calls are first added up by session: that leaves one look at the session for all its calls, and a
# count of sessions that adds up over agents. CROSS JOIN makes SQLite take the stretches first, so
# that each of them is one range of the index. SUM of integers is NUMERIC on Postgres, hence the
# casts; money stays in its storage form.
LEDGER_CALLS = """
, by_session AS (
    SELECT
        d.bucket_date,
        u.session_id,
        u.provider,
        u.model_id,
        COALESCE(u.pricing_version, '') AS pricing_version,
        u.cost_source,
        u.cost_confidence,
        u.token_source,
        u.token_confidence,
        u.runtime_source,
        u.runtime_confidence,
        COUNT(*) AS calls,
        SUM(u.prompt_tokens) AS prompt_tokens,
        SUM(u.cache_read_tokens) AS cache_read_tokens,
        SUM(u.cache_write_5m_tokens + u.cache_write_1h_tokens) AS cache_write_tokens,
        SUM(u.completion_tokens) AS completion_tokens,
        SUM(u.reasoning_tokens) AS reasoning_tokens,
        SUM(u.total_tokens) AS total_tokens,
        COALESCE(SUM(u.cost_usd), 0) AS cost_usd,
        COUNT(*) - COUNT(u.cost_usd) AS unknown_cost_calls
    FROM stretches AS d
    CROSS JOIN session_usage AS u
    WHERE u.occurred_at >= d.start AND u.occurred_at < d.after
    GROUP BY
        d.bucket_date,
        u.session_id,
        u.provider,
        u.model_id,
        COALESCE(u.pricing_version, ''),
        u.cost_source,
        u.cost_confidence,
        u.token_source,
        u.token_confidence,
        u.runtime_source,
        u.runtime_confidence
)
SELECT
    c.bucket_date,
    s.agent_id,
    c.provider,
    c.model_id,
    c.pricing_version,
    c.cost_source,
    c.cost_confidence,
    c.token_source,
    c.token_confidence,
    c.runtime_source,
    c.runtime_confidence,
    COUNT(*) AS sessions,
    CAST(SUM(c.calls) AS BIGINT) AS calls,
    CAST(SUM(c.prompt_tokens) AS BIGINT) AS prompt_tokens,
    CAST(SUM(c.cache_read_tokens) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(c.cache_write_tokens) AS BIGINT) AS cache_write_tokens,
    CAST(SUM(c.completion_tokens) AS BIGINT) AS completion_tokens,
    CAST(SUM(c.reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    CAST(SUM(c.total_tokens) AS BIGINT) AS total_tokens,
    SUM(c.cost_usd) AS cost_usd,
    CAST(SUM(c.unknown_cost_calls) AS BIGINT) AS unknown_cost_calls
FROM by_session AS c
JOIN session_ledger AS s ON s.session_id = c.session_id
GROUP BY
    c.bucket_date,
    s.agent_id,
    c.provider,
    c.model_id,
    c.pricing_version,
    c.cost_source,
    c.cost_confidence,
    c.token_source,
    c.token_confidence,
    c.runtime_source,
    c.runtime_confidence
"""

LEDGER_SESSIONS = """
SELECT d.bucket_date, s.agent_id, s.model_id, COUNT(*) AS sessions
FROM stretches AS d
CROSS JOIN session_ledger AS s
WHERE s.started_at >= d.start AND s.started_at < d.after
GROUP BY d.bucket_date, s.agent_id, s.model_id
"""

CLEAN_DAYS_ONLY = f"""
WHERE bucket_date BETWEEN :first AND :last
    AND bucket_date NOT IN ({LIVE})
"""
"""Of an aggregate: the days of the range that are not read from the ledger."""

_TOTALS = """
    CAST(SUM(calls_total) AS BIGINT) AS calls,
    CAST(SUM(prompt_tokens_total) AS BIGINT) AS prompt_tokens,
    CAST(SUM(cache_read_tokens_total) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(cache_write_5m_tokens_total + cache_write_1h_tokens_total) AS BIGINT)
        AS cache_write_tokens,
    CAST(SUM(completion_tokens_total) AS BIGINT) AS completion_tokens,
    CAST(SUM(reasoning_tokens_total) AS BIGINT) AS reasoning_tokens,
    CAST(SUM(total_tokens_total) AS BIGINT) AS total_tokens,
    SUM(cost_usd_total) AS cost_usd,
    CAST(SUM(cost_unknown_calls) AS BIGINT) AS unknown_cost_calls
"""


def _aggregated(keys: str, sessions: str, table: str) -> str:
    """A statement over the clean days of an aggregate, added up by `keys`."""
    counted = f"CAST(SUM({sessions}) AS BIGINT) AS sessions"
    return f"SELECT {keys}, {counted}, {_TOTALS} FROM {table} {CLEAN_DAYS_ONLY} GROUP BY {keys}"  # noqa: S608  constants of this module


CLEAN_DAYS = _aggregated("bucket_date", "runs_total", "daily_usage_agg")
CLEAN_AGENT_MODELS = _aggregated("agent_id, model_id", "runs_total", "daily_usage_agg")
CLEAN_DAILY_MODELS = _aggregated("bucket_date, model_id", "runs_total", "daily_usage_agg")
CLEAN_ORIGINS = _aggregated(
    "provider, model_id, pricing_version, cost_source, cost_confidence, "
    "token_source, token_confidence, runtime_source, runtime_confidence",
    "sessions_total",
    "daily_provenance_agg",
)
CLEAN_DAILY_COSTS = _aggregated(
    "bucket_date, pricing_version, cost_source, cost_confidence",
    "sessions_total",
    "daily_provenance_agg",
)

# Each end is one step into an index. Aggregates may reach further back than the ledger, whose old
# rows may be gone; what they say of a dirty day counts for nothing.
SPAN = """
SELECT
    (SELECT MIN(occurred_at) FROM session_usage) AS first_call,
    (SELECT MAX(occurred_at) FROM session_usage) AS last_call,
    (SELECT MIN(started_at) FROM session_ledger) AS first_session,
    (SELECT MAX(started_at) FROM session_ledger) AS last_session,
    (
        SELECT bucket_date
        FROM daily_usage_agg
        WHERE bucket_date NOT IN (
            SELECT bucket_date FROM dirty_days WHERE dataset = 'daily_usage_agg'
        )
        ORDER BY bucket_date
        LIMIT 1
    ) AS first_day,
    (
        SELECT bucket_date
        FROM daily_usage_agg
        WHERE bucket_date NOT IN (
            SELECT bucket_date FROM dirty_days WHERE dataset = 'daily_usage_agg'
        )
        ORDER BY bucket_date DESC
        LIMIT 1
    ) AS last_day
"""

COUNT_DIRTY = """
SELECT COUNT(*) AS days
FROM dirty_days
WHERE dataset = 'daily_usage_agg' AND bucket_date BETWEEN :first AND :last
"""

SESSION_SPAN = """
SELECT
    (SELECT MIN(started_at) FROM session_ledger) AS first,
    (SELECT MAX(started_at) FROM session_ledger) AS last
"""

# A window is as it should be when its last day was computed and nothing came since.
CURRENT_WINDOWS = """
SELECT DISTINCT window_end
FROM model_perf_agg
WHERE window_end BETWEEN :first AND :last
    AND window_end NOT IN (
        SELECT bucket_date FROM dirty_days WHERE dataset = 'model_perf_agg'
    )
"""

_WINDOWS = """
SELECT
    window_end,
    agent_id,
    model_id,
    runs_total,
    success_count,
    failure_count,
    killed_count,
    cancelled_count,
    median_runtime_ms,
    p95_runtime_ms,
    median_cost_usd
FROM model_perf_agg
WHERE task_category = '*'
"""
WINDOW_OF_MODELS = _WINDOWS + "AND agent_id = '*' AND window_end = :last AND window_start = :first"
WINDOW_OF_AGENTS = _WINDOWS + "AND agent_id <> '*' AND window_end = :last AND window_start = :first"
DAYS_OF_MODELS = (
    _WINDOWS
    + "AND agent_id = '*' AND window_end BETWEEN :first AND :last AND window_start = window_end"
)

# The cost of a session is known when that of all its calls is. It is looked up session by session:
# grouped over a join, SQLite would walk through all sessions there are.
SESSIONS = """
SELECT
    s.started_at,
    s.agent_id,
    s.model_id,
    s.status,
    s.runtime_ms,
    (
        SELECT CASE WHEN COUNT(*) = COUNT(u.cost_usd) THEN SUM(u.cost_usd) END
        FROM session_usage AS u
        WHERE u.session_id = s.session_id
    ) AS cost_usd
FROM session_ledger AS s
WHERE s.started_at >= :start AND s.started_at < :after
"""
