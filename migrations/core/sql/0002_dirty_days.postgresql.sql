INSERT INTO dirty_days (dataset, bucket_date, generation, marked_at, run_id)
WITH today(day) AS (
  SELECT CAST(now() AT TIME ZONE 'UTC' AS DATE)
), call_days(day) AS (
  SELECT DISTINCT CAST(occurred_at AT TIME ZONE 'UTC' AS DATE) FROM session_usage
), session_days(day) AS (
  SELECT DISTINCT CAST(started_at AT TIME ZONE 'UTC' AS DATE) FROM session_ledger
), window_ends(day) AS (
  SELECT session_days.day + n
  FROM session_days CROSS JOIN generate_series(0, 29) AS n CROSS JOIN today
  WHERE session_days.day + n <= today.day
), marks(dataset, day) AS (
  SELECT 'usage_facts', day FROM call_days
  UNION SELECT 'session_facts', day FROM session_days
  UNION SELECT 'daily_usage_agg', day FROM call_days
  UNION SELECT 'daily_usage_agg', day FROM session_days
  UNION SELECT 'model_perf_agg', day FROM window_ends
)
SELECT dataset, day, 1, now(), 'pre-governance' FROM marks
