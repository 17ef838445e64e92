"""The statements of the run store, one text for DuckDB and Postgres (see `run_database`)."""

INSERT_RUN = """
INSERT INTO runs (
  run_id, dagster_run_id, asset_key, partition_key, parent_run_id, status, started_at, finished_at,
  duration_seconds, host, pid, process_started_at, heartbeat_at, rows_in, rows_out,
  input_fingerprint, code_ref, config_hash, llm_calls, tokens, error, attrs
) VALUES (
  $run_id, $dagster_run_id, $asset_key, $partition_key, $parent_run_id, $status, $started_at,
  $finished_at, $duration_seconds, $host, $pid, $process_started_at, $heartbeat_at, $rows_in,
  $rows_out, $input_fingerprint, $code_ref, $config_hash, $llm_calls, $tokens, $error, $attrs
)
"""
CLOSE_RUN = """
UPDATE runs SET
  status = $status, finished_at = $finished_at, duration_seconds = $duration_seconds,
  heartbeat_at = $finished_at, rows_in = $rows_in, rows_out = $rows_out, llm_calls = $llm_calls,
  tokens = $tokens, input_fingerprint = $input_fingerprint, error = $error, attrs = $attrs
WHERE run_id = $run_id
"""
BEAT = "UPDATE runs SET heartbeat_at = $at WHERE run_id = $run_id AND status = 'running'"
LAST_EVENT = "SELECT seq, sha256 FROM run_events ORDER BY seq DESC LIMIT 1"
INSERT_EVENT = """
INSERT INTO run_events (
  seq, event_id, run_id, status, occurred_at, rows_in, rows_out, llm_calls, tokens, error,
  details_sha256, previous_sha256, sha256
) VALUES (
  $seq, $event_id, $run_id, $status, $occurred_at, $rows_in, $rows_out, $llm_calls, $tokens,
  $error, $details_sha256, $previous_sha256, $sha256
)
"""
EVENTS = """
SELECT
  seq, event_id, run_id, status, epoch_us(occurred_at), rows_in, rows_out, llm_calls, tokens,
  error, details_sha256, previous_sha256, sha256
FROM run_events ORDER BY seq
"""
_INSERT_EDGES = """
  SELECT
    $run_id, unnest(CAST($datasets AS VARCHAR[])), unnest(CAST($partitions AS VARCHAR[])),
    unnest(CAST($fingerprints AS VARCHAR[])), unnest(CAST($counts AS BIGINT[]))
ON CONFLICT (run_id, dataset, partition_key)
DO UPDATE SET fingerprint = excluded.fingerprint, row_count = excluded.row_count
"""
INSERT_INPUTS = "INSERT INTO run_inputs" + _INSERT_EDGES
INSERT_OUTPUTS = "INSERT INTO run_outputs" + _INSERT_EDGES
SELECT_RUN = """
SELECT
  run_id, dagster_run_id, asset_key, partition_key, parent_run_id, status, epoch_us(started_at),
  epoch_us(finished_at), duration_seconds, host, pid, epoch_us(process_started_at),
  epoch_us(heartbeat_at), rows_in, rows_out, llm_calls, tokens, input_fingerprint, code_ref,
  config_hash, error, attrs
FROM runs
"""
RUN_IDS = "SELECT run_id FROM runs"
WITH_ID = "WHERE run_id = $run_id"
OF_DAGSTER_RUN = "WHERE dagster_run_id = $dagster_run_id ORDER BY started_at, run_id"
UNFINISHED = "WHERE status = 'running' ORDER BY started_at, run_id"
OF_TABLE = """
WHERE (asset_key = $table AND (CAST($day AS VARCHAR) IS NULL OR partition_key = $day))
  OR run_id IN (
    SELECT run_id FROM run_outputs
    WHERE dataset = $table AND (CAST($day AS VARCHAR) IS NULL OR partition_key = $day)
  )
ORDER BY started_at DESC, run_id
"""
NEWEST = "ORDER BY started_at DESC, run_id LIMIT $limit"
ALL_RUNS = "ORDER BY started_at, run_id"
_EDGES = "SELECT run_id, dataset, partition_key, fingerprint, row_count FROM "
_IN_ORDER = " ORDER BY run_id, dataset, partition_key"
_OF_RUN = " WHERE run_id = $run_id"
INPUTS_OF = _EDGES + "run_inputs" + _OF_RUN + _IN_ORDER
OUTPUTS_OF = _EDGES + "run_outputs" + _OF_RUN + _IN_ORDER
ALL_INPUTS = _EDGES + "run_inputs" + _IN_ORDER
ALL_OUTPUTS = _EDGES + "run_outputs" + _IN_ORDER
