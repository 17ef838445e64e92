-- The run store of teams: the tables of the warehouse file, in a schema of their own.
CREATE SCHEMA run_store

CREATE TABLE run_store.runs (
  run_id TEXT PRIMARY KEY,
  dagster_run_id TEXT,
  asset_key TEXT NOT NULL,
  partition_key TEXT,
  parent_run_id TEXT,
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  duration_seconds DOUBLE PRECISION CHECK (duration_seconds >= 0),
  host TEXT NOT NULL,
  pid BIGINT NOT NULL,
  process_started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  heartbeat_at TIMESTAMP WITH TIME ZONE NOT NULL,
  rows_in BIGINT NOT NULL CHECK (rows_in >= 0),
  rows_out BIGINT NOT NULL CHECK (rows_out >= 0),
  input_fingerprint TEXT,
  code_ref TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  llm_calls BIGINT NOT NULL CHECK (llm_calls >= 0),
  tokens BIGINT NOT NULL CHECK (tokens >= 0),
  error TEXT,
  attrs TEXT NOT NULL,
  CHECK ((status = 'running') = (finished_at IS NULL)),
  CHECK ((status = 'failed') = (error IS NOT NULL))
)

CREATE TABLE run_store.run_events (
  seq BIGINT PRIMARY KEY CHECK (seq >= 1),
  event_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  rows_in BIGINT NOT NULL,
  rows_out BIGINT NOT NULL,
  llm_calls BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  error TEXT,
  details_sha256 TEXT,
  previous_sha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL
)

CREATE TABLE run_store.run_inputs (
  run_id TEXT NOT NULL,
  dataset TEXT NOT NULL,
  partition_key TEXT NOT NULL,
  fingerprint TEXT,
  row_count BIGINT,
  PRIMARY KEY (run_id, dataset, partition_key)
)

CREATE TABLE run_store.run_outputs (
  run_id TEXT NOT NULL,
  dataset TEXT NOT NULL,
  partition_key TEXT NOT NULL,
  fingerprint TEXT,
  row_count BIGINT,
  PRIMARY KEY (run_id, dataset, partition_key)
)

CREATE INDEX ix_runs_started_at ON run_store.runs (started_at)

CREATE INDEX ix_runs_unfinished ON run_store.runs (started_at) WHERE status = 'running'

COMMENT ON TABLE run_markers IS 'One row per table and partition that a run in progress has committed.'

COMMENT ON COLUMN run_markers.run_id IS 'Run of the run store that wrote this row; `helicarrier lineage` explains it.'

COMMENT ON COLUMN run_markers.table_name IS 'The table; empty for the run as a whole: all of it is committed.'

COMMENT ON COLUMN run_markers.partition_key IS 'The partition, as a UTC day; empty for a table without.'

COMMENT ON COLUMN run_markers.row_count IS 'Rows written, over all transactions of the run.'

COMMENT ON COLUMN run_markers.marked_at IS 'When the marker was last written.'
