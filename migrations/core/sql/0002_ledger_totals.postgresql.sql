-- What was there before governance counts as written: the totals start from the rows themselves.
INSERT INTO ledger_totals (
  bucket_date, sessions, calls, total_tokens, cost_usd, cost_unknown_calls, updated_at, run_id
)
WITH parts(day, sessions, calls, total_tokens, cost_usd, cost_unknown_calls) AS (
  SELECT CAST(started_at AT TIME ZONE 'UTC' AS DATE), 1, 0, 0, 0, 0
  FROM session_ledger
  UNION ALL
  SELECT
    CAST(occurred_at AT TIME ZONE 'UTC' AS DATE), 0, 1, total_tokens, COALESCE(cost_usd, 0),
    CASE WHEN cost_usd IS NULL THEN 1 ELSE 0 END
  FROM session_usage
)
SELECT
  day, SUM(sessions), SUM(calls), SUM(total_tokens), SUM(cost_usd), SUM(cost_unknown_calls),
  now(), 'pre-governance'
FROM parts GROUP BY day
