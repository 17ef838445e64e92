"""Sync writes what is new and only that: rewritten branches, shallow clones and odd files, too."""

import random
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.lineage.git.extract import Extractor
from helicarrier.lineage.git.lines import count_changed
from helicarrier.lineage.git.model import SyncReport
from helicarrier.lineage.git.repository import add_batch
from helicarrier.lineage.git.source import GitSource
from helicarrier.lineage.git.sync import dry_run, is_behind, marks_of, plan, sync
from helicarrier.store import warehouse_markers
from helicarrier.store.run_model import Run
from helicarrier.store.warehouse import WarehouseStore
from helicarrier.times import parse
from tests.lineage.repositories import GIT, Script, git, odd_history

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")

T0 = 1_600_000_000
START = "2026-01-01T00:00:00Z"
AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


def synced(folder: Path, warehouse: WarehouseStore, batch: int = 20_000) -> SyncReport:
    """One sync."""
    run = Run(run_id="r", started_at=parse(START))
    return sync(GitSource(folder), warehouse, run, batch=batch)


def rows(warehouse: WarehouseStore, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with warehouse.read() as connection:
        return connection.execute(query).fetchall()


def everything(warehouse: WarehouseStore) -> dict[str, list[tuple[Any, ...]]]:
    """All that is stored of history, in an order of its own."""
    return {
        table: rows(warehouse, f"SELECT * EXCLUDE (repo) FROM {table} ORDER BY ALL")  # noqa: S608
        for table in ("git_commits", "git_parents", "git_changes", "git_refs")
    }


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with merges, renames and deletions."""
    return odd_history(seed=11, commits=120).write(tmp_path_factory.mktemp("git") / "odd")


def test_commits_and_parents_are_those_of_git(odd: Path, warehouse: WarehouseStore) -> None:
    """Every commit that a branch leads to, with its parents in their order."""
    report = synced(odd, warehouse)
    said = git(odd, "log", "--all", "--format=%H %ct %at %an <%ae>|%P").splitlines()
    stored = rows(
        warehouse,
        "SELECT commit_sha || ' ' || epoch_us(commit_time) // 1000000 || ' '"
        " || epoch_us(author_time) // 1000000 || ' ' || author || '|' || COALESCE(("
        "SELECT STRING_AGG(parent_sha, ' ' ORDER BY seq) FROM git_parents AS p"
        " WHERE p.commit_sha = c.commit_sha), '') FROM git_commits AS c",
    )
    assert sorted(line for (line,) in stored) == sorted(said)
    assert report.commits == len(said) == 120


def test_changes_are_those_of_git_against_the_first_parent(
    odd: Path, warehouse: WarehouseStore
) -> None:
    """Letters, both names, content and counts of lines, for merges as well."""
    synced(odd, warehouse)
    options = ["--all", "--format=commit %H", "--diff-merges=first-parent", "--root", "-M"]
    raw = git(odd, "log", *options, "--raw", "--no-abbrev")
    said: dict[tuple[str, str], tuple[object, ...]] = {}
    sha = ""
    for line in filter(None, raw.splitlines()):
        if line.startswith("commit "):
            sha = line.split()[1]
            continue
        facts, *names = line.split("\t")
        *_, blob, letter = facts.split()
        previous = names[0] if letter[0] == "R" else None
        said[sha, names[-1]] = letter[0], previous, None if letter == "D" else blob
    lines: dict[tuple[str, str], tuple[int, int]] = {}
    for line in filter(None, git(odd, "log", *options, "--numstat", "-z").split("\0")):
        for part in filter(None, line.split("\n")):
            if part.startswith("commit "):
                sha = part.split()[1]
            elif part[0].isdigit():
                added, removed, name = part.split("\t")
                if name:
                    lines[sha, name] = int(added), int(removed)
    stored = rows(
        warehouse,
        "SELECT commit_sha, path, change_type, previous_path, blob_sha, insertions, deletions"
        " FROM git_changes",
    )
    assert {(sha, path): tuple(rest[:3]) for sha, path, *rest in stored} == said
    counted = {(sha, path): (rest[3], rest[4]) for sha, path, *rest in stored}
    assert {key: counted[key] for key in lines} == lines
    assert {kind for _, _, kind, *_ in stored} == {"A", "M", "D", "R"}


def test_counts_of_lines_are_those_of_git(tmp_path: Path, warehouse: WarehouseStore) -> None:
    """Large and small files, several places at once, last lines without an end."""
    chance, script = random.Random(3), Script()
    content = b"".join(b"line %d\n" % n for n in range(900))
    parents: list[int] = []
    for _ in range(60):
        parents = [script.commit("main", T0, [("f", content)], parents=parents)]
        lines = content.split(b"\n") or [b""]
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(lines) + 1)
            kept = chance.choice([0, 0, 1, 3])
            new = [b"new %d" % chance.randrange(50) for _ in range(chance.randrange(3))]
            lines[place : place + kept] = new
        content = b"\n".join(lines[: chance.choice([len(lines), len(lines), 12])])
        if chance.random() < 0.3:
            content = content.rstrip(b"\n")
    folder = script.write(tmp_path / "r")
    synced(folder, warehouse)
    said: dict[str, tuple[int, int]] = {}
    sha = ""
    for line in filter(None, git(folder, "log", "--format=%H", "--numstat").splitlines()):
        added, *rest = line.split("\t")
        if rest:
            said[sha] = int(added), int(rest[0])
        sha = sha if rest else line
    stored = rows(warehouse, "SELECT commit_sha, insertions, deletions FROM git_changes")
    assert {sha: (added, removed) for sha, added, removed in stored} == said


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        (b"", b"", (0, 0)),
        (b"", b"a\nb", (2, 0)),
        (b"a\nb\n", b"", (0, 2)),
        (b"a\nb", b"a\nb\n", (1, 1)),
        (b"a\nb\n", b"b\n", (0, 1)),
        (b"x\n", b"y\nx\nz\n", (2, 0)),
        (b"a\rb\n", b"a\rc\n", (1, 1)),
        (b"a\0", b"b", None),
    ],
)
def test_lines_are_counted_without_a_diff_where_none_is_needed(
    old: bytes, new: bytes, counts: tuple[int, int] | None
) -> None:
    """One place, or one line on a side."""

    def never(old: bytes, new: bytes) -> tuple[int, int]:
        raise AssertionError

    assert count_changed(old, new, never) == counts


def test_a_second_sync_writes_nothing(odd: Path, warehouse: WarehouseStore) -> None:
    """And changes nothing."""
    synced(odd, warehouse)
    before = everything(warehouse)
    again = synced(odd, warehouse)
    assert (again.commits, again.changes, again.ref_changes.stale) == (0, 0, ())
    assert everything(warehouse) == before
    assert not is_behind(GitSource(odd), warehouse)


def test_syncs_in_steps_store_what_one_sync_does(
    odd: Path, tmp_path: Path, warehouse: WarehouseStore
) -> None:
    """Branch by branch, each sync adding what is new."""
    steps = WarehouseStore(tmp_path / "steps.duckdb")
    clone = tmp_path / "clone"
    branches = git(odd, "for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(clone))
    counts = []
    for place in ["main~4", "main~1", *branches]:
        name = place.partition("~")[0]
        sha = git(odd, "rev-parse", place)
        git(odd, "branch", "-f", "step", sha)
        git(clone, "fetch", "-q", str(odd), f"+step:refs/heads/{name}")
        counts.append(synced(clone, steps).commits)
    git(odd, "branch", "-D", "step")
    synced(odd, warehouse)
    assert everything(steps) == everything(warehouse)
    assert counts[0]
    assert counts[1]
    assert sum(counts) == 120


def test_a_dry_run_says_what_is_new_and_writes_nothing(
    odd: Path, warehouse: WarehouseStore
) -> None:
    """Not even the file."""
    report = dry_run(GitSource(odd), WarehouseStore(warehouse.path.with_name("new.duckdb")))
    assert (report.commits, report.changes, report.dry_run) == (120, None, True)
    assert not warehouse.path.with_name("new.duckdb").exists()


def test_commits_of_an_interrupted_sync_are_not_read_again(
    odd: Path, warehouse: WarehouseStore
) -> None:
    """Batches are kept; the references come last."""
    writes = iter([True, True])

    class Stopped(WarehouseStore):
        def write(self) -> AbstractContextManager[DuckDBPyConnection]:
            if next(writes, None) is None:
                raise KeyboardInterrupt
            return super().write()

    with pytest.raises(KeyboardInterrupt):
        synced(odd, Stopped(warehouse.path), batch=50)
    assert rows(warehouse, "SELECT COUNT(*) FROM git_refs") == [(0,)]
    assert synced(odd, warehouse).commits == 20
    orphans = (
        "SELECT COUNT(*) FROM git_parents"
        " WHERE parent_sha NOT IN (SELECT commit_sha FROM git_commits)"
    )
    assert rows(warehouse, orphans) == [(0,)]


def test_a_rewritten_branch_is_told_and_its_old_commits_stay(
    tmp_path: Path, warehouse: WarehouseStore
) -> None:
    """Also when git has cleaned them away; a branch that is gone is gone."""
    script = Script()
    one = script.commit("main", T0, [("a", b"1\n")])
    script.commit("main", T0 + 1, [("a", b"2\n")], parents=[one])
    script.commit("gone", T0 + 2, [("a", b"3\n")], parents=[one])
    folder = script.write(tmp_path / "r")
    synced(folder, warehouse)
    old = git(folder, "rev-parse", "main")
    root = git(folder, "rev-parse", "main~1")
    git(folder, "update-ref", "refs/heads/main", root)
    git(folder, "update-ref", "-d", "refs/heads/gone")
    git(folder, "reset", "-q", "--hard", "main")
    git(folder, *AUTHOR, "commit", "-q", "--allow-empty", "-m", "other")
    git(folder, "reflog", "expire", "--expire=now", "--all")
    git(folder, "gc", "-q", "--prune=now")
    report = synced(folder, warehouse)
    assert report.commits == 1
    assert report.ref_changes.rewritten == ("refs/heads/main",)
    assert report.ref_changes.gone == ("refs/heads/gone",)
    assert report.ref_changes.moved == ("HEAD",)
    assert (old,) in rows(warehouse, "SELECT commit_sha FROM git_commits")
    assert rows(warehouse, "SELECT COUNT(*) FROM git_commits") == [(4,)]


def test_a_shallow_clone_ends_where_it_was_cut_off_and_can_be_completed(
    odd: Path, tmp_path: Path, warehouse: WarehouseStore
) -> None:
    """The commit at the cut holds all its files; with its parents it is like any other."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "5", "--no-single-branch", f"file://{odd}", str(clone))
    report = synced(clone, warehouse)
    cut = set((clone / ".git" / "shallow").read_text().split())
    assert report.is_shallow
    assert 0 < report.commits < 120
    stored = rows(warehouse, "SELECT commit_sha FROM git_commits WHERE is_boundary = 1")
    assert {sha for (sha,) in stored} == cut
    sha = min(cut)
    held = git(clone, "ls-tree", "-r", "--name-only", sha).splitlines()
    changed = rows(warehouse, "SELECT commit_sha, path, change_type FROM git_changes")
    assert sorted(changed_at(changed, sha)) == sorted((path, "A") for path in held)

    git(clone, "fetch", "-q", "--unshallow")
    report = synced(clone, warehouse)
    assert not report.is_shallow
    assert report.completed_boundaries == len(cut)
    whole = WarehouseStore(tmp_path / "whole.duckdb")
    fresh = tmp_path / "fresh"
    git(tmp_path, "clone", "-q", f"file://{odd}", str(fresh))
    synced(fresh, whole)
    for table in ("git_commits", "git_parents", "git_changes"):
        query = f"SELECT * EXCLUDE (repo) FROM {table} ORDER BY ALL"  # noqa: S608 - a test
        assert rows(warehouse, query) == rows(whole, query)


def changed_at(changes: list[tuple[str, str, str]], commit: str) -> list[tuple[str, str]]:
    """Path and letter of the changes of a commit."""
    return [(path, kind) for sha, path, kind in changes if sha == commit]


def test_odd_files_and_messages_are_stored(tmp_path: Path, warehouse: WarehouseStore) -> None:
    """Links, a file that becomes a folder, binary content, names and messages in other bytes."""
    script = Script()
    one = script.commit(
        "main",
        T0,
        [("thing", b"x\n"), ("bin", b"\0\1"), ('"caf\\351"', b"name\n"), ("empty", b"")],
        message=b"caf\xe9 \xf0\x9f\x9a\xa2",
    )
    two = script.commit("main", T0 + 1, [("thing/inner", b"y\n"), ("bin", b"\0\2")], parents=[one])
    script.commit("main", T0 + 2, [("empty", b"target")], parents=[two], mode="120000")
    folder = script.write(tmp_path / "r")
    synced(folder, warehouse)
    stored = rows(
        warehouse,
        "SELECT epoch_us(commit_time) // 1000000 - 1600000000, path, change_type, insertions,"
        " deletions FROM git_changes ORDER BY ALL",
    )
    assert stored == [
        (0, "bin", "A", None, None),
        (0, "caf\\xe9", "A", 1, 0),
        (0, "empty", "A", 0, 0),
        (0, "thing", "A", 1, 0),
        (1, "bin", "M", None, None),
        (1, "thing", "D", 0, 1),
        (1, "thing/inner", "A", 1, 0),
        (2, "empty", "M", 1, 0),
    ]
    assert ("caf\ufffd \U0001f6a2",) in rows(warehouse, "SELECT message FROM git_commits")


def test_worktrees_share_the_name_of_their_repository(odd: Path, tmp_path: Path) -> None:
    """So that sessions in each of them meet the same history."""
    tree = tmp_path / "tree"
    git(odd, "worktree", "add", "-q", "--detach", str(tree), "main")
    assert GitSource(tree).name == GitSource(odd).name == str(odd.resolve())
    git(odd, "worktree", "remove", str(tree))


def test_a_repository_without_commits_has_nothing(
    tmp_path: Path, warehouse: WarehouseStore
) -> None:
    """Which is no error."""
    git(tmp_path, "init", "-q", "r")
    report = synced(tmp_path / "r", warehouse)
    assert (report.refs, report.commits) == (0, 0)


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(InputRejected) as refused:
        GitSource(tmp_path / "none")
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert refused.value.hint


def test_sync_that_died_is_judged_by_what_it_had_committed(
    odd: Path, warehouse: WarehouseStore
) -> None:
    """Before its references it is interrupted, with the rows so far; after them it is complete."""
    source = GitSource(odd)
    before, after = (Run(run_id=name, started_at=parse(START)) for name in ("before", "after"))
    commits = plan(source, warehouse).commits
    (batch,) = Extractor(source, "before", frozenset()).batches(commits[:50], 50)
    with warehouse.write() as connection:
        add_batch(connection, batch)
        warehouse_markers.mark(connection, before.run_id, marks_of(source.name, batch))
    sync(source, warehouse, after)
    with warehouse.read() as connection:
        died, done = (warehouse_markers.written(connection, run.run_id) for run in (before, after))
    assert (died.complete, done.complete) == (False, True)
    assert [edge.rows for edge in died.outputs if edge.dataset == "git_commits"] == [50]
    assert [edge.rows for edge in done.outputs if edge.dataset == "git_commits"] == [
        len(commits) - 50
    ]
