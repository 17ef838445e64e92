"""The SQL of the reports: aggregates for clean days, the ledger itself for dirty ones.

A day whose mark in `dirty_days` says that its aggregates are out of date is read from the ledger
and nowhere else; every other day is read from the aggregates and nowhere else. Both sides look at
the same marks in the same snapshot, so no day is missing and none is counted twice. The text is
the same on SQLite and Postgres but for one thing: how a day becomes two instants (`LIVE_DAYS`).

Parameters: `first` and `last` are ISO days, `start` and `after` instants (the latter excluded).
"""

from helicarrier.store.addresses import Dialect

# On SQLite instants are text that begins with the day, so days compare with them as they are.
LIVE_DAYS: dict[Dialect, str] = {
    "sqlite": """
WITH live_days AS (
    SELECT bucket_date, bucket_date AS start, DATE(bucket_date, '+1 day') AS after
    FROM dirty_days
    WHERE dataset = 'daily_usage_agg' AND bucket_date BETWEEN :first AND :last
)
""",
    "postgresql": """
WITH live_days AS (
    SELECT
        bucket_date,
        CAST(bucket_date AS TIMESTAMP) AT TIME ZONE 'UTC' AS start,
        CAST(bucket_date + 1 AS TIMESTAMP) AT TIME ZONE 'UTC' AS after
    FROM dirty_days
    WHERE dataset = 'daily_usage_agg' AND bucket_date BETWEEN :first AND :last
)
""",
}

_CLEAN = """
WHERE bucket_date BETWEEN :first AND :last
    AND bucket_date NOT IN (
        SELECT bucket_date FROM dirty_days WHERE dataset = 'daily_usage_agg'
    )
"""

# SUM of integers is NUMERIC on Postgres, hence the casts; money stays in its storage form.
_CLEAN_TOTALS = """
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

_LIVE_TOTALS = """
    COUNT(*) AS calls,
    CAST(SUM(u.prompt_tokens) AS BIGINT) AS prompt_tokens,
    CAST(SUM(u.cache_read_tokens) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(u.cache_write_5m_tokens + u.cache_write_1h_tokens) AS BIGINT) AS cache_write_tokens,
    CAST(SUM(u.completion_tokens) AS BIGINT) AS completion_tokens,
    CAST(SUM(u.reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    CAST(SUM(u.total_tokens) AS BIGINT) AS total_tokens,
    COALESCE(SUM(u.cost_usd), 0) AS cost_usd,
    COUNT(*) - COUNT(u.cost_usd) AS unknown_cost_calls
"""

_CLEAN_COST = """
    CAST(SUM(calls_total) AS BIGINT) AS calls,
    SUM(cost_usd_total) AS cost_usd,
    CAST(SUM(cost_unknown_calls) AS BIGINT) AS unknown_cost_calls
"""

_LIVE_COST = """
    COUNT(*) AS calls,
    COALESCE(SUM(u.cost_usd), 0) AS cost_usd,
    COUNT(*) - COUNT(u.cost_usd) AS unknown_cost_calls
"""

# CROSS JOIN makes SQLite take the days first, so that each is one range of the index.
_LIVE_CALLS = """
FROM live_days AS d
CROSS JOIN session_usage AS u
WHERE u.occurred_at >= d.start AND u.occurred_at < d.after
"""
