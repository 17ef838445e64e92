"""The code reference: commit, commit with changes, or unknown."""

import shutil
import subprocess
from pathlib import Path

import pytest

from helicarrier.store.code_ref import UNKNOWN, code_ref

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    """Runs git with a made-up author."""
    author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(
        ["git", "-C", str(folder), *author, *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def test_a_clean_project_is_its_commit(repository: Path) -> None:
    """Forty characters."""
    assert code_ref(repository) == git(repository, "rev-parse", "HEAD")


def test_changed_files_make_it_dirty(repository: Path) -> None:
    """The commit alone would be a lie."""
    (repository / "code.py").write_text("a = 2\n")
    assert code_ref(repository) == git(repository, "rev-parse", "HEAD") + "-dirty"


def test_a_new_file_makes_it_dirty(repository: Path) -> None:
    """Code that no commit holds is code, too."""
    (repository / "more.py").write_text("b = 1\n")
    assert code_ref(repository).endswith("-dirty")


def test_a_folder_inside_somebody_elses_repository_is_unknown(repository: Path) -> None:
    """Their commit says nothing about installed code."""
    (repository / "site-packages").mkdir()
    assert code_ref(repository / "site-packages") == UNKNOWN


def test_a_folder_outside_of_git_is_unknown(tmp_path: Path) -> None:
    """There is no commit to name."""
    assert code_ref(tmp_path) == UNKNOWN
