"""Extraction: commits of a repository as rows of the tables, in batches of Arrow tables.

Every commit is compared with its first parent, merges too: a merge so holds what it brought to the
branch it was merged into, and the content of a path in any commit is what the last change on the
way back along first parents says. A first commit, and the one where a shallow clone was cut off,
adds all that it holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import TableContract
from helicarrier.lineage.git.lines import count_changed, is_binary
from helicarrier.lineage.git.model import ChangeType
from helicarrier.lineage.git.renames import Renames
from helicarrier.lineage.git.source import GitSource
from helicarrier.lineage.git.tables import GIT_CHANGES, GIT_COMMITS, GIT_PARENTS
from helicarrier.lineage.git.trees import SUBMODULE, Side, TreeDiff

if TYPE_CHECKING:
    import pyarrow as pa
    from pygit2 import Commit

BATCH = 20_000
"""Commits that are written in one transaction."""

_SECOND = 1_000_000  # microseconds
_LAST_SECOND = 253_402_300_799  # the end of the year 9999
_KEPT_BYTES = 64_000_000
_NO_LINES = (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of a stretch of commits, in the schemas of their tables."""

    commits: "pa.Table"
    parents: "pa.Table"
    changes: "pa.Table"


class Extractor:
    """Reads rows of one repository; contents seen lately are kept, since the next edit needs them.

    `boundaries` are commits whose parents a shallow clone left out.
    """

    def __init__(self, source: GitSource, run_id: str, boundaries: frozenset[str]) -> None:
        """Args: source; run_id, named in every row; boundaries."""
        from pygit2 import Oid

        odb = source.repository.odb

        def read(oid: bytes) -> bytes:
            content: bytes = odb.read(Oid(raw=oid))[1]
            return content

        self._read = read
        self._source = source
        self._run_id = run_id
        self._boundaries = boundaries
        self._trees = TreeDiff(read)
        self._renames = Renames(source.repository)
        self._kept: dict[bytes, bytes | None] = {}
        self._kept_bytes = 0

    def batches(self, commits: "Sequence[Commit]", size: int) -> Iterator[Batch]:
        """The rows of commits, `size` of them at once, in the order given."""
        for start in range(0, len(commits), size):
            yield self._batch(commits[start : start + size])

    def _batch(self, commits: "Sequence[Commit]") -> Batch:
        rows = _Columns(GIT_COMMITS), _Columns(GIT_PARENTS), _Columns(GIT_CHANGES)
        commit_rows, parent_rows, change_rows = rows
        for commit in commits:
            sha = str(commit.id)
            is_boundary = sha in self._boundaries
            parents = (
                _written_parents(self._read(commit.id.raw))
                if is_boundary
                else [str(parent) for parent in commit.parent_ids]
            )
            time = _microseconds(commit.commit_time)
            commit_rows.add(
                sha,
                _author(commit),
                _microseconds(commit.author.time),
                time,
                _message(commit),
                int(len(parents) > 1),
                int(is_boundary),
            )
            for seq, parent in enumerate(parents):
                parent_rows.add(sha, seq, parent)
            for change in self._changes(commit):
                change_rows.add(sha, change[0], time, *change[1:])
        return Batch(
            **{
                name: columns.table(repo=self._source.name, run_id=self._run_id)
                for name, columns in zip(("commits", "parents", "changes"), rows, strict=True)
            }
        )

    def _changes(self, commit: "Commit") -> Iterator[tuple[object, ...]]:
        """path, change_type, previous_path, blob_sha, insertions, deletions."""
        parents = commit.parents[:1]
        old_tree = parents[0].tree_id.raw if parents else None
        found = self._trees.between(old_tree, commit.tree_id.raw)
        renamed = self._renames.of(parents[0], commit, found) if parents else {}
        sources = set(renamed.values())
        by_path = {difference.path: difference for difference in found}
        for path, old, new in found:
            match old, new:
                case None, Side():
                    origin = renamed.get(path)
                    if origin is None:
                        yield self._change(path, ChangeType.ADDED, None, None, new)
                    else:
                        before = by_path[origin].old
                        yield self._change(path, ChangeType.RENAMED, origin, before, new)
                case Side(), None:
                    if path not in sources:
                        yield self._change(path, ChangeType.DELETED, None, old, None)
                case _:
                    yield self._change(path, ChangeType.MODIFIED, None, old, new)

    def _change(
        self,
        path: bytes,
        kind: ChangeType,
        previous: bytes | None,
        old: Side | None,
        new: Side | None,
    ) -> tuple[object, ...]:
        added, removed = self._lines(old, new)
        return (
            path_text(path),
            kind.value,
            None if previous is None else path_text(previous),
            None if new is None else new.oid.hex(),
            added,
            removed,
        )

    def _lines(self, old: Side | None, new: Side | None) -> tuple[int, int] | tuple[None, None]:
        if old and new and old.oid == new.oid:
            return 0, 0
        before, after = self._content(old), self._content(new)
        if before is None or after is None:
            return _NO_LINES
        return count_changed(before, after, _aligned) or _NO_LINES

    def _content(self, side: Side | None) -> bytes | None:
        """The bytes of a file; None for submodules and for what a partial clone left out."""
        if side is None:
            return b""
        if side.mode == SUBMODULE:
            return None
        kept = self._kept.get(side.oid, b"")
        if kept or side.oid in self._kept:
            return kept
        try:
            content: bytes | None = self._read(side.oid)
        except KeyError:
            content = None
        if content is not None:
            if is_binary(content):
                content = b"\0"  # All that will be asked of it.
            self._kept_bytes += len(content)
        if self._kept_bytes > _KEPT_BYTES:
            self._kept.clear()
            self._kept_bytes = 0
        self._kept[side.oid] = content
        return content


class _Columns:
    """Rows of a table, gathered column by column; repository and run are the same in all."""

    def __init__(self, contract: TableContract) -> None:
        self._contract = contract
        self._rows: list[tuple[object, ...]] = []
        self._names = [n for n in contract.column_names if n not in {"repo", "run_id"}]

    def add(self, *row: object) -> None:
        self._rows.append(row)

    def table(self, *, repo: str, run_id: str) -> "pa.Table":
        import pyarrow as pa

        count = len(self._rows)
        columns: Mapping[str, Sequence[object]] = (
            dict(zip(self._names, zip(*self._rows, strict=True), strict=True))
            if count
            else dict.fromkeys(self._names, ())
        )
        schema = arrow_schema(self._contract)
        same = {"repo": repo, "run_id": run_id}
        return pa.table(
            [
                pa.repeat(same[field.name], count)
                if field.name in same
                else pa.array(columns[field.name], type=_plain(field.type)).cast(field.type)
                for field in schema
            ],
            schema=schema,
        )


def path_text(path: bytes) -> str:
    r"""A path of git as text; bytes that are not UTF-8 become `\xNN`, so that none are lost."""
    return path.decode("utf-8", "backslashreplace")


def _plain(wanted: "pa.DataType") -> "pa.DataType":
    """What values come as: instants as whole microseconds."""
    import pyarrow as pa

    return pa.int64() if pa.types.is_timestamp(wanted) else wanted


def _microseconds(seconds: int) -> int:
    """An instant within what a table can hold; git itself reads a negative time as zero."""
    return min(max(seconds, 0), _LAST_SECOND) * _SECOND


def _author(commit: "Commit") -> str:
    name, email = commit.author.raw_name, commit.author.raw_email
    return _text(b"%b <%b>" % (name or b"", email or b""), commit)


def _message(commit: "Commit") -> str:
    return _text(commit.raw_message, commit)


def _text(content: bytes, commit: "Commit") -> str:
    try:
        text = content.decode(commit.message_encoding or "utf-8", "replace")
    except LookupError:  # an encoding that only its author knew
        text = content.decode("utf-8", "replace")
    return text.replace("\0", "")


def _written_parents(commit: bytes) -> list[str]:
    """The parents as the commit itself names them, whether or not they are there."""
    header = commit.partition(b"\n\n")[0]
    return [
        line[len(b"parent ") :].decode("ascii")
        for line in header.splitlines()
        if line.startswith(b"parent ")
    ]


def _aligned(old: bytes, new: bytes) -> tuple[int, int]:
    """Lines added and removed by libgit2's diff."""
    from pygit2 import Patch

    _, added, removed = Patch.create_from(old, new, context_lines=0).line_stats
    return added, removed
