-- Rows of revision 0001 into the tables of 0002; the same text runs on both engines. What the old
-- form did not know is said to be unknown or of low confidence, never made up: a cost keeps its
-- amount as a derived one of the price list 'unversioned', no cost and a cost of zero (which the
-- old form wrote for "unknown") become a missing one.
INSERT INTO session_ledger (
  session_id, client_run_id, agent_id, agent_label, model_id, task_title, task_text,
  task_category, status, started_at, ended_at, runtime_ms, error_message, source, source_uri,
  idempotency_key, revision, ingested_at, run_id
)
SELECT
  session_id, client_run_id, agent_id, agent_label, COALESCE(model_id, 'unknown'), task_title,
  task_text, COALESCE(task_category, 'uncategorized'), status, started_at, ended_at, runtime_ms,
  error_message, source, 'unknown', session_id, 0, created_at, 'pre-governance'
FROM session_ledger_0001

INSERT INTO session_events (
  event_id, session_id, source_uri, source_line, run_id, seq, event_type, event_ts, payload_json
)
SELECT
  event_id, session_id, 'unknown', NULL, 'pre-governance', seq, event_type, event_ts,
  COALESCE(payload_json, '{}')
FROM session_events_0001

-- A total above its parts came from sources that gave nothing else: the rest counts as prompt.
INSERT INTO session_usage (
  usage_id, session_id, source_uri, source_line, run_id, seq, occurred_at, provider, model_id,
  prompt_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
  completion_tokens, reasoning_tokens, total_tokens, runtime_ms, cost_usd, pricing_version,
  cost_source, cost_confidence, token_source, token_confidence, runtime_source,
  runtime_confidence, computed_at
)
SELECT
  usage_id, session_id, 'unknown', NULL, 'pre-governance', seq, occurred_at, provider, model_id,
  prompt_tokens + rest, cache_read_tokens, cache_write_tokens, 0,
  completion_tokens, 0, parts + rest, runtime_ms, cost_usd,
  CASE WHEN cost_usd IS NULL THEN NULL ELSE 'unversioned' END,
  CASE WHEN cost_usd IS NULL THEN 'missing' ELSE 'derived' END,
  CASE WHEN cost_usd IS NULL THEN 'unknown' ELSE 'low' END,
  'derived', 'low',
  CASE WHEN runtime_ms IS NULL THEN 'missing' ELSE 'derived' END,
  CASE WHEN runtime_ms IS NULL THEN 'unknown' ELSE 'low' END,
  created_at
FROM (
  SELECT
    u.usage_id, u.session_id, u.seq, u.occurred_at, COALESCE(u.provider, 'unknown') AS provider,
    u.model_id, u.prompt_tokens, u.cache_read_tokens, u.cache_write_tokens, u.completion_tokens,
    u.prompt_tokens + u.cache_read_tokens + u.cache_write_tokens + u.completion_tokens AS parts,
    CASE
      WHEN u.total_tokens
        > u.prompt_tokens + u.cache_read_tokens + u.cache_write_tokens + u.completion_tokens
      THEN u.total_tokens
        - u.prompt_tokens - u.cache_read_tokens - u.cache_write_tokens - u.completion_tokens
      ELSE 0
    END AS rest,
    u.runtime_ms, NULLIF(u.cost_usd, 0) AS cost_usd,
    COALESCE(l.created_at, u.occurred_at) AS created_at
  FROM session_usage_0001 AS u
  LEFT JOIN session_ledger_0001 AS l ON l.session_id = u.session_id
) AS calls

INSERT INTO usage_cost_history (
  usage_id, seq, pricing_version, cost_usd, reason, run_id, computed_at
)
SELECT
  usage_id, 0, pricing_version, cost_usd, 'carried over from before governance', run_id,
  computed_at
FROM session_usage
WHERE cost_usd IS NOT NULL

INSERT INTO daily_usage_agg (
  bucket_date, agent_id, model_id, task_category, runs_total, calls_total, runtime_ms_total,
  prompt_tokens_total, cache_read_tokens_total, cache_write_5m_tokens_total,
  cache_write_1h_tokens_total, completion_tokens_total, reasoning_tokens_total,
  total_tokens_total, cost_usd_total, cost_unknown_calls, updated_at, run_id
)
SELECT
  bucket_date, agent_id, model_id, task_category, runs_total, calls_total, runtime_ms_total,
  prompt_tokens_total + rest, cache_read_tokens_total, cache_write_tokens_total, 0,
  completion_tokens_total, 0, parts + rest, COALESCE(cost_usd_total, 0),
  CASE WHEN COALESCE(cost_usd_total, 0) = 0 THEN calls_total ELSE 0 END,
  updated_at, 'pre-governance'
FROM (
  SELECT
    d.*,
    prompt_tokens_total + cache_read_tokens_total + cache_write_tokens_total
      + completion_tokens_total AS parts,
    CASE
      WHEN total_tokens_total
        > prompt_tokens_total + cache_read_tokens_total + cache_write_tokens_total
          + completion_tokens_total
      THEN total_tokens_total - prompt_tokens_total - cache_read_tokens_total
        - cache_write_tokens_total - completion_tokens_total
      ELSE 0
    END AS rest
  FROM daily_usage_agg_0001 AS d
) AS days

INSERT INTO model_perf_agg (
  window_start, window_end, agent_id, task_category, model_id, runs_total, success_count,
  failure_count, killed_count, cancelled_count, success_rate, median_runtime_ms, p95_runtime_ms,
  median_cost_usd, sample_warning, updated_at, run_id
)
SELECT
  window_start, window_end, agent_id, task_category, model_id, runs_total, success_count,
  failure_count, killed_count, cancelled_count,
  success_count * 1.0 / NULLIF(success_count + failure_count + killed_count + cancelled_count, 0),
  median_runtime_ms, NULL, NULLIF(median_cost_usd, 0),
  CASE WHEN runs_total < 5 THEN 1 ELSE 0 END, updated_at, 'pre-governance'
FROM model_perf_agg_0001

-- A critical threshold below the warning made every breach critical; with both equal it still is.
INSERT INTO alert_rules (
  rule_id, metric, scope, agent_id, model_id, warn_threshold, critical_threshold, time_window,
  comparison, dedup_cooldown_sec, enabled, created_at, updated_at
)
SELECT
  rule_id, metric, scope, agent_id, model_id,
  CASE
    WHEN critical_threshold < warn_threshold THEN critical_threshold ELSE warn_threshold
  END,
  critical_threshold, time_window, comparison, 300, CASE WHEN enabled = 0 THEN 0 ELSE 1 END,
  created_at, created_at
FROM alert_rules_0001

INSERT INTO alert_state (
  rule_id, scope_key, status, lifecycle, data_state, last_value, evaluated_at, transition_at,
  notified_at, suppressed_until, fingerprint, run_id
)
SELECT
  s.rule_id,
  CASE r.scope
    WHEN 'agent' THEN COALESCE(r.agent_id, 'unknown')
    WHEN 'model' THEN COALESCE(r.model_id, 'unknown')
    WHEN 'agent_model'
    THEN COALESCE(r.agent_id, 'unknown') || '|' || COALESCE(r.model_id, 'unknown')
    ELSE 'global'
  END,
  s.status,
  CASE
    WHEN s.suppressed_until IS NOT NULL THEN 'suppressed'
    WHEN s.status = 'ok' THEN 'resolved'
    ELSE 'active'
  END,
  CASE WHEN s.last_value IS NULL THEN 'no_data' ELSE 'ok' END,
  s.last_value, s.evaluated_at, NULL, s.notified_at, s.suppressed_until, NULL, 'pre-governance'
FROM alert_state_0001 AS s
LEFT JOIN alert_rules_0001 AS r ON r.rule_id = s.rule_id
