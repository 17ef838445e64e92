"""Sniffing: each format is recognised by what it holds, foreign files by nobody."""

import json
from pathlib import Path

import pytest

from helicarrier.ingest.readers.registry import HEAD_BYTES, readers, sniff
from tests.ingest import logs

CLAUDE = logs.text_of([logs.ask(), logs.answer()])
CODEX = logs.text_of([logs.meta(), logs.turn()])


def _name(path: str, start: bytes) -> str | None:
    reader = sniff(Path(path), start)
    return None if reader is None else reader.name


@pytest.mark.parametrize(
    ("path", "start", "name"),
    [
        ("p/s.jsonl", CLAUDE, "claude_code"),
        ("p/s.jsonl", logs.text_of([{"type": "summary", "summary": "x"}]) + CLAUDE, "claude_code"),
        ("p/s.jsonl", logs.text_of([logs.progress()]), "claude_code"),
        ("p/s.jsonl", json.dumps(logs.ask()).encode(), "claude_code"),
        ("p/s.jsonl", b"oops\n" + CLAUDE, "claude_code"),
        ("p/subagents/agent-1.jsonl", logs.text_of([logs.answer(isSidechain=True)]), "claude_code"),
        ("p/rollout-1.jsonl", CODEX, "codex"),
        ("p/a.jsonl", logs.text_of([logs.v1()]), "native"),
        ("p/a.ndjson", logs.text_of([logs.v2()]), "native"),
        ("p/a.json", json.dumps(logs.v2(), indent=1).encode(), "native"),
        ("p/v3-intelligence.json", b'{"ledger": [], "events": []}', "legacy_v3"),
    ],
    ids=str,
)
def test_each_format_is_recognised(path: str, start: bytes, name: str) -> None:
    """By its first lines, whatever the file is called."""
    assert _name(path, start) == name


@pytest.mark.parametrize(
    ("path", "start"),
    [
        ("a.jsonl", b""),
        ("a.json", b"{}"),
        ("a.jsonl", b'{"a": 1}\n'),
        ("package.json", b'{"name": "x", "type": "module"}'),
        ("a.jsonl", b'{"type": "session", "id": "x", "cwd": "/", "provider": "p"}\n'),
        ("a.jsonl", b'{"type": "session.start", "data": {"sessionId": "x"}}\n'),
        ("session-1.json", b'{"sessionId": "x", "messages": [{"type": "user"}]}'),
        ("a.json", b'{"resourceSpans": []}'),
        ("a.json", b"\x00\xff\xfe" * 100),
        ("a.jsonl", b"ledger"),
    ],
    ids=str,
)
def test_a_foreign_file_is_recognised_by_nobody(path: str, start: bytes) -> None:
    """It is left alone, and not quarantined line by line."""
    assert _name(path, start) is None


def test_a_log_that_speaks_of_envelopes_is_still_a_log() -> None:
    """A tool's input may be an envelope; the lines around it are not."""
    tool = {"type": "tool_use", "id": "t", "name": "Post", "input": logs.v1()}
    claude = logs.text_of([logs.ask(), logs.answer(content=[tool])])
    assert _name("s.jsonl", claude) == "claude_code"
    item = {"type": "custom_tool_call", "call_id": "k", "input": logs.v1()}
    assert _name("r.jsonl", CODEX + logs.text_of([logs.codex("response_item", item)])) == "codex"


def test_an_envelope_that_speaks_of_sessions_is_still_an_envelope() -> None:
    """Its events may hold what a log holds."""
    envelope = logs.v2(timeline=[logs.happened(payload=logs.ask())])
    assert _name("a.jsonl", logs.text_of([envelope])) == "native"


def test_a_first_line_longer_than_the_head_is_no_obstacle() -> None:
    """Instructions and pasted files are long."""
    long = "x" * (2 * HEAD_BYTES)
    claude = logs.text_of([logs.ask(long, type="user")])[:HEAD_BYTES]
    codex = logs.text_of([logs.meta(base_instructions=long)])[:HEAD_BYTES]
    assert (_name("s.jsonl", claude), _name("r.jsonl", codex)) == ("claude_code", "codex")


def test_no_two_readers_share_a_name_and_a_layout() -> None:
    """A file's reader is stored by its name."""
    keys = [(reader.name, reader.whole_document) for reader in readers()]
    assert len(set(keys)) == len(keys)
