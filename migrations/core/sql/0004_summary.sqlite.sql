CREATE VIEW ai_eval_run_summary_v1 AS
WITH ranked AS (
  SELECT
    run_id,
    latency_ms,
    ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY latency_ms) - 1 AS place,
    COUNT(*) OVER (PARTITION BY run_id) - 1 AS last
  FROM ai_eval_samples
  WHERE latency_ms IS NOT NULL
),
-- The two values around 0.95 * last, and how far it lies between them in hundredths.
around AS (
  SELECT
    run_id,
    MAX(CASE WHEN place = last * 95 / 100 THEN latency_ms END) AS low,
    MAX(CASE WHEN place = MIN(last, last * 95 / 100 + 1) THEN latency_ms END) AS high,
    MAX(last * 95 % 100) AS hundredths
  FROM ranked
  GROUP BY run_id
)
SELECT
  r.run_id,
  COUNT(s.id) AS total_records,
  AVG(s.schema_valid) AS schema_valid_rate,
  AVG(s.patch_apply_success) AS patch_apply_success,
  AVG(s.edited_after_generate) AS edit_after_generate_rate,
  AVG(s.published_within_7d) AS publish_conversion_proxy,
  AVG(s.safety_html_tailwind_compliant) AS safety_html_tailwind_compliance,
  AVG(s.fallback_used) AS fallback_rate,
  MAX(a.low + (a.high - a.low) * a.hundredths / 100.0) AS p95_latency_ms,
  MIN(s.created_at) AS first_sample_at,
  MAX(s.created_at) AS last_sample_at
FROM ai_eval_runs AS r
LEFT JOIN ai_eval_samples AS s ON s.run_id = r.run_id
LEFT JOIN around AS a ON a.run_id = r.run_id
GROUP BY r.run_id
