-- Markers of runs that write this file: what a run has committed, told in the transaction of its
-- rows. Rows are only added, and added up when they are read: without a key there is no index that
-- DuckDB would load each time the file is attached.
CREATE TABLE run_markers (
  run_id VARCHAR NOT NULL,
  table_name VARCHAR NOT NULL,
  partition_key VARCHAR NOT NULL,
  row_count BIGINT NOT NULL,
  marked_at TIMESTAMP WITH TIME ZONE NOT NULL
);
