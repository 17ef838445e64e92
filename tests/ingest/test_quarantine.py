"""The list of refused lines: newest first, with the reason and without the bytes."""

from pathlib import Path

import pytest

from helicarrier.canonical import sha256
from helicarrier.ingest import quarantine
from helicarrier.ingest.source import BadRecord
from helicarrier.ledger.tables import ingest_quarantine
from tests.ingest import logs
from tests.ledger.stores import Ledger


def _entries(ledger: Ledger, limit: int = 100) -> list[dict[str, object]]:
    with ledger.store.read() as connection:
        return quarantine.entries(connection, limit=limit)


def _record(line: int, raw: bytes = b"oops", code: str = "X") -> BadRecord:
    return BadRecord(line=line, raw=raw, code=code, message=f"reason {code}")


def _keep(ledger: Ledger, now: str, bad: dict[str, list[BadRecord]]) -> None:
    with ledger.store.write() as connection:
        quarantine.keep(connection, bad, run_id="r", now=now)


FIRST, SECOND = "2026-10-05T00:00:00.000000Z", "2026-10-06T00:00:00.000000Z"


def test_an_entry_says_where_why_and_how_often(ledger: Ledger) -> None:
    """But not what was in the line."""
    _keep(ledger, FIRST, {"/a": [_record(7, b"secret \xff\x00")]})
    assert _entries(ledger) == [
        {
            "sourceUri": "/a",
            "sourceLine": 7,
            "errorCode": "X",
            "errorMessage": "reason X",
            "firstSeen": FIRST,
            "attempts": 1,
            "bytes": 9,
            "cut": False,
        }
    ]


def test_entries_are_listed_newest_first_then_by_place(ledger: Ledger) -> None:
    """And no more of them than asked for."""
    _keep(ledger, FIRST, {"/b": [_record(1)], "/a": [_record(2), _record(1)]})
    _keep(ledger, SECOND, {"/c": [_record(1)]})
    places = [(entry["sourceUri"], entry["sourceLine"]) for entry in _entries(ledger)]
    assert places == [("/c", 1), ("/a", 1), ("/a", 2), ("/b", 1)]
    assert len(_entries(ledger, limit=2)) == 2


def test_a_line_that_is_refused_again_keeps_its_date_and_takes_the_new_reason(
    ledger: Ledger,
) -> None:
    """The reader may have learned something since."""
    _keep(ledger, FIRST, {"/a": [_record(1)]})
    _keep(ledger, SECOND, {"/a": [_record(1, code="Y")]})
    (entry,) = _entries(ledger)
    assert (entry["attempts"], entry["firstSeen"], entry["errorCode"]) == (2, FIRST, "Y")


@pytest.mark.parametrize("other", [_record(2), _record(1, b"other")], ids=["line", "bytes"])
def test_another_place_or_content_is_another_entry(other: BadRecord, ledger: Ledger) -> None:
    """A file that was rewritten may have another bad line at the same place."""
    _keep(ledger, FIRST, {"/a": [_record(1), other]})
    assert len(_entries(ledger)) == 2


def test_nothing_bad_writes_nothing(ledger: Ledger) -> None:
    """The usual case."""
    _keep(ledger, FIRST, {"/a": []})
    assert _entries(ledger) == []


def test_the_message_of_an_import_never_shows_the_line(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever was wrong with it, in every format."""
    marker = "Zx9marker"
    files = {
        "claude.jsonl": [
            logs.ask(),
            logs.answer(timestamp=marker),
            logs.answer(tokens={"input_tokens": marker}),
            f'{{"type": "user", "{marker}'.encode(),
        ],
        "codex.jsonl": [
            logs.meta(),
            logs.tokens(1, {"input_tokens": marker}) | {"timestamp": marker},  # type: ignore[dict-item]
            logs.tokens(1, {"input_tokens": marker}),  # type: ignore[dict-item]
        ],
        "native.jsonl": [
            logs.v1(logs.run(state=marker)),
            logs.v1(logs.run(startedAt=marker, title=[marker])),
            logs.v2() | {"payload": marker},
            logs.v1() | {"envelope_version": marker},
        ],
    }
    for name, records in files.items():
        logs.write(tmp_path / name, *records)
    progress = ledger.read(tmp_path)
    assert progress.records.quarantined == 9
    assert marker not in str(_entries(ledger))


def test_a_giant_line_is_kept_in_part_and_says_so(ledger: Ledger) -> None:
    """Its hash and its size are those of all of it."""
    raw = b"x" * (quarantine.RAW_BYTES + 1)
    record = BadRecord(line=1, raw=raw, code="JSON_INVALID", message="no JSON")
    with ledger.store.write() as connection:
        quarantine.keep(connection, {"/a": [record]}, run_id="r", now=FIRST)
        (entry,) = quarantine.entries(connection, limit=5)
    assert (entry["bytes"], entry["cut"]) == (len(raw), True)
    row = ledger.row(ingest_quarantine)
    assert (row["raw"], row["sha256"]) == (raw[:-1], sha256(raw))
