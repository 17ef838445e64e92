"""Answers about files agree with git itself, whatever the clocks said; the cache changes none."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.lineage.git.model import ChangeType, FileAt, FileState, Point
from helicarrier.lineage.git.resolver import GitHistoryResolver
from helicarrier.lineage.git.source import GitSource
from helicarrier.lineage.git.sync import sync
from helicarrier.store.run_model import Run
from helicarrier.store.warehouse import WarehouseStore
from tests.lineage.repositories import GIT, Script, before, blobs, git, odd_history

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")

POINTS, TIMES = 500, 100
ROOT = Path(__file__).parents[2]
T0 = 1_600_000_000


def at(seconds: float) -> datetime:
    """An instant."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def synced(folder: Path, warehouse: WarehouseStore) -> GitSource:
    """A repository whose history is stored."""
    source = GitSource(folder)
    sync(source, warehouse, Run(run_id="run-1", started_at=at(0)))
    return source


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, WarehouseStore]]:
    """A repository with merges, renames, deletions and odd clocks, and its stored history."""
    folder = tmp_path_factory.mktemp("odd")
    repository = odd_history(seed=7, commits=400).write(folder / "repository")
    with closing(WarehouseStore(folder / "warehouse.duckdb")) as warehouse:
        yield repository, synced(repository, warehouse).name, warehouse


def sampled(folder: Path, ref: str, seed: int) -> list[Point]:
    """Points of any path that ever was, at times around those of any commit."""
    chance = random.Random(seed)
    log = git(folder, "log", "--all", "--format=%ct")
    times = sorted({int(line) for line in log.split()})
    names = git(folder, "log", "--all", "-m", "--format=", "--name-only").splitlines()
    paths = [*sorted(set(filter(None, names))), "never/was.txt"]
    # Few times for many points: each costs a process of git, a path costs a line.
    asked = [chance.choice(times) + chance.choice([-1, 0, 0, 0.5, 1, 1_800]) for _ in range(TIMES)]
    asked.append(times[0] - 3_600)
    return [
        Point(path=chance.choice(paths), at=at(chance.choice(asked)), ref=ref)
        for _ in range(POINTS)
    ]


def git_says(
    folder: Path, points: list[Point], *options: str
) -> list[tuple[str | None, str | None]]:
    """Commit and content of each point from git itself."""
    asked = {(int(point.at.timestamp()), point.ref) for point in points}
    commits = {key: before(folder, *key, *options) for key in asked}
    found = [commits[int(point.at.timestamp()), point.ref] for point in points]
    held = [(commit, point.path) for commit, point in zip(found, points, strict=True) if commit]
    contents = iter(blobs(folder, held))
    return [(commit, next(contents) if commit else None) for commit in found]


def test_500_points_of_a_repository_with_odd_clocks_agree_with_git(
    odd: tuple[Path, str, WarehouseStore],
) -> None:
    """Commit as `git rev-list -1 --before`, content as `git rev-parse COMMIT:PATH`."""
    folder, name, warehouse = odd
    points = sampled(folder, "main", seed=1)
    found = GitHistoryResolver(warehouse).at(name, points)
    assert [(f.commit_sha, f.blob_sha) for f in found] == git_says(folder, points)
    states = {f.state for f in found}
    assert states == {FileState.PRESENT, FileState.ABSENT, FileState.NO_COMMIT}


def test_first_parents_agree_with_git(odd: tuple[Path, str, WarehouseStore]) -> None:
    """As `git rev-list --first-parent`."""
    folder, name, warehouse = odd
    points = sampled(folder, "main", seed=2)[:60]
    found = GitHistoryResolver(warehouse).at(name, points, first_parent=True)
    said = git_says(folder, points, "--first-parent")
    assert [(f.commit_sha, f.blob_sha) for f in found] == said
    plain = GitHistoryResolver(warehouse).at(name, points)
    assert [f.commit_sha for f in found] != [f.commit_sha for f in plain]


def test_500_points_of_this_project_agree_with_git(tmp_path: Path) -> None:
    """On its own history, where the checkout has one."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout of git")
    if git(ROOT, "rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("this clone is shallow: it has no history to ask")
    with closing(WarehouseStore(tmp_path / "warehouse.duckdb")) as warehouse:
        name = synced(ROOT, warehouse).name
        head = git(ROOT, "rev-parse", "HEAD")
        points = sampled(ROOT, head, seed=3)
        found = GitHistoryResolver(warehouse).at(name, points)
    assert [(f.commit_sha, f.blob_sha) for f in found] == git_says(ROOT, points)
    assert FileState.PRESENT in {f.state for f in found}


def test_commits_of_one_second_come_in_the_order_of_git(
    tmp_path: Path, warehouse: WarehouseStore
) -> None:
    """Two parents of equal age: the first that was met."""
    script = Script()
    root = script.commit("main", T0, [("a", b"0\n")])
    left = script.commit("main", T0 + 10, [("a", b"1\n")], parents=[root])
    right = script.commit("side", T0 + 10, [("a", b"2\n")], parents=[root])
    script.commit("main", T0 + 20, [("a", b"3\n")], parents=[right, left])
    folder = script.write(tmp_path / "r")
    name = synced(folder, warehouse).name
    found = GitHistoryResolver(warehouse).sha_at(name, "a", at(T0 + 15), "main")
    assert found.commit_sha == before(folder, T0 + 15, "main") == git(folder, "rev-parse", "side")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file that is added, changed, renamed and deleted on a merged branch."""
    script = Script()
    one = script.commit("main", T0, [("a.txt", b"1\n2\n3\n"), ("keep", b"x\n")])
    two = script.commit("main", T0 + 10, [("a.txt", b"1\n2\n3\n4\n")], parents=[one])
    side = script.commit("side", T0 + 20, [("R", "a.txt", "b.txt")], parents=[two])
    main = script.commit("main", T0 + 25, [("keep", b"y\n")], parents=[two])
    merge = script.commit(
        "main",
        T0 + 30,
        [("a.txt", None), ("b.txt", b"1\n2\n3\n4\n")],
        parents=[main, side],
    )
    script.commit("main", T0 + 40, [("b.txt", None)], parents=[merge])
    return script.write(tmp_path / "small")


def test_a_file_is_absent_before_after_and_under_its_other_name(
    small: Path, warehouse: WarehouseStore
) -> None:
    """Absent is an answer, with the commit in which the file is not."""
    name = synced(small, warehouse).name
    resolver = GitHistoryResolver(warehouse)
    asked = [("a.txt", 5), ("a.txt", 35), ("b.txt", 5), ("b.txt", 35), ("b.txt", 45), ("a.txt", -5)]
    states = [
        resolver.sha_at(name, path, at(T0 + seconds), "main").state for path, seconds in asked
    ]
    assert states == ["present", "absent", "absent", "present", "absent", "no_commit"]


def test_the_history_of_a_file_follows_its_renames(small: Path, warehouse: WarehouseStore) -> None:
    """A merge that only brings together is not listed, along first parents it is."""
    name = synced(small, warehouse).name
    resolver = GitHistoryResolver(warehouse)
    full = resolver.history(name, "b.txt", "main")
    assert [(c.change_type, c.path, c.previous_path) for c in full] == [
        (ChangeType.DELETED, "b.txt", None),
        (ChangeType.RENAMED, "b.txt", "a.txt"),
        (ChangeType.MODIFIED, "a.txt", None),
        (ChangeType.ADDED, "a.txt", None),
    ]
    assert full[1].commit_sha == git(small, "rev-parse", "side")
    branch = resolver.history(name, "b.txt", "main", first_parent=True)
    assert [c.commit_sha for c in branch] == git(
        small, "rev-list", "--first-parent", "main", "--", "a.txt", "b.txt"
    ).splitlines()


@pytest.mark.parametrize("ref", ["main", "heads/main", "refs/heads/main", "HEAD", "v1", "0" * 40])
def test_a_reference_is_found_by_any_name_of_git(
    ref: str, small: Path, warehouse: WarehouseStore
) -> None:
    """Short, full, a tag with a text of its own, a commit; not one that there is not."""
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    git(small, *author, "tag", "-a", "-m", "one", "v1", "main")
    name = synced(small, warehouse).name
    resolver = GitHistoryResolver(warehouse)
    if ref == "0" * 40:
        with pytest.raises(InputRejected) as refused:
            resolver.sha_at(name, "keep", at(T0 + 50), ref)
        assert refused.value.code is ErrorCode.NOT_FOUND
        ref = git(small, "rev-parse", "main")
    found = resolver.sha_at(name, "keep", at(T0 + 50), ref)
    assert found.commit_sha == git(small, "rev-parse", "main")


def test_a_repository_that_was_not_synced_is_refused(
    small: Path, warehouse: WarehouseStore
) -> None:
    """Whether or not there is anything else in the file."""
    for store in (warehouse, WarehouseStore(warehouse.path.with_name("none.duckdb"))):
        with pytest.raises(InputRejected, match="nothing is stored"):
            GitHistoryResolver(store).sha_at(str(small), "keep", at(T0))


# The cache ----------------------------------------------------------------------------------------


def entries(warehouse: WarehouseStore) -> dict[str, tuple[int, str | None]]:
    """Path -> hits and commit of what is kept."""
    query = "SELECT path, hits, commit_sha FROM git_cache ORDER BY path"
    with warehouse.read() as connection:
        return {path: (hits, sha) for path, hits, sha in connection.execute(query).fetchall()}


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it is set to."""
        return self.time


def test_an_answer_is_kept_and_its_uses_are_counted(small: Path, warehouse: WarehouseStore) -> None:
    """Within one resolver and over several; an absent file is an answer, too."""
    name = synced(small, warehouse).name
    found: list[FileAt] = []
    for _ in range(3):
        with GitHistoryResolver(warehouse) as resolver:
            asked = ("keep", "keep", "b.txt")
            found += [resolver.sha_at(name, path, at(T0 + 45), "main") for path in asked]
    assert len({(f.path, f.commit_sha, f.blob_sha) for f in found}) == 2
    kept = entries(warehouse)
    assert {path: hits for path, (hits, _) in kept.items()} == {"keep": 5, "b.txt": 2}


def test_an_answer_is_taken_from_the_cache(small: Path, warehouse: WarehouseStore) -> None:
    """What is there is what is answered."""
    name = synced(small, warehouse).name
    with GitHistoryResolver(warehouse) as resolver:
        resolver.sha_at(name, "keep", at(T0 + 45), "main")
    with warehouse.write() as connection:
        connection.execute("UPDATE git_cache SET blob_sha = 'marked'")
    found = GitHistoryResolver(warehouse).sha_at(name, "keep", at(T0 + 45), "main")
    assert found.blob_sha == "marked"
    other = GitHistoryResolver(warehouse).sha_at(
        name, "keep", at(T0 + 45), "main", first_parent=True
    )
    assert other.blob_sha != "marked"


def test_an_answer_that_is_too_old_is_asked_anew(small: Path, warehouse: WarehouseStore) -> None:
    """And goes away when others are written."""
    name = synced(small, warehouse).name
    clock = Clock()
    for path in ("keep", "a.txt"):
        with GitHistoryResolver(warehouse, time_to_live=timedelta(days=1), now=clock) as resolver:
            resolver.sha_at(name, path, at(T0 + 45), "main")
        clock.time += timedelta(days=1)
    assert set(entries(warehouse)) == {"a.txt"}


def test_the_cache_is_bounded_and_the_least_used_goes_first(
    small: Path, warehouse: WarehouseStore
) -> None:
    """Used is when it was last asked for."""
    name = synced(small, warehouse).name
    clock = Clock()
    for path in ("one", "two", "three", "one", "four"):
        clock.time += timedelta(minutes=1)
        with GitHistoryResolver(warehouse, capacity=3, now=clock) as resolver:
            resolver.sha_at(name, path, at(T0 + 45), "main")
    assert set(entries(warehouse)) == {"three", "one", "four"}


def test_answers_of_a_branch_that_moved_are_forgotten(
    small: Path, warehouse: WarehouseStore
) -> None:
    """Also those that a resolver found before the branch moved and writes after it."""
    name = synced(small, warehouse).name
    late = GitHistoryResolver(warehouse)
    late.sha_at(name, "keep", at(T0 + 500), "main")
    with GitHistoryResolver(warehouse) as resolver:
        resolver.sha_at(name, "keep", at(T0 + 500), "main")
        resolver.sha_at(name, "a.txt", at(T0 + 500), "side")
    subprocess.run(["git", "-C", str(small), "checkout", "-q", "-f", "main"], check=True)  # noqa: S607
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    git(small, *author, "commit", "-q", "--allow-empty", "--date", f"{T0 + 60} +0000", "-m", "next")
    sync(GitSource(small), warehouse, Run(run_id="run-2", started_at=at(0)))
    late.flush()
    assert set(entries(warehouse)) == {"a.txt"}
