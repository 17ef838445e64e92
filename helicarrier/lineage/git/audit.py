"""Audit: what no constraint of the file can hold, such as parents in the stored history.

Commits are written parents first, so a parent that is missing means that rows were lost, unless a
shallow clone was cut off at its child.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ORPHANS = {
    "git_commits": (
        "parents of commits that are not stored",
        """
SELECT COUNT(*), COUNT(*) FILTER (WHERE parent.commit_sha IS NULL AND child.is_boundary = 0)
FROM git_parents
LEFT JOIN git_commits AS child USING (repo, commit_sha)
LEFT JOIN git_commits AS parent
  ON parent.repo = git_parents.repo AND parent.commit_sha = git_parents.parent_sha
""",
        """
SELECT COUNT(*), COUNT(*) FILTER (WHERE child.commit_sha IS NULL)
FROM git_parents LEFT JOIN git_commits AS child USING (repo, commit_sha)
""",
    ),
    "git_changes": (
        "changes whose commit is not stored",
        """
SELECT COUNT(*), COUNT(*) FILTER (WHERE git_commits.commit_sha IS NULL)
FROM git_changes LEFT JOIN git_commits USING (repo, commit_sha)
""",
    ),
    "git_refs": (
        "references to commits that are not stored",
        """
SELECT COUNT(*), COUNT(*) FILTER (WHERE git_commits.commit_sha IS NULL)
FROM git_refs LEFT JOIN git_commits USING (repo, commit_sha)
""",
    ),
    "session_commits": (
        "resolved commits of sessions that are not stored",
        """
SELECT COUNT(*), COUNT(*) FILTER (WHERE git_commits.commit_sha IS NULL)
FROM session_commits LEFT JOIN git_commits USING (repo, commit_sha)
WHERE certainty = 'resolved'
""",
    ),
}

TABLES = tuple(_ORPHANS)
"""Tables whose rows need rows of `git_commits`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """Rows that were looked at, and those that point nowhere; `what` says it in words."""

    what: str
    checked: int
    missing: int


def unknown_runs(connection: "DuckDBPyConnection", table: str, known_runs: Collection[str]) -> int:
    """Rows of a table whose run is not in the run store.

    Args: connection to the file; table, one of `TABLES`; known_runs, the ids in the run store.
    """
    query = f"SELECT run_id, COUNT(*) FROM {table} GROUP BY run_id"  # noqa: S608 - of `TABLES`
    return sum(n for run, n in connection.execute(query).fetchall() if run not in known_runs)


def orphans(connection: "DuckDBPyConnection", table: str) -> Orphans:
    """Rows of a table that name a commit which is not there.

    Args: connection to the file; table, one of `TABLES`.
    """
    what, *queries = _ORPHANS[table]
    counts = [connection.execute(query).fetchone() or (0, 0) for query in queries]
    return Orphans(
        what=what,
        checked=max(int(checked) for checked, _ in counts),
        missing=sum(int(missing) for _, missing in counts),
    )
