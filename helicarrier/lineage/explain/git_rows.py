"""Rows of git context: commits, what they changed, references, and the commits of sessions."""

from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import Row, Sources, number, text
from helicarrier.lineage.explain.tree import Node
from helicarrier.lineage.git.sessions import commit_of_session

_MOST = 5

_COMMIT = """
SELECT commit_sha, author, commit_time, message FROM git_commits
WHERE repo = $repo AND commit_sha = $commit_sha
"""
_PARENTS = """
SELECT parent_sha FROM git_parents WHERE repo = $repo AND commit_sha = $commit_sha ORDER BY seq
"""
_CHANGES = """
SELECT path, change_type, previous_path, insertions, deletions FROM git_changes
WHERE repo = $repo AND commit_sha = $commit_sha ORDER BY path
"""
_SESSIONS = """
SELECT session_id, certainty FROM session_commits
WHERE repo = $repo AND commit_sha = $commit_sha ORDER BY session_id
"""
_SESSION = """
SELECT agent_id, task_title, started_at, cwd, git_branch, git_commit, source_uri
FROM session_ledger WHERE session_id = :session_id
"""


def commit_nodes(sources: Sources, session_id: str) -> tuple[Node, ...]:
    """At which commit a session ran, and how sure that is; none where no sync looked at it."""
    found = commit_of_session(sources.warehouse.store, session_id)
    if found is None:
        return ()
    facts = {
        "repo": found.repo,
        "ref": found.ref,
        "certainty": found.certainty.value,
        "reason": None if found.reason is None else found.reason.value,
    }
    told = {name: value for name, value in facts.items() if value is not None}
    commit = {"repo": found.repo, "commit_sha": found.commit_sha}
    known = sources.warehouse.rows(_COMMIT, commit) if found.commit_sha else []
    title = f"git commit {found.commit_sha or 'unknown'}"
    return (Node(title=title, facts=told | (_told(known[0]) if known else {})),)


def of_commit(sources: Sources, row: Row) -> list[Node]:
    """A commit: its parents, what it changed, the sessions that ran at it, the run."""
    key = {name: row[name] for name in ("repo", "commit_sha")}
    rows = sources.warehouse.rows
    parents, changes, sessions = rows(_PARENTS, key), rows(_CHANGES, key), rows(_SESSIONS, key)
    return [
        Node(
            title=f"parents: {len(parents)}",
            children=tuple(Node(title=text(one, "parent_sha")) for one in parents),
        ),
        Node(
            title=_counted("changes", len(changes)),
            children=tuple(
                Node(
                    title=f"{text(one, 'change_type')} {text(one, 'path')}",
                    facts={
                        name: number(one, name)
                        for name in ("insertions", "deletions")
                        if one[name] is not None
                    },
                )
                for one in changes[:_MOST]
            ),
        ),
        Node(
            title=_counted("sessions that ran at it", len(sessions)),
            children=tuple(
                Node(
                    title=f"session {text(one, 'session_id')}",
                    facts={"certainty": text(one, "certainty")},
                )
                for one in sessions[:_MOST]
            ),
        ),
        _run(sources, row),
    ]


def of_row_at_commit(sources: Sources, row: Row) -> list[Node]:
    """A change, a reference or a parent: its commit, the run."""
    return [*_commit(sources, row), _run(sources, row)]


def of_session_commit(sources: Sources, row: Row) -> list[Node]:
    """A session's commit: what its source says of where it ran, the commit, the run."""
    said = sources.query.rows(_SESSION, {"session_id": row["session_id"]})
    session = Node(
        title=f"session {text(row, 'session_id')}",
        facts={name: str(value) for name, value in said[0].items() if value is not None}
        if said
        else {"known": "not in the ledger"},
    )
    run = run_node(sources.runs, text(row, "run_id"))
    return [session, *_commit(sources, row), run]


def _commit(sources: Sources, row: Row) -> list[Node]:
    key = {name: row[name] for name in ("repo", "commit_sha")}
    return [
        Node(title=f"commit {text(one, 'commit_sha')}", facts=_told(one))
        for one in sources.warehouse.rows(_COMMIT, key)
    ]


def _told(commit: Row) -> dict[str, str | int | bool | None]:
    subject = text(commit, "message").partition("\n")[0]
    return {
        "author": text(commit, "author"),
        "commit_time": text(commit, "commit_time"),
        "subject": subject,
    }


def _run(sources: Sources, row: Row) -> Node:
    return run_node(sources.runs, text(row, "run_id"))


def _counted(what: str, count: int) -> str:
    return f"{what}: {count}" + (f", the first {_MOST}" if count > _MOST else "")
