"""Sessions and commits: at which commit each agent session ran, and how sure that is.

A session file may name the commit itself (Codex does); else its folder says the repository and its
branch, and the commit is the one that the branch had when the session started. That is what the
history says today: a branch that was rewritten since answers with commits the session never saw, so
such a commit is `resolved` and never `recorded`. Where nothing can be said the reason is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from helicarrier import times
from helicarrier.lineage.git.graph import Graph
from helicarrier.lineage.git.model import Certainty, Reason, SessionCommit
from helicarrier.lineage.git.repository import GitReader, put_sessions, reading
from helicarrier.lineage.git.source import names_of_folders
from helicarrier.store import warehouse_markers
from helicarrier.store.query import Query
from helicarrier.store.run_model import Edge, Run
from helicarrier.store.warehouse import WarehouseStore

_SESSIONS = """
SELECT session_id, started_at, cwd, git_branch, git_commit FROM session_ledger
WHERE cwd IS NOT NULL OR git_commit IS NOT NULL
ORDER BY session_id
"""
_DETACHED = {None, "", "HEAD"}
_BRANCHES = ("refs/heads/{}", "refs/remotes/origin/{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """What a session's source says about where it ran."""

    session_id: str
    started_at: str
    cwd: str | None
    git_branch: str | None
    git_commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """Sessions by how sure their commit is, and how many links changed."""

    recorded: int
    resolved: int
    unknown: int
    changed: int


def located_sessions(query: Query) -> list[Located]:
    """Sessions of the ledger that tell a folder or a commit.

    Raises:
        NotReady: the ledger is not at the schema of this version.
    """
    query.ready()
    return [
        Located(
            session_id=str(row["session_id"]),
            started_at=str(row["started_at"]),
            cwd=_text(row["cwd"]),
            git_branch=_text(row["git_branch"]),
            git_commit=_text(row["git_commit"]),
        )
        for row in query.rows(_SESSIONS, {})
    ]


def commit_of_session(warehouse: WarehouseStore, session_id: str) -> SessionCommit | None:
    """At which commit a session ran; None when nothing was found out about it.

    Raises:
        StorageUnavailable: the warehouse file cannot be read.
    """
    with reading(warehouse) as reader:
        return reader.session_commit(session_id) if reader else None


def link_sessions(
    sessions: Sequence[Located], warehouse: WarehouseStore, run: Run | None
) -> LinkReport:
    """Find the commit of each session and store what changed; without a run nothing is written."""
    with reading(warehouse) as reader:
        stored = {link.session_id: link for link in reader.session_commits()} if reader else {}
        links = _links(sessions, reader) if reader else [_link(s, {}, {}, None) for s in sessions]
    changed = [link for link in links if stored.get(link.session_id) != link]
    gone = sorted(set(stored) - {link.session_id for link in links})
    if run is not None:
        if changed or gone:
            with warehouse.write() as connection:
                put_sessions(connection, changed, gone, run.run_id)
                marks = {("session_commits", ""): len(changed)}
                warehouse_markers.mark(connection, run.run_id, marks, last=True)
        run.rows_in, run.rows_out = len(sessions), len(changed)
        run.reads(Edge(dataset="session_ledger", rows=len(sessions)))
        run.writes(Edge(dataset="session_commits", rows=len(changed)))
    by_certainty = {
        certainty: sum(link.certainty is certainty for link in links) for certainty in Certainty
    }
    return LinkReport(
        recorded=by_certainty[Certainty.RECORDED],
        resolved=by_certainty[Certainty.RESOLVED],
        unknown=by_certainty[Certainty.UNKNOWN],
        changed=len(changed) + len(gone),
    )


def _links(sessions: Sequence[Located], reader: GitReader) -> list[SessionCommit]:
    known = reader.repositories()
    folders = {session.cwd for session in sessions if session.cwd}
    names = names_of_folders(sorted(folders), known)
    owners = reader.owners(session.git_commit for session in sessions if session.git_commit)
    histories = _Histories(reader, known)
    return [_link(session, names, owners, histories) for session in sessions]


class _Histories:
    """References and graphs of the repositories, each read when it is first asked for."""

    def __init__(self, reader: GitReader, known: Iterable[str]) -> None:
        self._reader = reader
        self._known = frozenset(known)
        self._read: dict[str, tuple[dict[str, str], Graph]] = {}

    def of(self, repo: str | None) -> tuple[dict[str, str], Graph] | None:
        """None where the repository was not synced."""
        if repo is None or repo not in self._known:
            return None
        if repo not in self._read:
            self._read[repo] = self._reader.refs(repo), self._reader.graph(repo)
        return self._read[repo]


def _link(
    session: Located,
    names: Mapping[str, str],
    owners: Mapping[str, str],
    histories: _Histories | None,
) -> SessionCommit:
    repo = names.get(session.cwd or "")
    history = histories.of(repo) if histories else None
    ref = _branch(session.git_branch, history[0]) if history else None
    if session.git_commit:
        holds = history is not None and session.git_commit in history[1].nodes
        return SessionCommit(
            session_id=session.session_id,
            repo=repo if holds else owners.get(session.git_commit, repo),
            ref=ref,
            commit_sha=session.git_commit,
            certainty=Certainty.RECORDED,
            reason=None,
        )
    if history is None:
        return _unknown(session, repo=repo)
    if session.git_branch in _DETACHED:
        return _unknown(session, repo=repo, reason=Reason.NO_BRANCH)
    if ref is None:
        return _unknown(session, repo=repo, reason=Reason.BRANCH_GONE)
    refs, graph = history
    seconds = int(times.parse(session.started_at).timestamp())
    commit = graph.before(refs[ref], seconds)
    if commit is None:
        return _unknown(session, repo=repo, ref=ref, reason=Reason.BEFORE_HISTORY)
    return SessionCommit(
        session_id=session.session_id,
        repo=repo,
        ref=ref,
        commit_sha=commit,
        certainty=Certainty.RESOLVED,
        reason=None,
    )


def _unknown(
    session: Located,
    *,
    repo: str | None = None,
    ref: str | None = None,
    reason: Reason = Reason.NO_REPOSITORY,
) -> SessionCommit:
    return SessionCommit(
        session_id=session.session_id,
        repo=repo,
        ref=ref,
        commit_sha=None,
        certainty=Certainty.UNKNOWN,
        reason=reason,
    )


def _branch(name: str | None, refs: Mapping[str, str]) -> str | None:
    """The branch by its full name: the local one, else that of `origin`."""
    if name in _DETACHED:
        return None
    return next((full for form in _BRANCHES if (full := form.format(name)) in refs), None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
