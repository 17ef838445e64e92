"""Sessions find their commit: recorded, resolved by branch and time, or unknown with a reason."""

from pathlib import Path

import pytest

from helicarrier.lineage.git.model import Certainty, Reason, SessionCommit
from helicarrier.lineage.git.sessions import Located, commit_of_session, link_sessions
from helicarrier.lineage.git.source import GitSource
from helicarrier.lineage.git.sync import sync
from helicarrier.store.run_model import Run
from helicarrier.store.warehouse import WarehouseStore
from helicarrier.times import parse
from tests.lineage.repositories import GIT, Script, before, git

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")

T0 = 1_600_000_000  # 2020-09-13T12:26:40Z
START = "2020-09-13T12:27:00.000000Z"


def run(run_id: str = "r1") -> Run:
    """A run in progress."""
    return Run(run_id=run_id, started_at=parse(START))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits on `main`, one on a branch."""
    script = Script()
    one = script.commit("main", T0, [("a", b"1\n")])
    script.commit("topic/x", T0 + 5, [("a", b"2\n")], parents=[one])
    script.commit("main", T0 + 60, [("a", b"3\n")], parents=[one])
    return script.write(tmp_path / "r")


@pytest.fixture
def stored(repository: Path, warehouse: WarehouseStore) -> WarehouseStore:
    """Its history is stored."""
    sync(GitSource(repository), warehouse, run("sync"))
    return warehouse


def located(**said: str | None) -> Located:
    """A session of which this is known."""
    plain: dict[str, str | None] = dict.fromkeys(("cwd", "git_branch", "git_commit"))
    return Located(session_id="s", **(plain | {"started_at": START} | said))  # type: ignore[arg-type]


def linked(warehouse: WarehouseStore, **said: str | None) -> SessionCommit:
    """What is stored of one session."""
    link_sessions([located(**said)], warehouse, run())
    found = commit_of_session(warehouse, "s")
    assert found is not None
    return found


def test_a_commit_that_the_source_names_is_recorded(
    repository: Path, stored: WarehouseStore
) -> None:
    """Whatever its branch had at the time."""
    sha = git(repository, "rev-parse", "main")
    found = linked(stored, cwd=str(repository), git_branch="topic/x", git_commit=sha)
    assert found == SessionCommit(
        session_id="s",
        repo=str(repository),
        ref="refs/heads/topic/x",
        commit_sha=sha,
        certainty=Certainty.RECORDED,
        reason=None,
    )


def test_a_recorded_commit_finds_its_repository_without_a_folder(
    repository: Path, stored: WarehouseStore
) -> None:
    """By the history that holds it; one that no history holds is recorded all the same."""
    sha = git(repository, "rev-parse", "main")
    assert linked(stored, git_commit=sha).repo == str(repository)
    other = linked(stored, cwd="/elsewhere", git_commit="f" * 40)
    assert (other.repo, other.commit_sha, other.certainty) == (None, "f" * 40, Certainty.RECORDED)


@pytest.mark.parametrize("branch", ["main", "topic/x"])
def test_branch_and_time_resolve_a_commit(
    branch: str, repository: Path, stored: WarehouseStore
) -> None:
    """The one that git gives for them."""
    found = linked(stored, cwd=str(repository), git_branch=branch)
    assert found.commit_sha == before(repository, T0 + 20, branch)
    assert found.certainty is Certainty.RESOLVED


def test_a_folder_that_is_gone_belongs_to_the_repository_it_lay_in(
    repository: Path, stored: WarehouseStore
) -> None:
    """A worktree after its work; a neighbour of a like name does not."""
    inside = linked(stored, cwd=f"{repository}/.trees/gone", git_branch="main")
    assert inside.repo == str(repository)
    assert linked(stored, cwd=f"{repository}-2", git_branch="main").repo is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"cwd": "/elsewhere", "git_branch": "main"}, Reason.NO_REPOSITORY),
        ({"cwd": "{r}", "git_branch": "HEAD"}, Reason.NO_BRANCH),
        ({"cwd": "{r}"}, Reason.NO_BRANCH),
        ({"cwd": "{r}", "git_branch": "gone"}, Reason.BRANCH_GONE),
        (
            {"cwd": "{r}", "git_branch": "main", "started_at": "2020-01-01T00:00:00.000000Z"},
            Reason.BEFORE_HISTORY,
        ),
    ],
    ids=["outside", "detached", "no-branch", "branch-gone", "too-early"],
)
def test_what_cannot_be_said_has_a_reason(
    said: dict[str, str], reason: Reason, repository: Path, stored: WarehouseStore
) -> None:
    """And no commit."""
    told = {name: value.replace("{r}", str(repository)) for name, value in said.items()}
    found = linked(stored, **told)
    assert (found.commit_sha, found.certainty, found.reason) == (None, Certainty.UNKNOWN, reason)


def test_only_links_that_changed_are_written(repository: Path, stored: WarehouseStore) -> None:
    """A session that left the ledger takes its link along; without a run nothing is written."""
    session = located(cwd=str(repository), git_branch="main")
    assert link_sessions([session], stored, None).changed == 1
    assert commit_of_session(stored, "s") is None
    assert link_sessions([session], stored, run("first")).changed == 1
    again = link_sessions([session], stored, run("second"))
    assert (again.changed, again.resolved) == (0, 1)
    with stored.read() as connection:
        assert connection.execute("SELECT run_id FROM session_commits").fetchall() == [("first",)]
    assert link_sessions([], stored, run("third")).changed == 1
    assert commit_of_session(stored, "s") is None


def test_without_any_history_sessions_are_unknown(tmp_path: Path) -> None:
    """Unless their source names the commit."""
    warehouse = WarehouseStore(tmp_path / "none.duckdb")
    report = link_sessions([located(cwd="/x"), located(git_commit="f" * 40)], warehouse, None)
    assert (report.unknown, report.recorded) == (1, 1)
