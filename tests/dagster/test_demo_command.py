"""`helicarrier demo`: the whole way on the sample sessions, once and again."""

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from helicarrier.cli import run
from helicarrier.cli.demo import SAMPLES

Output = pytest.CaptureFixture[str]
EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What the demo prints the first time and the second."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    said: list[str] = []
    for _ in range(2):
        with redirect_stdout(StringIO()) as out:
            assert run(["demo", "--data-dir", str(folder)]) == 0
        said.append(out.getvalue())
    return said[0], said[1]


def path_after(label: str, out: str) -> Path:
    """The path that a line of the output ends with."""
    found = re.search(rf"^{label}\s+(\S+)$", out, re.MULTILINE)
    assert found, out
    return Path(found.group(1))


def test_demo_shows_usage_checks_and_reports(twice: tuple[str, str]) -> None:
    """The totals are those of the samples, no check fails, and both paths lead to files."""
    out, _ = twice
    total = next(line for line in out.splitlines() if line.startswith("total"))
    assert total.split()[1:3] == [str(EXPECTED["all"]["sessions"]), str(EXPECTED["all"]["calls"])]
    assert "parity" in out
    assert "failed" not in out
    page = path_after("HTML report", out)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    report = json.loads(path_after("import report", out).read_text(encoding="utf-8"))
    assert report["calls"] == EXPECTED["all"]["calls"]


def test_second_demo_changes_nothing_and_audits(twice: tuple[str, str]) -> None:
    """Everything is in place: it is said, shown again, and everything stored is checked."""
    _, out = twice
    assert out.startswith("nothing changed in ")
    assert "Refreshed" not in out
    assert "session_events" in out
    assert "failed" not in out


def test_demo_of_a_folder_that_is_not_there(data_dir: Path, tmp_path: Path, capsys: Output) -> None:
    """The call is wrong: it is said which folder is missing, and nothing is made."""
    line = ["demo", "--source", str(tmp_path / "nowhere"), "--data-dir", str(data_dir)]
    assert run(line) == 64
    assert "nowhere" in capsys.readouterr().err
    assert not data_dir.exists()


def test_demo_takes_other_sessions(data_dir: Path, capsys: Output) -> None:
    """A part of the samples, as the example of the help has it."""
    line = ["demo", "--source", str(SAMPLES / "codex"), "--data-dir", str(data_dir)]
    assert run(line) == 0
    assert "imported 8 sessions" in capsys.readouterr().out


def test_a_dry_run_of_the_demo_writes_nothing(tmp_path: Path, capsys: Output) -> None:
    """It says what would be imported, and makes not even the folder."""
    folder = tmp_path / "data"
    assert run(["demo", "--dry-run", "--data-dir", str(folder)]) == 0
    assert f"sessions {EXPECTED['all']['sessions']} new" in capsys.readouterr().out
    assert not folder.exists()
