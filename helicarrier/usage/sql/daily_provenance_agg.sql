-- daily_provenance_agg: usage of each wanted day by provider, model and origin of the numbers.
--
-- Reads usage_facts (partitioned by day) and wanted_days (bucket_date). A session whose calls
-- differ in provenance counts once in each combination, so sessions_total does not add up.
SELECT
    day AS bucket_date,
    provider,
    model_id,
    COALESCE(pricing_version, '') AS pricing_version,
    cost_source,
    cost_confidence,
    token_source,
    token_confidence,
    runtime_source,
    runtime_confidence,
    COUNT(DISTINCT session_id) AS sessions_total,
    COUNT(*) AS calls_total,
    CAST(SUM(prompt_tokens) AS BIGINT) AS prompt_tokens_total,
    CAST(SUM(cache_read_tokens) AS BIGINT) AS cache_read_tokens_total,
    CAST(SUM(cache_write_5m_tokens) AS BIGINT) AS cache_write_5m_tokens_total,
    CAST(SUM(cache_write_1h_tokens) AS BIGINT) AS cache_write_1h_tokens_total,
    CAST(SUM(completion_tokens) AS BIGINT) AS completion_tokens_total,
    CAST(SUM(reasoning_tokens) AS BIGINT) AS reasoning_tokens_total,
    CAST(SUM(total_tokens) AS BIGINT) AS total_tokens_total,
    CAST(COALESCE(SUM(cost_usd), 0) AS DECIMAL(20, 9)) AS cost_usd_total,
    COUNT(*) - COUNT(cost_usd) AS cost_unknown_calls,
    CAST($updated_at AS TIMESTAMPTZ) AS updated_at,
    CAST($run_id AS VARCHAR) AS run_id
FROM usage_facts
WHERE day IN (SELECT bucket_date FROM wanted_days)
GROUP BY
    day,
    provider,
    model_id,
    COALESCE(pricing_version, ''),
    cost_source,
    cost_confidence,
    token_source,
    token_confidence,
    runtime_source,
    runtime_confidence
ORDER BY
    bucket_date,
    provider,
    model_id,
    pricing_version,
    cost_source,
    cost_confidence,
    token_source,
    token_confidence,
    runtime_source,
    runtime_confidence
