"""Git context in the warehouse file: every statement that reads or writes its tables.

Batches of rows go in as Arrow tables, which is hundreds of times faster than row by row. Reading
gives values of the model, and nothing at all where the file holds no history yet.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from helicarrier.errors import ErrorCode, NotReady
from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import TableContract
from helicarrier.lineage.git.graph import Graph, Node
from helicarrier.lineage.git.model import Certainty, Change, ChangeType, Reason, Ref, SessionCommit
from helicarrier.lineage.git.tables import GIT_REFS, SESSION_COMMITS
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from helicarrier.lineage.git.extract import Batch

_ADD = {
    # A sync beside this one may have written the same commits, which are the same facts.
    "commits": "INSERT INTO git_commits BY NAME SELECT * FROM incoming ON CONFLICT DO NOTHING",
    "parents": "INSERT INTO git_parents BY NAME SELECT * FROM incoming ON CONFLICT DO NOTHING",
    "changes": "INSERT INTO git_changes BY NAME SELECT * FROM incoming ON CONFLICT DO NOTHING",
}
_REFS = "SELECT ref_name, commit_sha FROM git_refs WHERE repo = $repo ORDER BY ref_name"
_REPOSITORIES = "SELECT DISTINCT repo FROM git_refs ORDER BY repo"
_KNOWN = "SELECT commit_sha FROM git_commits WHERE repo = $repo"
_BOUNDARIES = "SELECT commit_sha FROM git_commits WHERE repo = $repo AND is_boundary = 1"
_NODES = """
SELECT commit_sha, epoch_us(commit_time) // 1000000 FROM git_commits WHERE repo = $repo
"""
_PARENTS = """
SELECT commit_sha, LIST(parent_sha ORDER BY seq) FROM git_parents WHERE repo = $repo
GROUP BY commit_sha
"""
_CHANGES = """
SELECT
  commit_sha, path, epoch_us(commit_time), change_type, previous_path, blob_sha, insertions,
  deletions
FROM git_changes
WHERE repo = $repo
  AND (path IN (SELECT UNNEST($paths)) OR previous_path IN (SELECT UNNEST($paths)))
ORDER BY commit_time DESC, commit_sha, path
"""
_FORGET_CHANGES = "DELETE FROM git_changes WHERE repo = $repo AND commit_sha = $sha"
_NO_BOUNDARY = """
UPDATE git_commits SET is_boundary = 0 WHERE repo = $repo AND commit_sha = $sha
"""
_DROP_REF = "DELETE FROM git_refs WHERE repo = $repo AND ref_name = $name"
_PUT_REFS = """
INSERT INTO git_refs BY NAME SELECT * FROM incoming
ON CONFLICT (repo, ref_name) DO UPDATE SET
  commit_sha = excluded.commit_sha, run_id = excluded.run_id
"""
_FORGET_ANSWERS = "DELETE FROM git_cache WHERE repo = $repo AND ref IN (SELECT UNNEST($refs))"
_FORGET_ALL_ANSWERS = "DELETE FROM git_cache WHERE repo = $repo"
_SESSIONS = """
SELECT session_id, repo, ref, commit_sha, certainty, reason FROM session_commits
ORDER BY session_id
"""
_SESSION = """
SELECT session_id, repo, ref, commit_sha, certainty, reason FROM session_commits
WHERE session_id = $session_id
"""
_OWNERS = """
SELECT commit_sha, MIN(repo) FROM git_commits WHERE commit_sha IN (SELECT UNNEST($shas))
GROUP BY commit_sha
"""
_DROP_SESSIONS = "DELETE FROM session_commits WHERE session_id IN (SELECT UNNEST($ids))"
_PUT_SESSIONS = """
INSERT INTO session_commits BY NAME SELECT * FROM incoming
ON CONFLICT (session_id) DO UPDATE SET
  repo = excluded.repo, ref = excluded.ref, commit_sha = excluded.commit_sha,
  certainty = excluded.certainty, reason = excluded.reason, run_id = excluded.run_id
"""
_COUNTS = """
SELECT
  (SELECT COUNT(*) FROM git_commits), (SELECT COUNT(*) FROM git_changes),
  (SELECT COUNT(*) FROM git_refs), (SELECT COUNT(*) FROM session_commits)
"""


class GitReader:
    """What one read connection says of git context."""

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        """Args: an open connection to the warehouse file."""
        self._connection = connection

    def rows(
        self, query: str, parameters: Mapping[str, object], **tables: "pa.Table"
    ) -> list[tuple[Any, ...]]:
        """The rows of a query, which may name the Arrow tables given beside it."""
        for name, table in tables.items():
            self._connection.register(name, table)
        return self._connection.execute(query, dict(parameters)).fetchall()

    def refs(self, repo: str) -> dict[str, str]:
        """Name -> commit of the references at the last sync."""
        return dict(self._connection.execute(_REFS, {"repo": repo}).fetchall())

    def repositories(self) -> list[str]:
        """Repositories that were synced."""
        return [name for (name,) in self._connection.execute(_REPOSITORIES).fetchall()]

    def known(self, repo: str) -> set[str]:
        """Commits that are stored."""
        return {sha for (sha,) in self._connection.execute(_KNOWN, {"repo": repo}).fetchall()}

    def boundaries(self, repo: str) -> set[str]:
        """Commits that were stored without their parents, from a shallow clone."""
        return {sha for (sha,) in self._connection.execute(_BOUNDARIES, {"repo": repo}).fetchall()}

    def graph(self, repo: str) -> Graph:
        """The commit graph."""
        parameters = {"repo": repo}
        parents = dict(self._connection.execute(_PARENTS, parameters).fetchall())
        nodes = self._connection.execute(_NODES, parameters).fetchall()
        return Graph({sha: Node(time, tuple(parents.get(sha, ()))) for sha, time in nodes})

    def changes(self, repo: str, paths: Iterable[str]) -> list[Change]:
        """Changes that a path took part in under either name, newest first."""
        parameters = {"repo": repo, "paths": sorted(set(paths))}
        return [
            Change(
                commit_sha=sha,
                path=path,
                commit_time=instant(time),
                change_type=ChangeType(kind),
                previous_path=previous,
                blob_sha=blob,
                insertions=insertions,
                deletions=deletions,
            )
            for sha, path, time, kind, previous, blob, insertions, deletions in (
                self._connection.execute(_CHANGES, parameters).fetchall()
            )
        ]

    def owners(self, commits: Iterable[str]) -> dict[str, str]:
        """Commit -> a repository that holds it, for those that are known."""
        parameters = {"shas": sorted(set(commits))}
        return dict(self._connection.execute(_OWNERS, parameters).fetchall())

    def session_commits(self) -> list[SessionCommit]:
        """Where every session ran, as far as it is known."""
        return [_session(row) for row in self._connection.execute(_SESSIONS).fetchall()]

    def session_commit(self, session_id: str) -> SessionCommit | None:
        """Where a session ran; None when nothing was found out about it."""
        row = self._connection.execute(_SESSION, {"session_id": session_id}).fetchone()
        return None if row is None else _session(row)

    def counts(self) -> dict[str, int]:
        """Rows of the tables by name."""
        found = self._connection.execute(_COUNTS).fetchone() or (0, 0, 0, 0)
        names = ("git_commits", "git_changes", "git_refs", "session_commits")
        return dict(zip(names, map(int, found), strict=True))


@contextmanager
def reading(warehouse: WarehouseStore) -> Iterator[GitReader | None]:
    """A reader, or None where the file does not hold the tables yet."""
    with ExitStack() as stack:
        try:
            reader: GitReader | None = GitReader(stack.enter_context(warehouse.read()))
        except NotReady as error:
            if error.code is not ErrorCode.MIGRATION_PENDING:
                raise
            reader = None
        yield reader


def add_batch(connection: "DuckDBPyConnection", batch: "Batch") -> None:
    """Write commits that are new; those that are there stay as they are."""
    for name, statement in _ADD.items():
        _insert(connection, statement, getattr(batch, name))


def complete_boundaries(
    connection: "DuckDBPyConnection", repo: str, commits: Iterable[str], batch: "Batch"
) -> None:
    """Replace the changes of commits whose parents have come in since; answers are forgotten."""
    for sha in commits:
        connection.execute(_FORGET_CHANGES, {"repo": repo, "sha": sha})
        connection.execute(_NO_BOUNDARY, {"repo": repo, "sha": sha})
    connection.execute(_FORGET_ALL_ANSWERS, {"repo": repo})
    add_batch(connection, batch)


def put_refs(
    connection: "DuckDBPyConnection",
    repo: str,
    refs: Sequence[Ref],
    gone: Iterable[str],
    run_id: str,
) -> None:
    """Write references that are new or moved, take away those that are gone, and their answers."""
    names = [ref.name for ref in refs]
    gone = list(gone)
    for name in gone:
        connection.execute(_DROP_REF, {"repo": repo, "name": name})
    rows = [
        {
            "repo": repo,
            "ref_name": ref.name,
            "commit_sha": ref.commit_sha,
            "is_tag": int(ref.is_tag),
            "is_remote": int(ref.is_remote),
            "run_id": run_id,
        }
        for ref in refs
    ]
    _insert(connection, _PUT_REFS, _table(GIT_REFS, rows))
    stale = [form for name in names + gone for form in (name, f"{name}^1")]
    connection.execute(_FORGET_ANSWERS, {"repo": repo, "refs": stale})


def put_sessions(
    connection: "DuckDBPyConnection",
    changed: Sequence[SessionCommit],
    gone: Sequence[str],
    run_id: str,
) -> None:
    """Write where sessions ran; take away sessions that the ledger does not have any more."""
    connection.execute(_DROP_SESSIONS, {"ids": list(gone)})
    rows = [
        {
            "session_id": link.session_id,
            "repo": link.repo,
            "ref": link.ref,
            "commit_sha": link.commit_sha,
            "certainty": link.certainty.value,
            "reason": None if link.reason is None else link.reason.value,
            "run_id": run_id,
        }
        for link in changed
    ]
    _insert(connection, _PUT_SESSIONS, _table(SESSION_COMMITS, rows))


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970, the exact form in which instants leave DuckDB."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _insert(connection: "DuckDBPyConnection", statement: str, rows: "pa.Table") -> None:
    if rows.num_rows:
        connection.register("incoming", rows)
        try:
            connection.execute(statement)
        finally:
            connection.unregister("incoming")


def _table(contract: TableContract, rows: Sequence[Mapping[str, object]]) -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=arrow_schema(contract))


def _session(row: tuple[str, str | None, str | None, str | None, str, str | None]) -> SessionCommit:
    session_id, repo, ref, commit, certainty, reason = row
    return SessionCommit(
        session_id=session_id,
        repo=repo,
        ref=ref,
        commit_sha=commit,
        certainty=Certainty(certainty),
        reason=None if reason is None else Reason(reason),
    )
