-- The words of a text, cut and folded as SQLite's index does it. The parser of Postgres would read
-- some words as numbers, addresses or paths and cut them elsewhere, so it is given letters and
-- digits only and each word begins with a letter. The database's own locale may know ASCII alone
-- (C), so the widest collation that this server has decides what a letter is.
DO $install$
DECLARE
  letters TEXT := (
    SELECT quote_ident(collname) FROM pg_catalog.pg_collation
    WHERE collname IN ('pg_c_utf8', 'und-x-icu')
      AND collnamespace = 'pg_catalog'::regnamespace
      AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
    ORDER BY collname LIMIT 1
  );
BEGIN
  EXECUTE format(
    $function$
      CREATE FUNCTION %1$I.session_search_words(value TEXT) RETURNS TEXT
      LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT regexp_replace(
          regexp_replace(lower(value COLLATE %2$s), '[^[:alnum:]]+', ' ', 'g'),
          '([[:alnum:]]+)', 'w\1', 'g'
        )
      $body$
    $function$,
    current_schema(), COALESCE(letters, '"default"')
  );
  EXECUTE format(
    $function$
      CREATE FUNCTION %1$I.session_search_vector(title TEXT, body TEXT) RETURNS tsvector
      LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT ts_delete(
          to_tsvector('pg_catalog.simple', %1$I.session_search_words(COALESCE(title, '')))
            || CAST('_:1' AS tsvector)
            || to_tsvector('pg_catalog.simple', %1$I.session_search_words(COALESCE(body, ''))),
          '_'
        )
      $body$
    $function$,
    current_schema()
  );
END
$install$

CREATE INDEX ix_session_ledger_search ON session_ledger
USING gin (session_search_vector(task_title, task_text))
