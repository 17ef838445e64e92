"""`helicarrier quarantine list`: what was refused and why, never its bytes."""

import base64
import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.ingest import logs


def test_nothing_refused_is_said_on_stderr(helicarrier: Command, ready_store: Path) -> None:
    """So that a script reads an empty list."""
    ended = helicarrier("quarantine", "list")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "nothing is in quarantine\n"
    assert json.loads(helicarrier("quarantine", "list", "--json").out) == {"entries": []}


def test_a_refused_line_is_listed_with_its_place_and_reason(
    helicarrier: Command, tmp_path: Path
) -> None:
    """For people and for scripts."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), b'{"secret', logs.answer(timestamp="x"))
    helicarrier("import", path)
    first, second = helicarrier("quarantine", "list").out.splitlines()
    assert first == f"{path}:2  JSON_INVALID  the line is not JSON (1x, 8 bytes)"
    assert second.startswith(f"{path}:3  TIMESTAMP_INVALID  ")
    entries = json.loads(helicarrier("quarantine", "list", "--json").out)["entries"]
    assert list(entries[0]) == [
        "sourceUri",
        "sourceLine",
        "errorCode",
        "errorMessage",
        "firstSeen",
        "attempts",
        "bytes",
        "cut",
    ]
    assert "secret" not in str(entries)


def test_the_list_can_be_cut(helicarrier: Command, tmp_path: Path) -> None:
    """To the newest entries."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), *[b"a", logs.ask(), b"b", logs.ask(), b"c"])
    helicarrier("import", path)
    listed = json.loads(helicarrier("quarantine", "list", "--json", "--limit", 2).out)["entries"]
    assert [entry["sourceLine"] for entry in listed] == [2, 4]


def test_refused_lines_are_exported_for_their_owner_alone(
    helicarrier: Command, tmp_path: Path
) -> None:
    """With their bytes, into a new file; a dry run makes none."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), b'{"secret', logs.answer(timestamp="x"))
    helicarrier("import", path)
    target = tmp_path / "refused.jsonl"
    assert helicarrier("quarantine", "export", target, "--dry-run").code == 0
    assert not target.exists()
    assert helicarrier("quarantine", "export", target).code == 0
    first, _ = map(json.loads, target.read_text().splitlines())
    assert base64.b64decode(first["raw"]) == b'{"secret'
    assert target.stat().st_mode & 0o777 == 0o600
    assert helicarrier("quarantine", "export", target).code == 64
