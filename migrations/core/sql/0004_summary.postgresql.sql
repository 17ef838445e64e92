CREATE VIEW ai_eval_run_summary_v1 AS
SELECT
  r.run_id,
  COUNT(s.id) AS total_records,
  CAST(AVG(s.schema_valid) AS DOUBLE PRECISION) AS schema_valid_rate,
  CAST(AVG(s.patch_apply_success) AS DOUBLE PRECISION) AS patch_apply_success,
  CAST(AVG(s.edited_after_generate) AS DOUBLE PRECISION) AS edit_after_generate_rate,
  CAST(AVG(s.published_within_7d) AS DOUBLE PRECISION) AS publish_conversion_proxy,
  CAST(AVG(s.safety_html_tailwind_compliant) AS DOUBLE PRECISION)
    AS safety_html_tailwind_compliance,
  CAST(AVG(s.fallback_used) AS DOUBLE PRECISION) AS fallback_rate,
  PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY s.latency_ms) AS p95_latency_ms,
  MIN(s.created_at) AS first_sample_at,
  MAX(s.created_at) AS last_sample_at
FROM ai_eval_runs AS r
LEFT JOIN ai_eval_samples AS s ON s.run_id = r.run_id
GROUP BY r.run_id
