-- daily_subtotals_agg: usage of each wanted day as every filter by agent, model and task sees it.
--
-- Reads usage_facts and session_facts (partitioned by day) and wanted_days (bucket_date). An empty
-- key stands for all; so an agent, a model or a category with an empty name counts in the totals
-- only. Calls, tokens and cost fall on the day and the model of the call; runs and their wall clock
-- on the day the session started and on its primary model. The calls are first counted in their
-- smallest groups, of which the larger ones are made.
WITH groups AS (
    SELECT
        day,
        agent_id,
        model_id,
        task_category,
        COUNT(*) AS calls_total,
        SUM(total_tokens) AS total_tokens_total,
        SUM(cost_usd) AS cost_usd_total,
        COUNT(*) - COUNT(cost_usd) AS cost_unknown_calls,
        COUNT(*) FILTER (WHERE token_source = 'provider_reported') AS token_source_provider_reported,
        COUNT(*) FILTER (WHERE token_source = 'derived') AS token_source_derived,
        COUNT(*) FILTER (WHERE token_source = 'missing') AS token_source_missing,
        COUNT(*) FILTER (WHERE token_confidence = 'high') AS token_confidence_high,
        COUNT(*) FILTER (WHERE token_confidence = 'medium') AS token_confidence_medium,
        COUNT(*) FILTER (WHERE token_confidence = 'low') AS token_confidence_low,
        COUNT(*) FILTER (WHERE token_confidence = 'unknown') AS token_confidence_unknown,
        COUNT(*) FILTER (WHERE runtime_source = 'provider_reported') AS runtime_source_provider_reported,
        COUNT(*) FILTER (WHERE runtime_source = 'derived') AS runtime_source_derived,
        COUNT(*) FILTER (WHERE runtime_source = 'missing') AS runtime_source_missing,
        COUNT(*) FILTER (WHERE runtime_confidence = 'high') AS runtime_confidence_high,
        COUNT(*) FILTER (WHERE runtime_confidence = 'medium') AS runtime_confidence_medium,
        COUNT(*) FILTER (WHERE runtime_confidence = 'low') AS runtime_confidence_low,
        COUNT(*) FILTER (WHERE runtime_confidence = 'unknown') AS runtime_confidence_unknown,
        COUNT(*) FILTER (WHERE cost_source = 'provider_reported') AS cost_source_provider_reported,
        COUNT(*) FILTER (WHERE cost_source = 'derived') AS cost_source_derived,
        COUNT(*) FILTER (WHERE cost_source = 'missing') AS cost_source_missing,
        COUNT(*) FILTER (WHERE cost_confidence = 'high') AS cost_confidence_high,
        COUNT(*) FILTER (WHERE cost_confidence = 'medium') AS cost_confidence_medium,
        COUNT(*) FILTER (WHERE cost_confidence = 'low') AS cost_confidence_low,
        COUNT(*) FILTER (WHERE cost_confidence = 'unknown') AS cost_confidence_unknown
    FROM usage_facts
    WHERE day IN (SELECT bucket_date FROM wanted_days)
    GROUP BY day, agent_id, model_id, task_category
),
calls AS (
    SELECT
        day AS bucket_date,
        CASE WHEN GROUPING(agent_id) = 1 THEN '' ELSE agent_id END AS agent_id,
        CASE WHEN GROUPING(model_id) = 1 THEN '' ELSE model_id END AS model_id,
        CASE WHEN GROUPING(task_category) = 1 THEN '' ELSE task_category END AS task_category,
        SUM(calls_total) AS calls_total,
        SUM(total_tokens_total) AS total_tokens_total,
        SUM(cost_usd_total) AS cost_usd_total,
        SUM(cost_unknown_calls) AS cost_unknown_calls,
        SUM(token_source_provider_reported) AS token_source_provider_reported,
        SUM(token_source_derived) AS token_source_derived,
        SUM(token_source_missing) AS token_source_missing,
        SUM(token_confidence_high) AS token_confidence_high,
        SUM(token_confidence_medium) AS token_confidence_medium,
        SUM(token_confidence_low) AS token_confidence_low,
        SUM(token_confidence_unknown) AS token_confidence_unknown,
        SUM(runtime_source_provider_reported) AS runtime_source_provider_reported,
        SUM(runtime_source_derived) AS runtime_source_derived,
        SUM(runtime_source_missing) AS runtime_source_missing,
        SUM(runtime_confidence_high) AS runtime_confidence_high,
        SUM(runtime_confidence_medium) AS runtime_confidence_medium,
        SUM(runtime_confidence_low) AS runtime_confidence_low,
        SUM(runtime_confidence_unknown) AS runtime_confidence_unknown,
        SUM(cost_source_provider_reported) AS cost_source_provider_reported,
        SUM(cost_source_derived) AS cost_source_derived,
        SUM(cost_source_missing) AS cost_source_missing,
        SUM(cost_confidence_high) AS cost_confidence_high,
        SUM(cost_confidence_medium) AS cost_confidence_medium,
        SUM(cost_confidence_low) AS cost_confidence_low,
        SUM(cost_confidence_unknown) AS cost_confidence_unknown
    FROM groups
    GROUP BY GROUPING SETS (
        (day, agent_id, model_id, task_category),
        (day, agent_id, model_id),
        (day, agent_id, task_category),
        (day, model_id, task_category),
        (day, agent_id),
        (day, model_id),
        (day, task_category),
        (day)
    )
    HAVING
        (GROUPING(agent_id) = 1 OR agent_id <> '')
        AND (GROUPING(model_id) = 1 OR model_id <> '')
        AND (GROUPING(task_category) = 1 OR task_category <> '')
),
runs AS (
    SELECT
        day AS bucket_date,
        CASE WHEN GROUPING(agent_id) = 1 THEN '' ELSE agent_id END AS agent_id,
        CASE WHEN GROUPING(model_id) = 1 THEN '' ELSE model_id END AS model_id,
        CASE WHEN GROUPING(task_category) = 1 THEN '' ELSE task_category END AS task_category,
        COUNT(*) AS runs_total,
        SUM(runtime_ms) AS runtime_ms_total
    FROM session_facts
    WHERE day IN (SELECT bucket_date FROM wanted_days)
    GROUP BY GROUPING SETS (
        (day, agent_id, model_id, task_category),
        (day, agent_id, model_id),
        (day, agent_id, task_category),
        (day, model_id, task_category),
        (day, agent_id),
        (day, model_id),
        (day, task_category),
        (day)
    )
    HAVING
        (GROUPING(agent_id) = 1 OR agent_id <> '')
        AND (GROUPING(model_id) = 1 OR model_id <> '')
        AND (GROUPING(task_category) = 1 OR task_category <> '')
)
SELECT
    bucket_date,
    agent_id,
    model_id,
    task_category,
    CAST(COALESCE(runs_total, 0) AS BIGINT) AS runs_total,
    CAST(COALESCE(calls_total, 0) AS BIGINT) AS calls_total,
    CAST(COALESCE(runtime_ms_total, 0) AS BIGINT) AS runtime_ms_total,
    CAST(COALESCE(total_tokens_total, 0) AS BIGINT) AS total_tokens_total,
    CAST(COALESCE(cost_usd_total, 0) AS DECIMAL(20, 9)) AS cost_usd_total,
    CAST(COALESCE(cost_unknown_calls, 0) AS BIGINT) AS cost_unknown_calls,
    CAST(COALESCE(token_source_provider_reported, 0) AS BIGINT) AS token_source_provider_reported,
    CAST(COALESCE(token_source_derived, 0) AS BIGINT) AS token_source_derived,
    CAST(COALESCE(token_source_missing, 0) AS BIGINT) AS token_source_missing,
    CAST(COALESCE(token_confidence_high, 0) AS BIGINT) AS token_confidence_high,
    CAST(COALESCE(token_confidence_medium, 0) AS BIGINT) AS token_confidence_medium,
    CAST(COALESCE(token_confidence_low, 0) AS BIGINT) AS token_confidence_low,
    CAST(COALESCE(token_confidence_unknown, 0) AS BIGINT) AS token_confidence_unknown,
    CAST(COALESCE(runtime_source_provider_reported, 0) AS BIGINT) AS runtime_source_provider_reported,
    CAST(COALESCE(runtime_source_derived, 0) AS BIGINT) AS runtime_source_derived,
    CAST(COALESCE(runtime_source_missing, 0) AS BIGINT) AS runtime_source_missing,
    CAST(COALESCE(runtime_confidence_high, 0) AS BIGINT) AS runtime_confidence_high,
    CAST(COALESCE(runtime_confidence_medium, 0) AS BIGINT) AS runtime_confidence_medium,
    CAST(COALESCE(runtime_confidence_low, 0) AS BIGINT) AS runtime_confidence_low,
    CAST(COALESCE(runtime_confidence_unknown, 0) AS BIGINT) AS runtime_confidence_unknown,
    CAST(COALESCE(cost_source_provider_reported, 0) AS BIGINT) AS cost_source_provider_reported,
    CAST(COALESCE(cost_source_derived, 0) AS BIGINT) AS cost_source_derived,
    CAST(COALESCE(cost_source_missing, 0) AS BIGINT) AS cost_source_missing,
    CAST(COALESCE(cost_confidence_high, 0) AS BIGINT) AS cost_confidence_high,
    CAST(COALESCE(cost_confidence_medium, 0) AS BIGINT) AS cost_confidence_medium,
    CAST(COALESCE(cost_confidence_low, 0) AS BIGINT) AS cost_confidence_low,
    CAST(COALESCE(cost_confidence_unknown, 0) AS BIGINT) AS cost_confidence_unknown,
    CAST($updated_at AS TIMESTAMPTZ) AS updated_at,
    CAST($run_id AS VARCHAR) AS run_id
FROM calls
FULL JOIN runs USING (bucket_date, agent_id, model_id, task_category)
ORDER BY bucket_date, agent_id, model_id, task_category
