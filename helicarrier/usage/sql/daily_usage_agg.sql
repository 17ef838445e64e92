-- daily_usage_agg: usage of each wanted day by agent, model and task category.
--
-- Reads usage_facts and session_facts (partitioned by day) and wanted_days (bucket_date).
-- Calls, tokens and cost fall on the day and the model of the call; runs and their wall clock on
-- the day the session started and on its primary model. A session without calls is still a run,
-- and a model that only served calls has no runs: hence the full join.
WITH calls AS (
    SELECT
        day AS bucket_date,
        agent_id,
        model_id,
        task_category,
        COUNT(*) AS calls_total,
        SUM(prompt_tokens) AS prompt_tokens_total,
        SUM(cache_read_tokens) AS cache_read_tokens_total,
        SUM(cache_write_5m_tokens) AS cache_write_5m_tokens_total,
        SUM(cache_write_1h_tokens) AS cache_write_1h_tokens_total,
        SUM(completion_tokens) AS completion_tokens_total,
        SUM(reasoning_tokens) AS reasoning_tokens_total,
        SUM(total_tokens) AS total_tokens_total,
        SUM(cost_usd) AS cost_usd_total,
        COUNT(*) - COUNT(cost_usd) AS cost_unknown_calls
    FROM usage_facts
    WHERE day IN (SELECT bucket_date FROM wanted_days)
    GROUP BY day, agent_id, model_id, task_category
),
runs AS (
    SELECT
        day AS bucket_date,
        agent_id,
        model_id,
        task_category,
        COUNT(*) AS runs_total,
        SUM(runtime_ms) AS runtime_ms_total
    FROM session_facts
    WHERE day IN (SELECT bucket_date FROM wanted_days)
    GROUP BY day, agent_id, model_id, task_category
)
SELECT
    bucket_date,
    agent_id,
    model_id,
    task_category,
    CAST(COALESCE(runs_total, 0) AS BIGINT) AS runs_total,
    CAST(COALESCE(calls_total, 0) AS BIGINT) AS calls_total,
    CAST(COALESCE(runtime_ms_total, 0) AS BIGINT) AS runtime_ms_total,
    CAST(COALESCE(prompt_tokens_total, 0) AS BIGINT) AS prompt_tokens_total,
    CAST(COALESCE(cache_read_tokens_total, 0) AS BIGINT) AS cache_read_tokens_total,
    CAST(COALESCE(cache_write_5m_tokens_total, 0) AS BIGINT) AS cache_write_5m_tokens_total,
    CAST(COALESCE(cache_write_1h_tokens_total, 0) AS BIGINT) AS cache_write_1h_tokens_total,
    CAST(COALESCE(completion_tokens_total, 0) AS BIGINT) AS completion_tokens_total,
    CAST(COALESCE(reasoning_tokens_total, 0) AS BIGINT) AS reasoning_tokens_total,
    CAST(COALESCE(total_tokens_total, 0) AS BIGINT) AS total_tokens_total,
    CAST(COALESCE(cost_usd_total, 0) AS DECIMAL(20, 9)) AS cost_usd_total,
    CAST(COALESCE(cost_unknown_calls, 0) AS BIGINT) AS cost_unknown_calls,
    CAST($updated_at AS TIMESTAMPTZ) AS updated_at,
    CAST($run_id AS VARCHAR) AS run_id
FROM calls
FULL JOIN runs USING (bucket_date, agent_id, model_id, task_category)
ORDER BY bucket_date, agent_id, model_id, task_category
