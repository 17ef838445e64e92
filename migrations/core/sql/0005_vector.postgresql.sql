-- Where the server has pgvector and this account may use it, arrays become vectors; else they stay.
-- There is no index over them: patterns are few, and a full scan finds the exact neighbours.
DO $vector$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'vector') THEN
    RETURN;
  END IF;
  BEGIN
    CREATE EXTENSION IF NOT EXISTS vector;
  EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'pgvector cannot be used here: embeddings stay arrays';
    RETURN;
  END;
  ALTER TABLE mismatch_pattern
    ALTER COLUMN embedding TYPE vector(1536) USING CAST(embedding AS vector(1536));
END
$vector$
