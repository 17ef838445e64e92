-- The run store: what ran, when, with which code and configuration, what it read and wrote.
-- No foreign keys: DuckDB loads the index behind one each time the file is attached, which after
-- some hundred runs takes longer than the write itself. A run and its first event are written in one
-- transaction, everything else by the run's own end, and nothing is ever deleted.
CREATE TABLE runs (
  run_id VARCHAR PRIMARY KEY,
  dagster_run_id VARCHAR,
  asset_key VARCHAR NOT NULL,
  partition_key VARCHAR,
  parent_run_id VARCHAR,
  status VARCHAR NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  duration_seconds DOUBLE CHECK (duration_seconds >= 0),
  host VARCHAR NOT NULL,
  pid BIGINT NOT NULL,
  process_started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  heartbeat_at TIMESTAMP WITH TIME ZONE NOT NULL,
  rows_in BIGINT NOT NULL CHECK (rows_in >= 0),
  rows_out BIGINT NOT NULL CHECK (rows_out >= 0),
  input_fingerprint VARCHAR,
  code_ref VARCHAR NOT NULL,
  config_hash VARCHAR NOT NULL,
  llm_calls BIGINT NOT NULL CHECK (llm_calls >= 0),
  tokens BIGINT NOT NULL CHECK (tokens >= 0),
  error VARCHAR,
  attrs VARCHAR NOT NULL,
  CHECK ((status = 'running') = (finished_at IS NULL)),
  CHECK ((status = 'failed') = (error IS NOT NULL))
);

CREATE TABLE run_events (
  seq BIGINT PRIMARY KEY CHECK (seq >= 1),
  event_id VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  status VARCHAR NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  rows_in BIGINT NOT NULL,
  rows_out BIGINT NOT NULL,
  llm_calls BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  error VARCHAR,
  previous_sha256 VARCHAR NOT NULL,
  sha256 VARCHAR NOT NULL
);

CREATE TABLE run_inputs (
  run_id VARCHAR NOT NULL,
  dataset VARCHAR NOT NULL,
  partition_key VARCHAR NOT NULL,
  fingerprint VARCHAR,
  row_count BIGINT,
  PRIMARY KEY (run_id, dataset, partition_key)
);

CREATE TABLE run_outputs (
  run_id VARCHAR NOT NULL,
  dataset VARCHAR NOT NULL,
  partition_key VARCHAR NOT NULL,
  fingerprint VARCHAR,
  row_count BIGINT,
  PRIMARY KEY (run_id, dataset, partition_key)
);
