-- Git context: commits, what they changed, references, and where agent sessions ran.
-- Rows of commits are only ever added, so the foreign key costs no later change.
CREATE TABLE git_commits (
  repo VARCHAR NOT NULL,
  commit_sha VARCHAR NOT NULL,
  author VARCHAR NOT NULL,
  author_time TIMESTAMP WITH TIME ZONE NOT NULL,
  commit_time TIMESTAMP WITH TIME ZONE NOT NULL,
  message VARCHAR NOT NULL,
  is_merge BIGINT NOT NULL CHECK (is_merge >= 0),
  is_boundary BIGINT NOT NULL CHECK (is_boundary >= 0),
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (repo, commit_sha)
);

CREATE TABLE git_parents (
  repo VARCHAR NOT NULL,
  commit_sha VARCHAR NOT NULL,
  seq BIGINT NOT NULL CHECK (seq >= 0),
  parent_sha VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (repo, commit_sha, seq)
);

CREATE TABLE git_changes (
  repo VARCHAR NOT NULL,
  commit_sha VARCHAR NOT NULL,
  path VARCHAR NOT NULL,
  commit_time TIMESTAMP WITH TIME ZONE NOT NULL,
  change_type VARCHAR NOT NULL
    CHECK (change_type = 'A' OR change_type = 'M' OR change_type = 'D' OR change_type = 'R'),
  previous_path VARCHAR,
  blob_sha VARCHAR,
  insertions BIGINT CHECK (insertions >= 0),
  deletions BIGINT CHECK (deletions >= 0),
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (repo, commit_sha, path),
  FOREIGN KEY (repo, commit_sha) REFERENCES git_commits (repo, commit_sha),
  CHECK ((blob_sha IS NULL) = (change_type = 'D')),
  CHECK (insertions IS NULL OR (deletions IS NOT NULL))
);
CREATE INDEX ix_git_changes_repo_path_commit_time ON git_changes (repo, path, commit_time);

CREATE TABLE git_refs (
  repo VARCHAR NOT NULL,
  ref_name VARCHAR NOT NULL,
  commit_sha VARCHAR NOT NULL,
  is_tag BIGINT NOT NULL CHECK (is_tag >= 0),
  is_remote BIGINT NOT NULL CHECK (is_remote >= 0),
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (repo, ref_name)
);

CREATE TABLE git_cache (
  repo VARCHAR NOT NULL,
  ref VARCHAR NOT NULL,
  path VARCHAR NOT NULL,
  "at" TIMESTAMP WITH TIME ZONE NOT NULL,
  commit_sha VARCHAR,
  blob_sha VARCHAR,
  hits BIGINT NOT NULL CHECK (hits >= 0),
  last_accessed TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (repo, ref, path, "at"),
  CHECK (blob_sha IS NULL OR (commit_sha IS NOT NULL))
);

CREATE TABLE session_commits (
  session_id VARCHAR NOT NULL,
  repo VARCHAR,
  ref VARCHAR,
  commit_sha VARCHAR,
  certainty VARCHAR NOT NULL
    CHECK (certainty = 'recorded' OR certainty = 'resolved' OR certainty = 'unknown'),
  reason VARCHAR CHECK (
    reason = 'no_repository' OR reason = 'no_branch' OR reason = 'branch_gone'
    OR reason = 'before_history'
  ),
  run_id VARCHAR NOT NULL,
  PRIMARY KEY (session_id),
  CHECK ((commit_sha IS NULL) = (certainty = 'unknown'))
);
