"""Reading a file piece by piece gives what reading it whole gives, wherever it was cut."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from helicarrier.ingest.source import (
    BAD_IN_A_ROW,
    STRETCH_BYTES,
    FileMark,
    Stretch,
    TooManyBadLines,
    stretches,
)
from helicarrier.ledger.enums import FileState
from helicarrier.ledger.merge import grown, rank
from helicarrier.ledger.model import Call, Event, Session
from tests.ingest import logs, reading, samples

FORMATS = list(samples.SAMPLES)
WHOLE = {name: logs.text_of(records) for name, records in samples.SAMPLES.items()}
SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Found(msgspec.Struct):
    """All that the pieces of a file gave, put together as the ledger does."""

    calls: dict[str, Call]
    events: dict[str, Event]
    sessions: dict[str, Session]
    envelopes: list[tuple[str, int | None]]
    bad: list[tuple[int, bytes, str]]
    read: int
    deferred: int


def _found(name: str, pieces: Iterable[Stretch]) -> Found:
    found = Found({}, {}, {}, [], [], 0, 0)

    def order(piece: Stretch, call: Call) -> tuple[int, str, str, int]:
        return rank(piece.batch.winner, call.total, call.occurred_at, "", call.line)

    for piece in pieces:
        for call in piece.batch.calls:
            other = found.calls.get(call.usage_id)
            if other is None or order(piece, call) < order(piece, other):
                found.calls[call.usage_id] = call
        for event in piece.batch.events:
            found.events.setdefault(event.event_id, event)
        for session in piece.batch.sessions:
            before = found.sessions.get(session.session_id)
            found.sessions[session.session_id] = grown(before, session) if before else session
        found.envelopes += [(e.fingerprint, e.line) for e in piece.batch.envelopes]
        found.bad += [(bad.line, bad.raw, bad.code) for bad in piece.bad]
        found.read += piece.read - piece.deferred
        found.deferred += piece.deferred
        assert piece.read == len(piece.relevant) + piece.skipped + len(piece.bad) + piece.deferred
    return found


def _grow(path: Path, name: str, contents: Iterable[bytes]) -> Iterator[Stretch]:
    """Import the file as it stands, then as it stands a while later, and so on."""
    mark: FileMark | None = None
    for content in contents:
        _put(path, content)
        for piece in stretches(path, reading.reader(name), mark):
            yield piece
            mark = piece.mark


def _put(path: Path, content: bytes) -> None:
    """Without emptying the file first, for which a file system may wait for the disk."""
    path.touch()
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def _whole(path: Path, name: str, content: bytes) -> Found:
    return _found(name, _grow(path, name, [content]))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_at_any_byte_is_never_half_counted(name: str, tmp_path: Path) -> None:
    """Every prefix, then the whole: the same rows, lines and bad lines, nothing twice."""
    path, content = tmp_path / "log.jsonl", WHOLE[name]
    whole = _whole(path, name, content)
    for cut in range(len(content)):
        (first,) = _grow(path, name, [content[:cut]])
        (second,) = stretches_from(path, name, content, first.mark)
        found = _found(name, [first, second])
        found.deferred = 0
        # The second object of a line that lost its newline is a record of its own if it is late.
        found.read -= content[cut - 1 : cut + 1] == b"}{" and first.mark.byte_offset == cut
        assert found == whole, cut
        assert first.deferred == (first.mark.byte_offset < len(content[:cut].rstrip(b" \r\n")))


def stretches_from(path: Path, name: str, content: bytes, mark: FileMark) -> list[Stretch]:
    """What a file that has grown to `content` gives behind a mark."""
    _put(path, content)
    return list(stretches(path, reading.reader(name), mark))


@pytest.mark.parametrize("name", FORMATS)
@SHARED_FOLDER
@given(cuts=st.sets(st.integers(0, 19)))
@example(cuts=set(range(20)))
def test_a_file_read_line_by_line_gives_what_it_gives_whole(
    name: str, cuts: set[int], tmp_path: Path
) -> None:
    """A parser that sleeps at any line boundaries and wakes again misses nothing."""
    path, content = tmp_path / "log.jsonl", WHOLE[name]
    lines = content.splitlines(keepends=True)
    ends = [cut for cut in sorted(cuts) if cut < len(lines)] + [len(lines)]
    whole = _whole(path, name, content)
    found = _found(name, _grow(path, name, [b"".join(lines[:end]) for end in ends]))
    assert found == whole


@pytest.mark.parametrize("name", FORMATS)
@SHARED_FOLDER
@given(data=st.data())
def test_a_file_that_grows_by_any_bytes_gives_what_it_gives_whole(
    name: str, tmp_path: Path, data: st.DataObject
) -> None:
    """In several steps, each of which may end within a character."""
    path, content = tmp_path / "log.jsonl", WHOLE[name]
    cuts = data.draw(st.sets(st.integers(0, len(content)), max_size=5))
    whole = _whole(path, name, content)
    steps = [content[:cut] for cut in sorted(cuts)]
    found = _found(name, _grow(path, name, [*steps, content]))
    found.deferred, found.read = 0, whole.read
    assert found == whole


@pytest.mark.parametrize("tail", [b"", b" ", b"\n", b"\n\n", b"\r\n", b" \n \n"], ids=repr)
def test_a_complete_last_line_is_taken_without_its_newline(tail: bytes, tmp_path: Path) -> None:
    """And when the newline comes, it neither counts again nor moves the lines behind it."""
    path = tmp_path / "log.jsonl"
    start = logs.text_of([logs.ask(), logs.answer()]).rstrip()
    more = logs.text_of([logs.answer("msg_2", 2)])
    (first,) = _grow(path, "claude_code", [start])
    assert (first.read, first.deferred, len(first.batch.calls)) == (2, 0, 1)
    (pause,) = stretches_from(path, "claude_code", start + tail, first.mark)
    assert (pause.read, pause.batch.calls) == (0, [])
    (second,) = stretches_from(path, "claude_code", start + tail + b"\n" + more, pause.mark)
    (call,) = second.batch.calls
    assert call.line == 2 + (tail + b"\n").count(b"\n")


def test_an_object_on_a_line_that_was_taken_already_keeps_its_line(tmp_path: Path) -> None:
    """A lost newline between two imports."""
    path = tmp_path / "log.jsonl"
    one, two = logs.line(logs.answer()), logs.line(logs.answer("msg_2", 2))
    (first,) = _grow(path, "claude_code", [one])
    rest = one + two + b"\n" + two.replace(b"msg_2", b"msg_3") + b"\n"
    (second,) = stretches_from(path, "claude_code", rest, first.mark)
    assert [call.line for call in second.batch.calls] == [1, 2]


def test_a_partial_last_line_is_deferred_and_not_bad(tmp_path: Path) -> None:
    """It is read when it is complete."""
    path = tmp_path / "log.jsonl"
    content = logs.text_of([logs.ask(), logs.answer()])
    (piece,) = _grow(path, "claude_code", [content[:-20]])
    assert (piece.read, piece.deferred, piece.bad) == (2, 1, [])
    assert piece.mark.state is FileState.COMPLETE
    assert piece.mark.byte_offset == content.index(b"\n") + 1


def test_a_file_that_was_rewritten_is_read_from_the_start(tmp_path: Path) -> None:
    """The hash of the known part no longer fits, whatever the size."""
    path = tmp_path / "log.jsonl"
    content = WHOLE["claude_code"]
    (first,) = _grow(path, "claude_code", [content])
    (again,) = stretches_from(path, "claude_code", content.replace(b"s1", b"s2"), first.mark)
    assert again.bytes_read == len(content)
    assert {session.session_id for session in again.batch.sessions} == {"s2"}


def test_a_file_that_shrank_is_read_from_the_start(tmp_path: Path) -> None:
    """Whatever was behind its end before stays in the ledger."""
    path = tmp_path / "log.jsonl"
    content = logs.text_of([logs.ask(), logs.answer()])
    (first,) = _grow(path, "claude_code", [content + content])
    (again,) = stretches_from(path, "claude_code", content, first.mark)
    assert (again.read, again.mark.byte_offset) == (2, len(content))


def test_a_file_that_has_grown_costs_only_its_new_lines(tmp_path: Path) -> None:
    """Each line is parsed once."""
    path = tmp_path / "log.jsonl"
    content = WHOLE["claude_code"]
    first, second = _grow(path, "claude_code", [content, content + content])
    assert (first.bytes_read, second.bytes_read) == (len(content), len(content))
    assert second.read == first.read


def test_a_file_is_current_until_inode_size_or_time_change(tmp_path: Path) -> None:
    """A stat is enough to see that nothing happened."""
    path = logs.write(tmp_path / "log.jsonl", logs.ask())
    (piece,) = stretches(path, reading.reader("claude_code"), None)
    mark, stat = piece.mark, path.stat()
    assert mark.is_current(stat)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert not mark.is_current(path.stat())
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert mark.is_current(path.stat())
    other = logs.write(tmp_path / "other.jsonl", logs.ask())
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not mark.is_current(other.stat())


def test_a_long_file_comes_in_stretches_that_end_at_a_line(tmp_path: Path) -> None:
    """Only the last one is complete; together they are the file."""
    filler = "x" * 100_000
    count = STRETCH_BYTES * 2 // 100_000 + 10
    records = [logs.answer(f"msg_{n}", n / 10, content=[filler]) for n in range(count)]
    path = logs.write(tmp_path / "log.jsonl", *records)
    pieces = list(stretches(path, reading.reader("claude_code"), None))
    assert [piece.mark.state for piece in pieces] == [FileState.PARTIAL] * 2 + [FileState.COMPLETE]
    content = path.read_bytes()
    for piece in pieces:
        assert content[piece.mark.byte_offset - 1 : piece.mark.byte_offset] == b"\n"
    assert sum(piece.bytes_read for piece in pieces) == len(content)
    calls = [call for piece in pieces for call in piece.batch.calls]
    assert [call.line for call in calls] == list(range(1, count + 1))
    (woken, *_) = stretches(path, reading.reader("claude_code"), pieces[0].mark)
    assert woken.batch.calls[0].line == pieces[1].batch.calls[0].line


def _lines(good: int, bad: int, *, apart: bool) -> bytes:
    records = [logs.line(logs.ask(minute=n / 100)) for n in range(good)]
    for n in range(bad):
        records.insert((n * good // bad) if apart else 0, b"oops")
    return b"".join(record + b"\n" for record in records)


@pytest.mark.parametrize(
    ("good", "bad", "refused"),
    [(198, 2, False), (197, 3, True), (196, 3, False), (300, 3, False), (299, 4, True)],
    ids=str,
)
def test_more_than_one_in_a_hundred_bad_lines_refuse_a_file(
    good: int, bad: int, refused: bool, tmp_path: Path
) -> None:
    """Exactly one is allowed, and below 200 lines a share means nothing."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(_lines(good, bad, apart=True))
    if refused:
        with pytest.raises(TooManyBadLines, match=f"{bad} of {good + bad} lines are bad"):
            list(stretches(path, reading.reader("claude_code"), None))
    else:
        (piece,) = stretches(path, reading.reader("claude_code"), None)
        assert len(piece.bad) == bad


def test_a_file_that_grows_is_judged_as_a_whole(tmp_path: Path) -> None:
    """Bad lines of earlier imports count, and so do the good ones."""
    path, reader = tmp_path / "log.jsonl", reading.reader("claude_code")
    path.write_bytes(_lines(300, 2, apart=True))
    (first,) = stretches(path, reader, None)
    assert (first.mark.bad_lines, first.mark.bad_in_a_row) == (2, 0)
    with path.open("ab") as file:
        file.write(b"oops\n")
    (second,) = stretches(path, reader, first.mark)
    assert (second.mark.bad_lines, second.mark.bad_in_a_row) == (3, 1)
    with path.open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(TooManyBadLines, match="4 of 304 lines are bad"):
        list(stretches(path, reader, second.mark))


def test_bad_lines_in_a_row_are_counted_over_imports(tmp_path: Path) -> None:
    """A file that only ever grows by bad lines is refused at the fiftieth."""
    path, reader = tmp_path / "log.jsonl", reading.reader("claude_code")
    mark: FileMark | None = None
    path.write_bytes(_lines(10_000, 0, apart=False))
    for _ in range(5):
        (piece,) = list(stretches(path, reader, mark))[-1:]
        mark = piece.mark
        with path.open("ab") as file:
            file.write(b"oops\n" * 10)
    with pytest.raises(TooManyBadLines, match="50 bad lines in a row"):
        list(stretches(path, reader, mark))


def test_a_document_has_the_same_ceiling(tmp_path: Path) -> None:
    """Its records are counted like lines."""
    path, reader = tmp_path / "v3.json", reading.reader("legacy_v3", whole_document=True)
    path.write_text(json.dumps({"ledger": [{"sessionId": f"s{n}"} for n in range(50)]}))
    with pytest.raises(TooManyBadLines, match="50 bad lines in a row"):
        list(stretches(path, reader, None))


@pytest.mark.parametrize("good", [0, 10_000])
def test_fifty_bad_lines_in_a_row_refuse_a_file(good: int, tmp_path: Path) -> None:
    """However long it is; blank lines between them do not help, and 49 are allowed."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(_lines(good, BAD_IN_A_ROW - 1, apart=False).replace(b"oops\n", b"oops\n\n"))
    (piece,) = stretches(path, reading.reader("claude_code"), None)
    assert len(piece.bad) == 49
    path.write_bytes(_lines(good, BAD_IN_A_ROW, apart=False).replace(b"oops\n", b"oops\n\n"))
    with pytest.raises(TooManyBadLines, match="50 bad lines in a row"):
        list(stretches(path, reading.reader("claude_code"), None))


def test_a_document_is_read_whole_and_its_records_are_numbered(tmp_path: Path) -> None:
    """Each record is accounted for like a line."""
    path = tmp_path / "v3-intelligence.json"
    row = {
        "sessionId": "a",
        "status": "done",
        "agentId": "x",
        "modelId": "m",
        "startedAt": logs.at(0),
    }
    store = {"ledger": [row, row | {"status": "?"}], "events": [], "alertRules": [{}]}
    path.write_bytes(logs.line(store))
    (piece,) = stretches(path, reading.reader("legacy_v3", whole_document=True), None)
    assert (piece.read, piece.skipped, len(piece.bad), piece.relevant) == (3, 1, 1, {1})
    assert [(bad.line, bad.code) for bad in piece.bad] == [(2, "VALIDATION_ERROR")]


def test_a_document_that_cannot_be_read_is_one_bad_record(tmp_path: Path) -> None:
    """With all of its bytes."""
    path = tmp_path / "v3-intelligence.json"
    path.write_bytes(b'{"ledger": [')
    (piece,) = stretches(path, reading.reader("legacy_v3", whole_document=True), None)
    assert [(bad.line, bad.raw) for bad in piece.bad] == [(1, b'{"ledger": [')]
    assert (piece.read, piece.batch.envelopes) == (1, [])
