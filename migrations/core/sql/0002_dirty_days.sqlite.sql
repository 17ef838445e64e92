INSERT INTO dirty_days (dataset, bucket_date, generation, marked_at, run_id)
WITH RECURSIVE call_days(day) AS (
  SELECT DISTINCT substr(occurred_at, 1, 10) FROM session_usage
), session_days(day) AS (
  SELECT DISTINCT substr(started_at, 1, 10) FROM session_ledger
), window_ends(day, last) AS (
  SELECT day, MIN(date(day, '+29 days'), date('now')) FROM session_days
  WHERE day <= date('now')
  UNION
  SELECT date(day, '+1 day'), last FROM window_ends WHERE day < last
), marks(dataset, day) AS (
  SELECT 'usage_facts', day FROM call_days
  UNION SELECT 'session_facts', day FROM session_days
  UNION SELECT 'daily_usage_agg', day FROM call_days
  UNION SELECT 'daily_usage_agg', day FROM session_days
  UNION SELECT 'model_perf_agg', day FROM window_ends
)
SELECT dataset, day, 1, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'), 'pre-governance' FROM marks
