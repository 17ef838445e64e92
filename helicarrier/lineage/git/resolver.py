"""The resolver: the commit a reference had at a time, and the content of a file in it.

The commit is the one of `git rev-list -1 --before=TIME REF`, the content that of
`git rev-parse COMMIT:PATH`, both answered from the stored history. Answers are kept in `git_cache`;
what was asked and answered is written there when the resolver is closed, so that reading stays
reading. An answer counts only as long as its reference leads to the commit it was found from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from helicarrier import times
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.lineage.git.cache import Answer, AnswerCache, Key
from helicarrier.lineage.git.graph import Graph, content_at, is_own_content
from helicarrier.lineage.git.model import Change, ChangeType, FileAt, Point
from helicarrier.lineage.git.repository import GitReader, reading
from helicarrier.store.warehouse import WarehouseStore

CAPACITY = 10_000
"""Answers that are kept."""
TIME_TO_LIVE = timedelta(days=30)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = (
    "{}",
    "refs/{}",
    "refs/tags/{}",
    "refs/heads/{}",
    "refs/remotes/{}",
    "refs/remotes/{}/HEAD",
)


class GitHistoryResolver:
    """Answers about repositories that were synced; use it as a context manager."""

    def __init__(
        self,
        warehouse: WarehouseStore,
        *,
        time_to_live: timedelta = TIME_TO_LIVE,
        capacity: int = CAPACITY,
        now: Callable[[], datetime] = times.now,
    ) -> None:
        """Args: the file; how long and how many answers are kept; the clock."""
        self._warehouse = warehouse
        self._cache = AnswerCache(time_to_live=time_to_live, capacity=capacity)
        self._now = now
        self._graphs: dict[str, tuple[dict[str, str], Graph]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.flush()

    def sha_at(
        self,
        repo: str,
        path: str,
        time: datetime,
        ref: str = "HEAD",
        *,
        first_parent: bool = False,
    ) -> FileAt:
        """Which commit `ref` had at a time, and the content of `path` in it.

        Args:
            repo: the name of the repository, as `git sync` gives it.
            path: as git writes it, from the root of the repository.
            time: aware; parts of a second do not count, as in git.
            ref: a branch, a tag, a remote branch or a full commit hash.
            first_parent: follow only the first parent of each commit, as `--first-parent`.

        Raises:
            InputRejected: NOT_FOUND, the repository was not synced or has no such reference.
        """
        return self.at(repo, [Point(path=path, at=time, ref=ref)], first_parent=first_parent)[0]

    def at(self, repo: str, points: Sequence[Point], *, first_parent: bool = False) -> list[FileAt]:
        """The answers to several questions about one repository, in their order; see `sha_at`.

        Raises:
            InputRejected: NOT_FOUND, the repository was not synced or has no such reference.
        """
        now = self._now()
        with reading(self._warehouse) as reader:
            if reader is None:
                raise _not_synced()
            refs = _refs(reader, repo)
            keys: list[Key] = []
            tips: dict[Key, str] = {}
            for point in points:
                name, tip = self._tip(reader, repo, refs, point.ref)
                keys.append(Key(repo, f"{name}^1" if first_parent else name, point.path, point.at))
                tips[keys[-1]] = tip
            known = self._cache.known(reader, tips, now)
            missing = {key: tip for key, tip in tips.items() if key not in known}
            found = self._found(reader, repo, refs, missing) if missing else {}
        self._cache.asked(found, known, tips, now)
        answers = known | found
        return [_answered(key, answers[key]) for key in keys]

    def history(
        self, repo: str, path: str, ref: str = "HEAD", *, first_parent: bool = False
    ) -> list[Change]:
        """What happened to a file, newest first, through its renames.

        A merge is listed only where its content differs from that of each parent: what it merely
        brought together is listed at the commits it came from. Along first parents every merge that
        changed the file is listed.

        Raises:
            InputRejected: NOT_FOUND, the repository was not synced or has no such reference.
        """
        with reading(self._warehouse) as reader:
            if reader is None:
                raise _not_synced()
            refs = _refs(reader, repo)
            _, tip = self._tip(reader, repo, refs, ref)
            graph = self._graph(reader, repo, refs)
            changes = _through_renames(reader, repo, path)
        by_name = _by_name(changes)
        listed: list[Change] = []
        order = graph.first_parents(tip) if first_parent else graph.by_date(tip)
        for sha in order:
            change = by_name.get(path, {}).get(sha)
            if change is None:
                continue
            if len(graph.nodes[sha].parents) > 1 and not first_parent:
                contents = _contents(by_name[path].values(), path)
                if not is_own_content(graph, sha, contents):
                    continue
            listed.append(change)
            if change.change_type is ChangeType.RENAMED and change.path == path:
                path = change.previous_path or path
        return listed

    def flush(self) -> None:
        """Write what was asked since the last time; nothing to write, nothing happens."""
        if self._cache.has_news:
            with self._warehouse.write() as connection:
                self._cache.write(connection, self._now())

    def _tip(self, reader: GitReader, repo: str, refs: dict[str, str], ref: str) -> tuple[str, str]:
        """The full name of a reference and its commit, by git's own order of names."""
        for form in _NAMES:
            name = form.format(ref)
            if name in refs:
                return name, refs[name]
        if ref in self._graph(reader, repo, refs).nodes:
            return ref, ref
        raise InputRejected(
            "the repository has no such branch, tag or commit, as of its last sync",
            code=ErrorCode.NOT_FOUND,
            hint="Give a name that `git for-each-ref` lists or a full commit hash; "
            "`helicarrier git sync` reads new ones.",
        )

    def _graph(self, reader: GitReader, repo: str, refs: dict[str, str]) -> Graph:
        """The graph, loaded again when references have moved."""
        kept = self._graphs.get(repo)
        if kept is None or kept[0] != refs:
            kept = self._graphs[repo] = refs, reader.graph(repo)
        return kept[1]

    def _found(
        self,
        reader: GitReader,
        repo: str,
        refs: dict[str, str],
        missing: Mapping[Key, str],
    ) -> dict[Key, Answer]:
        graph = self._graph(reader, repo, refs)
        paths = {key.path for key in missing}
        by_path: dict[str, list[Change]] = {path: [] for path in paths}
        for change in reader.changes(repo, paths):
            for name in {change.path, change.previous_path} & paths:
                by_path[str(name)].append(change)
        contents = {path: _contents(changes, path) for path, changes in by_path.items()}
        found = {}
        for key, tip in missing.items():
            seconds = (key.at - _EPOCH) // timedelta(seconds=1)
            commit = graph.before(tip, seconds, first_parent=key.ref.endswith("^1"))
            blob = None if commit is None else content_at(graph, commit, contents[key.path])[0]
            found[key] = Answer(commit, blob)
        return found


def _refs(reader: GitReader, repo: str) -> dict[str, str]:
    refs = reader.refs(repo)
    if not refs:
        raise _not_synced()
    return refs


def _not_synced() -> InputRejected:
    return InputRejected(
        "nothing is stored of this repository",
        code=ErrorCode.NOT_FOUND,
        hint="Run `helicarrier git sync` on it first.",
    )


def _through_renames(reader: GitReader, repo: str, path: str) -> list[Change]:
    """Changes of a path and of every name that it may have had before."""
    asked: set[str] = set()
    names = {path}
    found: dict[tuple[str, str], Change] = {}
    while names - asked:
        changes = reader.changes(repo, names - asked)
        asked |= names
        found |= {(change.commit_sha, change.path): change for change in changes}
        names |= {
            change.previous_path
            for change in changes
            if change.previous_path is not None and change.path in asked
        }
    return list(found.values())


def _by_name(changes: Sequence[Change]) -> dict[str, dict[str, Change]]:
    """Name -> commit -> change; one that gives a name its content goes before one that ends it."""
    found: dict[str, dict[str, Change]] = {}
    for change in changes:
        found.setdefault(change.path, {})[change.commit_sha] = change
    for change in changes:
        if change.previous_path is not None:
            found.setdefault(change.previous_path, {}).setdefault(change.commit_sha, change)
    return found


def _contents(changes: Iterable[Change], path: str) -> dict[str, str | None]:
    """Commit -> content of the path after it; None where it was deleted or renamed away."""
    return {
        change.commit_sha: change.blob_sha if change.path == path else None
        for change in sorted(changes, key=lambda change: change.path == path)
    }


def _answered(key: Key, answer: Answer) -> FileAt:
    return FileAt(
        repo=key.repo,
        ref=key.ref.removesuffix("^1"),
        path=key.path,
        at=key.at,
        commit_sha=answer.commit_sha,
        blob_sha=answer.blob_sha,
    )
