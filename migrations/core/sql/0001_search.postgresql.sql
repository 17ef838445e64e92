CREATE INDEX ix_session_ledger_search ON session_ledger
USING gin (to_tsvector('pg_catalog.simple', COALESCE(task_title, '')))
