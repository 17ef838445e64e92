-- model_perf_agg: how each model did in the 1, 7 and 30 days that end with each wanted day.
--
-- Reads session_facts (partitioned by day) and wanted_days (bucket_date). Medians do not merge, so
-- every window and every total (agent_id, task_category `*`) is computed from the sessions.
--
-- Quantiles follow the nearest-rank rule: of n values in order the one at place ceiling(q * n),
-- counted from 1, NULL left out. The result is always a value that occurred, so there is nothing to
-- round and engines agree to the last digit (PERCENTILE_DISC has the same rule in Postgres).
--
-- An agent or a category that is itself called `*` counts in the totals only.
WITH windows AS (
    SELECT bucket_date AS window_end, bucket_date AS window_start
    FROM wanted_days
    UNION ALL
    SELECT bucket_date, CAST(bucket_date - INTERVAL '6' DAY AS DATE)
    FROM wanted_days
    UNION ALL
    SELECT bucket_date, CAST(bucket_date - INTERVAL '29' DAY AS DATE)
    FROM wanted_days
),
measured AS (
    SELECT
        window_start,
        window_end,
        CASE WHEN GROUPING(agent_id) = 1 THEN '*' ELSE agent_id END AS agent_id,
        CASE WHEN GROUPING(task_category) = 1 THEN '*' ELSE task_category END AS task_category,
        model_id,
        COUNT(*) AS runs_total,
        COUNT(*) FILTER (WHERE status = 'success') AS success_count,
        COUNT(*) FILTER (WHERE status = 'failed') AS failure_count,
        COUNT(*) FILTER (WHERE status = 'killed') AS killed_count,
        COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled_count,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY runtime_ms) AS median_runtime_ms,
        PERCENTILE_DISC(0.95) WITHIN GROUP (ORDER BY runtime_ms) AS p95_runtime_ms,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY cost_usd) AS median_cost_usd
    FROM session_facts
    INNER JOIN windows ON day BETWEEN window_start AND window_end
    GROUP BY GROUPING SETS (
        (window_start, window_end, model_id, agent_id, task_category),
        (window_start, window_end, model_id, agent_id),
        (window_start, window_end, model_id, task_category),
        (window_start, window_end, model_id)
    )
    HAVING
        (GROUPING(agent_id) = 1 OR agent_id <> '*')
        AND (GROUPING(task_category) = 1 OR task_category <> '*')
)
SELECT
    window_start,
    window_end,
    agent_id,
    task_category,
    model_id,
    runs_total,
    success_count,
    failure_count,
    killed_count,
    cancelled_count,
    CAST(success_count AS DOUBLE)
        / NULLIF(success_count + failure_count + killed_count + cancelled_count, 0)
        AS success_rate,
    median_runtime_ms,
    p95_runtime_ms,
    median_cost_usd,
    CAST(CASE WHEN runs_total < 5 THEN 1 ELSE 0 END AS BIGINT) AS sample_warning,
    CAST($updated_at AS TIMESTAMPTZ) AS updated_at,
    CAST($run_id AS VARCHAR) AS run_id
FROM measured
ORDER BY window_end, window_start, agent_id, task_category, model_id
