"""`helicarrier git`: history of files and where sessions ran, as people and programs read it."""

import json
import shlex
from pathlib import Path

import pytest

from helicarrier.cli.git import git as git_commands
from tests.cli.conftest import Command
from tests.ingest import logs
from tests.lineage.repositories import GIT, Script, git

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")

T0 = 1_790_000_000  # 2026-09-21T14:13:20Z
SESSION = "01a12c32-4c6d-750a-a6b7-fa4cffe967f7"


@pytest.fixture
def here(tmp_path: Path, ready_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the current folder, and a ledger beside it."""
    script = Script()
    one = script.commit("main", T0, [("README.md", b"1\n"), ("docs/x.md", b"1\n2\n3\n")])
    script.commit(
        "main", T0 + 60, [("README.md", b"2\n"), ("R", "docs/x.md", "docs/y.md")], parents=[one]
    )
    folder = script.write(tmp_path / "repository")
    monkeypatch.chdir(folder)
    return folder


def test_every_example_works(here: Path, helicarrier: Command, tmp_path: Path) -> None:
    """As it stands in the help, in the order of a first use."""
    logs.write(tmp_path / "logs" / "rollout-1.jsonl", logs.meta(session=SESSION, cwd=str(here)))
    assert helicarrier("import", tmp_path / "logs").code == 0
    for name in ("sync", "at", "log", "session"):
        text = git_commands.commands[name].help or ""
        lines = map(str.strip, text.splitlines())
        examples = [line for line in lines if line.startswith("helicarrier git")]
        assert examples
        for line in examples:
            ended = helicarrier(*shlex.split(line)[1:])
            assert ended.code == 0, f"{line}: {ended.err}"
            assert ended.out


def test_sync_says_what_is_new(here: Path, helicarrier: Command) -> None:
    """Once; a dry run says it without reading."""
    dry = json.loads(helicarrier("git", "sync", "--dry-run", "--json").out)
    assert dry["repositories"][0]["commits"] == 2
    assert dry["repositories"][0]["changes"] is None
    first, again = (json.loads(helicarrier("git", "sync", "--json").out) for _ in range(2))
    assert first["repositories"][0] | {"seconds": 0, "runId": ""} == {
        "repo": str(here),
        "runId": "",
        "dryRun": False,
        "refs": 2,
        "refChanges": {
            "new": ["HEAD", "refs/heads/main"],
            "moved": [],
            "rewritten": [],
            "gone": [],
        },
        "commits": 2,
        "changes": 4,
        "completedBoundaries": 0,
        "shallow": False,
        "seconds": 0,
    }
    assert again["repositories"][0]["commits"] == 0
    assert first["sessions"] == {"recorded": 0, "resolved": 0, "unknown": 0, "changed": 0}


def test_at_gives_commit_and_content(here: Path, helicarrier: Command) -> None:
    """Of the time; absent where the file is not in it, and says when the history is behind."""
    assert helicarrier("git", "sync").code == 0
    args = ("git", "at", "README.md", "--time", "2026-09-21T14:13:50Z")
    found = json.loads(helicarrier(*args, "--json").out)
    assert found == {
        "repo": str(here),
        "ref": "HEAD",
        "path": "README.md",
        "time": "2026-09-21T14:13:50.000000Z",
        "state": "present",
        "commitSha": git(here, "rev-parse", "main~1"),
        "blobSha": git(here, "rev-parse", "main~1:README.md"),
    }
    absent = helicarrier("git", "at", "docs/y.md", "--time", "2026-09-21T14:13:50Z")
    assert "absent" in absent.out
    assert absent.err == ""
    git(here, "update-ref", "refs/heads/other", "main")
    assert "git sync" in helicarrier(*args).err


def test_log_follows_a_rename(here: Path, helicarrier: Command) -> None:
    """Newest first."""
    assert helicarrier("git", "sync").code == 0
    lines = helicarrier("git", "log", "docs/y.md").out.splitlines()
    assert [line.split(maxsplit=3)[2:] for line in lines] == [
        ["R", "docs/x.md -> docs/y.md  +0 -0"],
        ["A", "docs/x.md  +3 -0"],
    ]
    assert helicarrier("git", "log", "never").err.startswith("there is no such file")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("git", "at", "x", "--time", "yesterday"), 64),
        (("git", "at", "x", "--time", "2026-01-01T00:00:00"), 64),
        (("git", "at", "x"), 64),
        (("git", "at", "x", "--time", "2026-01-01T00:00:00Z"), 4),
        (("git", "log", "x"), 4),
        (("git", "session", "none"), 4),
        (("git", "sync", "/"), 4),
    ],
)
def test_what_cannot_be_answered_is_said(
    args: tuple[str, ...], code: int, here: Path, helicarrier: Command
) -> None:
    """With the exit code of its kind; nothing is stored yet."""
    ended = helicarrier(*args)
    assert ended.code == code
    assert ended.err
    assert ended.out == ""
