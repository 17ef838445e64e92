-- Content: documents in versions, messages, annotations, and what was refused of them.
-- Files of an earlier layout keep content in posts, profiles, journals and media, their remarks in
-- annotations without a foreign key and their messages without attrs, pii_flags and run_id. DuckDB
-- cannot add such columns' constraints in place, so the tables are set aside, made anew, filled and
-- dropped, all in one transaction. A row that the new rules refuse goes to content_quarantine.
-- docs/schema-evolution.md tells what becomes of each column.

-- Where there is no earlier layout its tables are empty, and the same statements do nothing.
CREATE TABLE IF NOT EXISTS posts (
  id VARCHAR PRIMARY KEY, title VARCHAR, slug VARCHAR, content VARCHAR, summary VARCHAR,
  status VARCHAR, authors VARCHAR[], tags VARCHAR[], created_at TIMESTAMP WITH TIME ZONE,
  updated_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS profiles (
  id VARCHAR PRIMARY KEY, subject_uuid VARCHAR, title VARCHAR, content VARCHAR,
  created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS journals (
  id VARCHAR PRIMARY KEY, title VARCHAR, content VARCHAR, summary VARCHAR,
  window_start TIMESTAMP WITH TIME ZONE, window_end TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS media (
  id VARCHAR PRIMARY KEY, filename VARCHAR, mime_type VARCHAR, media_type VARCHAR, title VARCHAR,
  content VARCHAR, created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS annotations (
  id VARCHAR PRIMARY KEY, parent_id VARCHAR, parent_type VARCHAR, author_id VARCHAR,
  content VARCHAR, created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS messages (
  event_id VARCHAR PRIMARY KEY, tenant_id VARCHAR, source VARCHAR, thread_id VARCHAR,
  msg_id VARCHAR, ts TIMESTAMP WITH TIME ZONE, author_raw VARCHAR, author_uuid VARCHAR,
  text VARCHAR, media_url VARCHAR, media_type VARCHAR, created_at TIMESTAMP WITH TIME ZONE
);
ALTER TABLE annotations RENAME TO earlier_annotations;
ALTER TABLE messages RENAME TO earlier_messages;

CREATE TABLE documents (
  id VARCHAR NOT NULL,
  doc_key VARCHAR NOT NULL,
  version BIGINT NOT NULL,
  doc_type VARCHAR NOT NULL,
  title VARCHAR,
  slug VARCHAR,
  content VARCHAR,
  summary VARCHAR,
  status VARCHAR,
  subject_uuid VARCHAR,
  window_start TIMESTAMP WITH TIME ZONE,
  window_end TIMESTAMP WITH TIME ZONE,
  filename VARCHAR,
  mime_type VARCHAR,
  media_type VARCHAR,
  authors VARCHAR NOT NULL DEFAULT '[]',
  tags VARCHAR NOT NULL DEFAULT '[]',
  source_checksum VARCHAR NOT NULL,
  extensions VARCHAR NOT NULL DEFAULT '{}',
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (id),
  CHECK (doc_key <> ''),
  CHECK (version >= 1),
  CHECK (doc_type = 'post' OR doc_type = 'profile' OR doc_type = 'journal' OR doc_type = 'media'
    OR doc_type = 'note'),
  CHECK (title <> ''),
  CHECK (slug <> ''),
  CHECK (status = 'draft' OR status = 'published' OR status = 'archived'),
  CHECK (subject_uuid <> ''),
  CHECK (filename <> ''),
  CHECK (media_type = 'image' OR media_type = 'video' OR media_type = 'audio'),
  CHECK (source_checksum <> ''),
  CHECK (id = CAST(doc_key AS VARCHAR) || '@' || CAST(version AS VARCHAR)),
  CHECK (doc_type <> 'post' OR (title IS NOT NULL AND slug IS NOT NULL AND status IS NOT NULL)),
  CHECK (doc_type <> 'profile' OR (title IS NOT NULL AND subject_uuid IS NOT NULL)),
  CHECK (doc_type <> 'journal' OR (title IS NOT NULL AND window_start IS NOT NULL
    AND window_end IS NOT NULL)),
  CHECK (doc_type <> 'media' OR (filename IS NOT NULL AND media_type IS NOT NULL)),
  CHECK (window_end >= window_start)
);
CREATE INDEX ix_documents_doc_type ON documents (doc_type);
CREATE INDEX ix_documents_slug ON documents (slug);
CREATE INDEX ix_documents_created_at ON documents (created_at);

CREATE TABLE messages (
  event_id VARCHAR NOT NULL,
  tenant_id VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  thread_id VARCHAR NOT NULL,
  msg_id VARCHAR NOT NULL,
  ts TIMESTAMP WITH TIME ZONE NOT NULL,
  author_raw VARCHAR NOT NULL,
  author_uuid VARCHAR,
  text VARCHAR,
  media_url VARCHAR,
  media_type VARCHAR,
  attrs VARCHAR NOT NULL DEFAULT '{}',
  pii_flags VARCHAR NOT NULL DEFAULT '[]',
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (event_id),
  CHECK (event_id <> ''),
  CHECK (tenant_id <> ''),
  CHECK (source <> ''),
  CHECK (thread_id <> ''),
  CHECK (msg_id <> ''),
  CHECK (media_type = 'image' OR media_type = 'video' OR media_type = 'audio')
);
CREATE INDEX ix_messages_thread_id ON messages (thread_id);
CREATE INDEX ix_messages_ts ON messages (ts);

CREATE TABLE annotations (
  id VARCHAR NOT NULL,
  parent_id VARCHAR NOT NULL,
  parent_type VARCHAR NOT NULL,
  author_id VARCHAR NOT NULL,
  content VARCHAR NOT NULL,
  source_checksum VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (id),
  CHECK (id <> ''),
  CHECK (parent_type = 'post' OR parent_type = 'document'),
  CHECK (author_id <> ''),
  CHECK (content <> ''),
  CHECK (source_checksum <> ''),
  FOREIGN KEY (parent_id) REFERENCES documents (id)
);
CREATE INDEX ix_annotations_source_checksum ON annotations (source_checksum);

CREATE TABLE content_quarantine (
  source_uri VARCHAR NOT NULL,
  source_line BIGINT NOT NULL,
  sha256 VARCHAR NOT NULL,
  raw BLOB NOT NULL,
  error_code VARCHAR NOT NULL,
  error_message VARCHAR NOT NULL,
  first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
  attempts BIGINT NOT NULL,
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (source_uri, source_line, sha256),
  CHECK (source_uri <> ''),
  CHECK (source_line >= 0),
  CHECK (error_code <> ''),
  CHECK (attempts >= 1)
);

CREATE VIEW current_documents AS
SELECT
  id, doc_key, version, doc_type, title, slug, content, summary, status, subject_uuid,
  window_start, window_end, filename, mime_type, media_type, authors, tags, source_checksum,
  extensions, created_at, run_id
FROM documents
QUALIFY version = MAX(version) OVER (PARTITION BY doc_key);

-- Every row of the earlier layout as it was (raw), as it will be, and why it cannot (broken).
CREATE TABLE earlier_documents AS
WITH unified AS (
  SELECT
    'posts' AS origin, 'post' AS doc_type, slug AS name, * EXCLUDE (authors, tags),
    COALESCE(to_json(authors), '[]') AS authors, COALESCE(to_json(tags), '[]') AS tags,
    to_json(posts) AS raw
  FROM posts
  UNION ALL BY NAME
  SELECT 'profiles' AS origin, 'profile' AS doc_type, subject_uuid AS name, *,
    to_json(profiles) AS raw
  FROM profiles
  UNION ALL BY NAME
  SELECT
    'journals' AS origin, 'journal' AS doc_type,
    strftime(window_start, '%Y-%m-%d') || '..' || strftime(window_end, '%Y-%m-%d') AS name, *,
    to_json(journals) AS raw
  FROM journals
  UNION ALL BY NAME
  SELECT 'media' AS origin, 'media' AS doc_type, filename AS name, *, to_json(media) AS raw
  FROM media
)
SELECT
  origin, id AS earlier_id, doc_type,
  CASE
    WHEN COALESCE(name, '') <> '' AND COUNT(*) OVER (PARTITION BY doc_type, name) = 1
      THEN doc_type || '/' || name
    ELSE 'legacy/' || origin || '/' || id
  END AS doc_key,
  NULLIF(title, '') AS title, NULLIF(slug, '') AS slug, content, summary, status,
  NULLIF(subject_uuid, '') AS subject_uuid, window_start, window_end,
  NULLIF(filename, '') AS filename, mime_type, media_type,
  COALESCE(CAST(authors AS VARCHAR), '[]') AS authors,
  COALESCE(CAST(tags AS VARCHAR), '[]') AS tags,
  json_object('legacy', json_merge_patch(raw, '{
    "title": null, "slug": null, "content": null, "summary": null, "status": null,
    "subject_uuid": null, "window_start": null, "window_end": null, "filename": null,
    "mime_type": null, "media_type": null, "authors": null, "tags": null, "created_at": null
  }'), 'table', origin) AS extensions,
  COALESCE(created_at, now()) AS created_at, CAST(raw AS VARCHAR) AS raw,
  array_to_string(list_filter([
    CASE WHEN doc_type IN ('post', 'profile', 'journal') AND COALESCE(title, '') = ''
      THEN 'it has no title' END,
    CASE WHEN doc_type = 'post' AND COALESCE(slug, '') = '' THEN 'it has no slug' END,
    CASE WHEN doc_type = 'post' AND COALESCE(status, '') NOT IN ('draft', 'published', 'archived')
      THEN 'its status is not draft, published or archived' END,
    CASE WHEN doc_type = 'profile' AND COALESCE(subject_uuid, '') = ''
      THEN 'it has no subject_uuid' END,
    CASE WHEN doc_type = 'journal' AND (window_start IS NULL OR window_end IS NULL)
      THEN 'its window is not complete' END,
    CASE WHEN window_end < window_start THEN 'its window ends before it starts' END,
    CASE WHEN doc_type = 'media' AND COALESCE(filename, '') = '' THEN 'it has no filename' END,
    CASE WHEN doc_type = 'media' AND COALESCE(media_type, '') NOT IN ('image', 'video', 'audio')
      THEN 'its media_type is not image, video or audio' END
  ], lambda reason: reason IS NOT NULL), '; ') AS broken
FROM unified;

INSERT INTO documents BY NAME
SELECT
  doc_key || '@1' AS id, doc_key, 1 AS version, doc_type, title, slug, content, summary, status,
  subject_uuid, window_start, window_end, filename, mime_type, media_type, authors, tags,
  sha256(raw) AS source_checksum, CAST(extensions AS VARCHAR) AS extensions, created_at,
  'migration:content' AS run_id
FROM earlier_documents
WHERE broken = ''
ORDER BY origin, earlier_id;

INSERT INTO content_quarantine BY NAME
SELECT
  'legacy:' || origin AS source_uri, 0 AS source_line, sha256(raw) AS sha256, encode(raw) AS raw,
  'VALIDATION_ERROR' AS error_code, broken AS error_message, now() AS first_seen, 1 AS attempts,
  'migration:content' AS run_id
FROM earlier_documents
WHERE broken <> '';

CREATE TABLE earlier_remarks AS
SELECT
  remark.id, parent.doc_key || '@1' AS parent_id,
  CASE parent.doc_type WHEN 'post' THEN 'post' ELSE 'document' END AS parent_type,
  remark.author_id, remark.content, COALESCE(remark.created_at, now()) AS created_at,
  CAST(to_json(remark) AS VARCHAR) AS raw,
  array_to_string(list_filter([
    CASE WHEN parent.doc_key IS NULL THEN 'there is no document that it is about' END,
    CASE WHEN remark.id = '' THEN 'it has no id' END,
    CASE WHEN COALESCE(remark.author_id, '') = '' THEN 'it has no author_id' END,
    CASE WHEN COALESCE(remark.content, '') = '' THEN 'it has no content' END
  ], lambda reason: reason IS NOT NULL), '; ') AS broken
FROM earlier_annotations AS remark
LEFT JOIN earlier_documents AS parent
  ON parent.earlier_id = remark.parent_id AND parent.doc_type = remark.parent_type
  AND parent.broken = '';

INSERT INTO annotations BY NAME
SELECT
  id, parent_id, parent_type, author_id, content, sha256(raw) AS source_checksum, created_at,
  'migration:content' AS run_id
FROM earlier_remarks
WHERE broken = ''
ORDER BY id;

INSERT INTO content_quarantine BY NAME
SELECT
  'legacy:annotations' AS source_uri, 0 AS source_line, sha256(raw) AS sha256,
  encode(raw) AS raw, 'VALIDATION_ERROR' AS error_code, broken AS error_message,
  now() AS first_seen, 1 AS attempts, 'migration:content' AS run_id
FROM earlier_remarks
WHERE broken <> '';

CREATE TABLE earlier_talk AS
SELECT
  *, CAST(to_json(message) AS VARCHAR) AS raw,
  array_to_string(list_filter([
    CASE WHEN event_id = '' THEN 'it has no event_id' END,
    CASE WHEN COALESCE(tenant_id, '') = '' THEN 'it has no tenant_id' END,
    CASE WHEN COALESCE(source, '') = '' THEN 'it has no source' END,
    CASE WHEN COALESCE(thread_id, '') = '' THEN 'it has no thread_id' END,
    CASE WHEN COALESCE(msg_id, '') = '' THEN 'it has no msg_id' END,
    CASE WHEN ts IS NULL THEN 'it has no ts' END,
    CASE WHEN author_raw IS NULL THEN 'it has no author_raw' END,
    CASE WHEN media_type NOT IN ('image', 'video', 'audio')
      THEN 'its media_type is not image, video or audio' END
  ], lambda reason: reason IS NOT NULL), '; ') AS broken
FROM earlier_messages AS message;

INSERT INTO messages BY NAME
SELECT
  event_id, tenant_id, source, thread_id, msg_id, ts, author_raw, author_uuid, text, media_url,
  media_type,
  CAST(json_merge_patch(raw, '{
    "event_id": null, "tenant_id": null, "source": null, "thread_id": null, "msg_id": null,
    "ts": null, "author_raw": null, "author_uuid": null, "text": null, "media_url": null,
    "media_type": null, "created_at": null
  }') AS VARCHAR) AS attrs,
  '[]' AS pii_flags, COALESCE(created_at, now()) AS created_at,
  'migration:content' AS run_id
FROM earlier_talk
WHERE broken = ''
ORDER BY event_id;

INSERT INTO content_quarantine BY NAME
SELECT
  'legacy:messages' AS source_uri, 0 AS source_line, sha256(raw) AS sha256, encode(raw) AS raw,
  'VALIDATION_ERROR' AS error_code, broken AS error_message, now() AS first_seen, 1 AS attempts,
  'migration:content' AS run_id
FROM earlier_talk
WHERE broken <> '';

DROP TABLE posts;
DROP TABLE profiles;
DROP TABLE journals;
DROP TABLE media;
DROP TABLE earlier_annotations;
DROP TABLE earlier_messages;
DROP TABLE earlier_documents;
DROP TABLE earlier_remarks;
DROP TABLE earlier_talk;
