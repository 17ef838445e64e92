"""`helicarrier resolution analyze` and `run`: proof, diff, report, and what the exit code says."""

import json
from pathlib import Path

import pytest

from helicarrier.resolution import manifest
from tests.cli.conftest import Command


def files(tmp_path: Path, golden: str, candidate: str, suffix: str = "txt") -> tuple[Path, Path]:
    """Two files."""
    one, other = tmp_path / f"golden.{suffix}", tmp_path / f"candidate.{suffix}"
    one.write_text(golden)
    other.write_text(candidate)
    return one, other


@pytest.mark.parametrize(
    ("suffix", "golden", "candidate", "code", "proven_code"),
    [
        ("json", '{"a":1,"b":2}', '{"b":2,"a":1}', 0, 0),
        ("json", '{"a":1}', '{"a":1}', 0, 0),
        ("json", '{"a":1}', '{"a":1.0}', 0, 2),
        ("json", '{"a":1}', '{"a":2}', 2, 2),
        ("txt", "99.9% uptime", "99.5% uptime", 2, 2),
        ("txt", "please restart", "please reboot", 2, 2),
        ("md", "*a*", "_a_", 0, 0),
    ],
    ids=["order", "identical", "number form", "value", "guard", "undecidable", "markdown"],
)
def test_the_exit_code_is_the_verdict(
    helicarrier: Command,
    tmp_path: Path,
    suffix: str,
    golden: str,
    candidate: str,
    code: int,
    proven_code: int,
) -> None:
    """0 for equivalent, 2 for all else; with --proven a tolerance does not pass."""
    pair = files(tmp_path, golden, candidate, suffix)
    assert helicarrier("resolution", "analyze", *pair).code == code
    shown = helicarrier("resolution", "analyze", *pair, "--proven", "--json")
    assert shown.code == proven_code
    assert json.loads(shown.out)["proven"] is (proven_code == 0)


def test_proof_and_diff_are_shown(helicarrier: Command, tmp_path: Path) -> None:
    """Hashes of both canonical forms; what cannot be seen is made visible."""
    shown = helicarrier("resolution", "analyze", *files(tmp_path, "one \ntwo\n", "one\ntwo\n"))
    assert "both canonical forms are equal" in shown.out
    assert "-one\N{MIDDLE DOT}" in shown.out.splitlines()
    hidden = helicarrier("resolution", "analyze", *files(tmp_path, "a\n", "a\x1b[2J\u202e\n"))
    assert "+a\\x1b[2J\\u202e" in hidden.out.splitlines()


def test_a_secret_is_never_shown(helicarrier: Command, tmp_path: Path) -> None:
    """Its kind and line are; the diff is left out."""
    secret = "AKIAIOSFODNN7" + "EXAMPLE"
    pair = files(tmp_path, "key\n", f"key\n{secret}\n")
    for arguments in ((), ("--json",)):
        shown = helicarrier("resolution", "analyze", *pair, *arguments)
        assert (shown.code, secret in shown.out + shown.err) == (2, False)
        assert "aws access key" in shown.out


def test_a_file_that_is_not_there_is_an_error(helicarrier: Command, tmp_path: Path) -> None:
    """And no verdict."""
    one, _ = files(tmp_path, "a", "b")
    assert helicarrier("resolution", "analyze", one, tmp_path / "nothing").code == 4


def pairs(tmp_path: Path) -> Path:
    """A folder with one equivalent pair and one that is not."""
    for side, number in (("golden", "1"), ("candidate", "2")):
        folder = tmp_path / "pairs" / side
        folder.mkdir(parents=True)
        (folder / "a.json").write_text('{"x": 1, "y": 2}' if number == "1" else '{"y":2,"x":1}')
        (folder / "b.txt").write_text(f"{number} apples\n")
    return tmp_path / "pairs"


def test_a_run_writes_report_and_manifest(helicarrier: Command, tmp_path: Path) -> None:
    """Which agree with each other and with what is printed."""
    out = tmp_path / "out"
    shown = helicarrier("resolution", "run", pairs(tmp_path), "--out", out, "--json")
    printed = json.loads(shown.out)
    report = json.loads((out / "report.json").read_text())
    kept = manifest.read(out / "manifest.json")
    assert shown.code == 2
    assert report["pairs"] == printed["pairs"]
    assert kept["run_id"] == report["runId"] == printed["runId"]
    assert kept["results"] == {
        "pairs": 2,
        "identical": 0,
        "equivalent": 1,
        "proven": 1,
        "not_equivalent": 1,
        "undecidable": 0,
        "by_type": {"json_ordering": 1, "semantics_text": 1},
    }
    assert len(kept["artifacts"]) == 4


def test_without_a_folder_the_data_folder_is_used(helicarrier: Command, tmp_path: Path) -> None:
    """One folder for each run."""
    shown = helicarrier("resolution", "run", pairs(tmp_path), "--data-dir", tmp_path / "data")
    (folder,) = (tmp_path / "data" / "resolution").iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "report.json"]
    assert "equivalent: 1, 1 of them proven" in shown.out


def test_a_dry_run_writes_nothing(helicarrier: Command, tmp_path: Path) -> None:
    """But prints the same."""
    place = pairs(tmp_path)
    shown = helicarrier("resolution", "run", place, "--data-dir", tmp_path / "data", "--dry-run")
    assert (shown.code, (tmp_path / "data").exists()) == (2, False)


def test_code_can_be_put_under_tests(helicarrier: Command, tmp_path: Path) -> None:
    """Which pass with both and prove nothing; only Python can be tested."""
    one, other = files(
        tmp_path, "def f(x):\n    return x + x\n", "def f(x):\n    return 2 * x\n", "py"
    )
    checks = tmp_path / "checks.py"
    checks.write_text("import artifact\nassert artifact.f(3) == 6\n")
    arguments = ("resolution", "analyze", one, other, "--tests", checks, "--json")
    shown = helicarrier(*arguments)
    assert (shown.code, json.loads(shown.out)["deciding"]["method"]) == (0, "test_execution")
    assert helicarrier(*arguments, "--proven").code == 2
    text, _ = files(tmp_path, "a", "b")
    assert helicarrier("resolution", "analyze", one, text, "--tests", checks).code == 4
