"""`helicarrier import`: what it prints, and what it ends with."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.ingest import logs, samples

SHAPE = {
    "runId": str,
    "outcome": str,
    "failure": type(None),
    "dryRun": bool,
    "startedAt": str,
    "finishedAt": str,
    "seconds": float,
    "bytes": int,
    "files": dict,
    "read": int,
    "written": int,
    "duplicate": int,
    "skipped": int,
    "quarantined": int,
    "deferred": int,
    "errors": list,
    "sessions": int,
    "calls": int,
    "events": int,
    "rows": dict,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log with everything in it."""
    logs.write(tmp_path / "logs" / "a.jsonl", *samples.CLAUDE)
    return tmp_path / "logs"


def _json(helicarrier: Command, *args: object) -> dict[str, object]:
    ended = helicarrier("import", *args, "--json")
    (line,) = ended.out.splitlines()
    return json.loads(line)


def test_the_report_has_the_shape_that_scripts_rely_on(helicarrier: Command, folder: Path) -> None:
    """One object on stdout."""
    report = _json(helicarrier, folder)
    assert {name: type(value) for name, value in report.items()} == SHAPE
    assert list(report["files"]) == ["read", "unchanged", "ignored", "rejected"]  # type: ignore[call-overload]
    assert list(report["rows"]) == ["sessions", "calls", "events"]  # type: ignore[call-overload]
    parts = ("written", "duplicate", "skipped", "quarantined", "deferred")
    assert report["read"] == sum(int(str(report[name])) for name in parts)


def test_a_second_import_says_that_nothing_was_new(helicarrier: Command, folder: Path) -> None:
    """And ends with 0."""
    first, second = _json(helicarrier, folder), _json(helicarrier, folder)
    assert (first["sessions"], first["calls"]) == (1, 4)
    assert [second[name] for name in ("read", "sessions", "calls", "events", "bytes")] == [0] * 5
    assert second["files"] == {"read": 0, "unchanged": 1, "ignored": 0, "rejected": 0}


def test_people_get_the_figures_in_words(helicarrier: Command, folder: Path) -> None:
    """On stdout, with a pointer to what was refused on stderr."""
    ended = helicarrier("import", folder)
    assert ended.code == 0
    first, second, third = ended.out.splitlines()
    assert first.startswith("read 17 records of 1 files (0 unchanged) in ")
    assert second.startswith("  written ")
    assert third.startswith("  sessions 1 new, 0 changed; calls 4 new, 0 changed;")
    assert "helicarrier quarantine list" in ended.err


def test_a_rehearsal_writes_nothing(helicarrier: Command, folder: Path, data_dir: Path) -> None:
    """It says so in its report."""
    report = _json(helicarrier, folder, "--dry-run")
    assert (report["dryRun"], report["runId"], report["sessions"]) == (True, "dry-run", 1)
    assert not data_dir.exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_processes_can_be_said(
    workers: int, helicarrier: Command, folder: Path
) -> None:
    """More than there are tasks are not started."""
    assert _json(helicarrier, folder, "--workers", workers)["outcome"] == "completed"


def test_a_refused_file_ends_with_4_after_the_report(helicarrier: Command, folder: Path) -> None:
    """The other files are imported; the report names them all, stderr the first."""
    bad = logs.write(folder / "bad.jsonl", logs.ask(), *[b"oops"] * 50)
    ended = helicarrier("import", folder, "--json")
    report = json.loads(ended.out)
    assert ended.code == 4
    assert (report["outcome"], report["sessions"]) == ("rejected", 1)
    assert [(e["path"], e["code"]) for e in report["errors"]] == [(str(bad), "TOO_MANY_BAD_LINES")]
    assert str(bad) in ended.err
    assert "50 bad lines in a row" in ended.err


def test_a_file_of_unknown_format_ends_with_4(helicarrier: Command, tmp_path: Path) -> None:
    """Where it was asked for by name."""
    foreign = logs.write(tmp_path / "a.json", {"a": 1})
    ended = helicarrier("import", foreign)
    assert ended.code == 4
    assert "no reader knows the format" in ended.err


def test_a_path_that_is_not_there_ends_with_4_and_makes_nothing(
    helicarrier: Command, tmp_path: Path, data_dir: Path
) -> None:
    """A typing mistake."""
    ended = helicarrier("import", tmp_path / "gone")
    assert (ended.code, ended.out) == (4, "")
    assert not data_dir.exists()


def test_the_option_wins_over_the_environment(
    helicarrier: Command, folder: Path, data_dir: Path, tmp_path: Path
) -> None:
    """For the data folder."""
    _json(helicarrier, folder, "--data-dir", tmp_path / "other")
    assert (tmp_path / "other" / "helicarrier.sqlite").exists()
    assert not data_dir.exists()


def test_what_is_printed_is_not_coloured_into_a_pipe(helicarrier: Command, folder: Path) -> None:
    """Nor is there a progress line."""
    ended = helicarrier("import", folder)
    assert "\x1b" not in ended.out + ended.err
    assert "\r" not in ended.out + ended.err
