"""The importer: incremental, line by line, all of a file or nothing, and every record counted."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.ingest.importer import BYTES_PER_COMMIT, discover
from helicarrier.ledger.tables import (
    import_files,
    ingest_quarantine,
    session_ledger,
    session_usage,
)
from tests.ingest import logs, samples
from tests.ledger.stores import Ledger

EXAMPLES = Path(__file__).parents[2] / "examples" / "sessions"


def _folder(tmp_path: Path) -> Path:
    """Logs of each format."""
    folder = tmp_path / "logs"
    for name, records in samples.SAMPLES.items():
        logs.write(folder / f"{name}.jsonl", *records)
    return folder


# Discovery ----------------------------------------------------------------------------------------


def test_files_are_found_once_in_order_of_their_absolute_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In folders by their suffix, by name whatever they are called."""
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.jsonl", "b/1.json", "a.ndjson", "b/c/3.jsonl", "b/skip.txt", "odd.log"):
        logs.write(tmp_path / name)
    found = discover([Path("b"), Path("odd.log"), tmp_path / "b" / "c", Path(), Path("b/../b")])
    names = ["a.ndjson", "b/1.json", "b/2.jsonl", "b/c/3.jsonl", "odd.log"]
    assert found == [tmp_path / name for name in names]


def test_a_folder_that_looks_like_a_log_is_no_file(tmp_path: Path) -> None:
    """Nor is a link that leads nowhere."""
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "gone")
    assert discover([tmp_path]) == []


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A typing mistake must not look like an empty folder."""
    with pytest.raises(InputRejected) as refused:
        discover([tmp_path / "gone"])
    assert (refused.value.code, refused.value.exit_code) == (ErrorCode.NOT_FOUND, 4)


# Again --------------------------------------------------------------------------------------------


def test_the_second_import_costs_a_stat_and_writes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Not a column, in any table."""
    folder = _folder(tmp_path)
    first = ledger.read(folder, run_id="first")
    assert (first.files_read, first.files_unchanged) == (3, 0)
    before, files = ledger.whole_dump(), ledger.rows(import_files)
    second = ledger.read(folder, run_id="second", now="2026-12-01T00:00:00.000000Z")
    assert (second.files_read, second.files_unchanged, second.bytes_read) == (0, 3, 0)
    assert (second.records.read, second.rows.total) == (0, 0)
    assert ledger.whole_dump() == before
    assert ledger.rows(import_files) == files


def test_a_file_that_disappears_removes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """The ledger keeps what happened."""
    folder = _folder(tmp_path)
    ledger.read(folder)
    before = ledger.whole_dump()
    (folder / "claude_code.jsonl").unlink()
    ledger.read(folder)
    assert ledger.whole_dump() == before


def test_a_file_that_has_grown_gives_only_what_is_new(ledger: Ledger, tmp_path: Path) -> None:
    """Its known lines are not counted again."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer())
    ledger.read(path)
    progress = ledger.read(logs.grow(path, logs.answer("msg_2", 2), logs.answer("msg_2", 3)))
    assert (progress.records.read, progress.records.written, progress.records.duplicate) == (
        2,
        1,
        1,
    )
    assert progress.rows.calls_new == 1
    row = ledger.row(import_files)
    assert (row["line_offset"], row["byte_offset"]) == (4, path.stat().st_size)


def test_a_file_that_was_rewritten_adds_what_it_now_holds(ledger: Ledger, tmp_path: Path) -> None:
    """And takes nothing away."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer("msg_1"))
    ledger.read(path)
    logs.write(path, logs.ask(), logs.answer("msg_2", 2))
    progress = ledger.read(path)
    assert (progress.records.read, progress.rows.calls_new) == (2, 1)
    assert len(ledger.rows(session_usage)) == 2


@pytest.mark.parametrize("name", ["0.jsonl", "z.jsonl"], ids=["before", "behind"])
def test_a_file_that_was_moved_adds_nothing_twice(
    name: str, ledger: Ledger, tmp_path: Path
) -> None:
    """Whether its new name sorts before or behind the old one."""
    path = logs.write(tmp_path / "m.jsonl", *samples.CLAUDE)
    ledger.read(path)
    places = {"source_uri", "source_line"}
    before = ledger.dump(leave_out=places)
    path.rename(tmp_path / name)
    progress = ledger.read(tmp_path / name)
    assert (progress.rows.sessions_new, progress.rows.calls_new, progress.rows.events_new) == (
        0,
        0,
        0,
    )
    after = ledger.dump(leave_out=places)
    assert {**after, "ingest_quarantine": ()} == {**before, "ingest_quarantine": ()}


def test_overlapping_copies_of_a_log_add_nothing_twice(ledger: Ledger, tmp_path: Path) -> None:
    """Checkpoints: each copy is a few lines longer than the one before."""
    whole = [logs.ask(), *(logs.answer(f"msg_{n}", n, output=n) for n in range(1, 9))]
    ledger.read(logs.write(tmp_path / "whole.jsonl", *whole))
    before = ledger.dump(leave_out={"source_uri", "source_line"})
    for length in (3, 5, 9):
        logs.write(tmp_path / "copies" / f"{length}.jsonl", *whole[:length])
    progress = ledger.read(tmp_path / "copies")
    assert (progress.rows.calls_new, progress.rows.events_new) == (0, 0)
    assert ledger.dump(leave_out={"source_uri", "source_line"}) == before


def test_a_run_leaves_its_id_on_what_it_wrote(ledger: Ledger, tmp_path: Path) -> None:
    """And on the register of files."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask())
    ledger.read(path, run_id="first")
    ledger.read(logs.grow(path, logs.answer()), run_id="second")
    assert ledger.row(session_usage)["run_id"] == "second"
    assert ledger.row(import_files)["run_id"] == "second"
    assert ledger.row(import_files)["reader"] == "claude_code"


# Bad lines ----------------------------------------------------------------------------------------


def test_a_broken_line_is_quarantined_and_the_others_count(ledger: Ledger, tmp_path: Path) -> None:
    """With its bytes, its line and the reason."""
    broken = b'{"type":"assistant", \xff'
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), broken, logs.answer())
    progress = ledger.read(path, run_id="r")
    assert (progress.records.read, progress.records.written, progress.records.quarantined) == (
        3,
        2,
        1,
    )
    row = ledger.row(ingest_quarantine)
    assert (row["source_uri"], row["source_line"], row["raw"]) == (str(path), 2, broken)
    assert (row["attempts"], row["run_id"]) == (1, "r")
    assert "assistant" not in str(row["error_message"])


def test_a_line_that_is_bad_again_counts_another_attempt(ledger: Ledger, tmp_path: Path) -> None:
    """It keeps its first date; another line at its place is another entry."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), b"oops")
    for _ in range(3):
        ledger.forget_files()
        ledger.read(path)
    assert ledger.row(ingest_quarantine)["attempts"] == 3
    logs.write(path, logs.ask(), b"other")
    ledger.read(path)
    rows = ledger.rows(ingest_quarantine)
    assert sorted((bytes(row["raw"]), row["attempts"]) for row in rows) == [  # type: ignore[call-overload]
        (b"oops", 3),
        (b"other", 1),
    ]


def test_bad_lines_of_a_large_file_are_all_kept(ledger: Ledger, tmp_path: Path) -> None:
    """A file of several stretches is written in one transaction."""
    filler = "x" * 200_000
    good = [logs.answer(f"msg_{n}", n, content=[filler]) for n in range(100)]
    path = logs.write(tmp_path / "a.jsonl", b"first", *good, b"last", logs.answer("end", 200))
    progress = ledger.read(path)
    assert progress.records.quarantined == 2
    assert {bytes(row["raw"]) for row in ledger.rows(ingest_quarantine)} == {b"first", b"last"}  # type: ignore[call-overload]


def test_an_envelope_that_conflicts_is_quarantined(ledger: Ledger, tmp_path: Path) -> None:
    """The stored session stays; a higher revision is taken."""
    path = logs.write(
        tmp_path / "a.jsonl",
        logs.v1(logs.run(title="one")),
        logs.v1(logs.run(title="one")),
        logs.v1(logs.run(title="two")),
        logs.v1(logs.run(title="three"), revision=1),
    )
    progress = ledger.read(path)
    records = progress.records
    assert (records.read, records.written, records.duplicate, records.quarantined) == (4, 2, 1, 1)
    row = ledger.row(ingest_quarantine)
    assert (row["source_line"], row["error_code"]) == (3, "IDEMPOTENCY_CONFLICT")
    assert ledger.row(session_ledger)["task_title"] == "three"


@pytest.mark.parametrize("bad", [[b"oops"] * 50, None], ids=["in a row", "in a hundred"])
def test_a_file_with_too_many_bad_lines_is_refused_whole(
    bad: list[bytes] | None, ledger: Ledger, tmp_path: Path
) -> None:
    """Nothing of it is kept, the other files are; mended, it is read."""
    good = [logs.answer(f"msg_{n}", n / 10) for n in range(200)]
    lines = [*good, *bad] if bad else [b"oops", *good[:100], b"oops", *good[100:], b"oops"]
    folder = tmp_path / "logs"
    path = logs.write(folder / "b.jsonl", *lines)
    logs.write(folder / "a.jsonl", logs.ask(session="a"))
    logs.write(folder / "c.jsonl", logs.ask(session="c"))
    progress = ledger.read(folder)
    (error,) = progress.errors
    assert (error.path, error.code) == (str(path), "TOO_MANY_BAD_LINES")
    assert {row["session_id"] for row in ledger.rows(session_ledger)} == {"a", "c"}
    assert ledger.rows(session_usage) == []
    assert ledger.rows(ingest_quarantine) == []
    assert {Path(str(row["path"])).name for row in ledger.rows(import_files)} == {
        "a.jsonl",
        "c.jsonl",
    }
    assert len(ledger.read(folder).errors) == 1
    logs.write(path, *good)
    assert ledger.read(folder).rows.calls_new == 200


def test_a_large_file_that_turns_bad_at_its_end_is_refused_whole(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Also when it has to wait in a temporary file until it was read."""
    filler = "x" * 500_000
    count = BYTES_PER_COMMIT // 500_000 + 10
    good = [logs.answer(f"msg_{n}", n / 10, content=[filler]) for n in range(count)]
    path = logs.write(tmp_path / "a.jsonl", *good, *[b"oops"] * 50)
    assert path.stat().st_size > BYTES_PER_COMMIT
    progress = sqlite_ledger.read(path)
    assert [error.code for error in progress.errors] == ["TOO_MANY_BAD_LINES"]
    assert sqlite_ledger.rows(session_ledger) == []
    assert sqlite_ledger.rows(import_files) == []
    logs.write(path, *good)
    assert sqlite_ledger.read(path).rows.calls_new == count


def test_a_grown_file_that_turns_bad_keeps_what_it_gave_before(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Nothing of the new part is kept, and its old part stays known."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer())
    ledger.read(path)
    before, files = ledger.whole_dump(), ledger.rows(import_files)
    progress = ledger.read(logs.grow(path, logs.answer("msg_2", 2), *[b"oops"] * 50))
    assert [error.code for error in progress.errors] == ["TOO_MANY_BAD_LINES"]
    assert ledger.whole_dump() == before
    assert ledger.rows(import_files) == files


# Files that cannot be read ------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_stops_no_other(ledger: Ledger, tmp_path: Path) -> None:
    """It is an error of the report."""
    (tmp_path / "b.jsonl").mkdir()
    files = [logs.write(tmp_path / name, logs.ask(session=name)) for name in ("a.jsonl", "c.jsonl")]
    progress = ledger.importer().run([files[0], tmp_path / "b.jsonl", files[1]])
    (error,) = progress.errors
    assert (error.path, error.code) == (str(tmp_path / "b.jsonl"), "STORAGE_UNAVAILABLE")
    assert len(ledger.rows(session_ledger)) == 2


def test_a_file_that_vanished_stops_no_other(ledger: Ledger, tmp_path: Path) -> None:
    """Between its discovery and its turn."""
    files = [logs.write(tmp_path / name, logs.ask(session=name)) for name in ("a.jsonl", "b.jsonl")]
    files[0].unlink()
    progress = ledger.importer().run(files)
    assert [error.path for error in progress.errors] == [str(files[0])]
    assert ledger.row(session_ledger)["session_id"] == "b.jsonl"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_stops_no_other(ledger: Ledger, tmp_path: Path) -> None:
    """The reason is in the report."""
    files = [logs.write(tmp_path / name, logs.ask(session=name)) for name in ("a.jsonl", "b.jsonl")]
    files[0].chmod(0)
    progress = ledger.read(tmp_path)
    assert [error.message for error in progress.errors] == [
        "the file cannot be read: Permission denied"
    ]


def test_a_name_that_is_not_utf8_stops_no_other_file(ledger: Ledger, tmp_path: Path) -> None:
    """No database can hold it; the report says so in words that can be printed."""
    folder = os.fsencode(tmp_path)
    try:
        with open(folder + b"/caf\xe9.jsonl", "wb") as file:  # noqa: PTH123 - a name in bytes
            file.write(logs.text_of([logs.ask(session="x")]))
    except OSError:
        pytest.skip("this file system takes no such name")
    logs.write(tmp_path / "a.jsonl", logs.ask(session="a"))
    progress = ledger.read(tmp_path)
    (error,) = progress.errors
    error.path.encode()
    assert ledger.row(session_ledger)["session_id"] == "a"


def test_a_foreign_file_in_a_folder_is_ignored(ledger: Ledger, tmp_path: Path) -> None:
    """It is counted as that, and looked at again each time."""
    logs.write(tmp_path / "package.json", {"name": "x", "type": "module"})
    logs.write(tmp_path / "a.jsonl", logs.ask())
    progress = ledger.read(tmp_path)
    assert (progress.files_read, progress.files_ignored, progress.errors) == (1, 1, [])
    assert len(ledger.rows(import_files)) == 1


def test_an_empty_file_is_ignored_until_it_holds_something(ledger: Ledger, tmp_path: Path) -> None:
    """A session that was just opened."""
    path = logs.write(tmp_path / "a.jsonl")
    assert ledger.read(path.parent).files_ignored == 1
    logs.grow(path, logs.ask())
    assert ledger.read(path.parent).rows.sessions_new == 1


# Accounting ---------------------------------------------------------------------------------------

_RECORDS = st.sampled_from(
    [
        *(logs.answer(f"msg_{n}", n) for n in range(3)),
        logs.ask(minute=4),
        logs.claude("file-history-snapshot"),
        {"type": "custom-title", "sessionId": "s1", "customTitle": "x"},
        {"type": "custom-title", "sessionId": "other", "customTitle": "x"},
        b"",
        b"  \r",
        b"oops",
        logs.line(logs.answer())[:-1],
        logs.line(logs.answer()) + logs.line(logs.ask()),
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.lists(_RECORDS, max_size=12), min_size=1, max_size=3),
    tail=st.sampled_from([b"", b'{"type":"us', logs.line(logs.ask(minute=9))]),
)
def test_every_record_is_accounted_for(
    parts: list[list[object]], tail: bytes, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Over several imports of a growing file: what was read is what is not blank."""
    sqlite_ledger.wipe()
    path = logs.write(tmp_path / "a.jsonl", logs.claude("system"))
    read = sqlite_ledger.read(path).records.read
    lines = 1
    for part in parts:
        progress = sqlite_ledger.read(logs.grow(path, *part))
        kept = [record for record in part if not (isinstance(record, bytes) and not record.strip())]
        assert progress.records.read == len(kept)
        assert progress.records.deferred == 0
        lines += len(kept)
        read += progress.records.read
    assert read == lines
    with path.open("ab") as file:
        file.write(tail)
    last = sqlite_ledger.read(path).records
    assert last.read == bool(tail)
    assert last.deferred == (tail == b'{"type":"us')


def test_the_samples_give_exactly_what_their_generator_counted(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Sessions, calls and defects; the figures do not come from any reader."""
    expected = json_of(EXAMPLES / "expected.json")
    folder = tmp_path / "sessions"
    shutil.copytree(EXAMPLES, folder)
    progress = ledger.read(folder)
    totals, defects = expected["all"], expected["defects"]
    usage = ledger.rows(session_usage)
    assert len(ledger.rows(session_ledger)) == totals["sessions"]
    assert len(usage) == totals["calls"]
    sums = {
        "promptTokens": ("prompt_tokens",),
        "cacheReadTokens": ("cache_read_tokens",),
        "cacheWriteTokens": ("cache_write_5m_tokens", "cache_write_1h_tokens"),
        "completionTokens": ("completion_tokens",),
        "reasoningTokens": ("reasoning_tokens",),
        "totalTokens": ("total_tokens",),
    }
    for name, columns in sums.items():
        assert sum(int(str(row[c])) for row in usage for c in columns) == totals[name], name
    unknown = [row for row in usage if row["model_id"] == "claude-experimental-x"]
    assert len(unknown) == totals["unknownModelCalls"]
    assert {row["cost_usd"] for row in unknown} == {None}
    assert progress.records.quarantined == defects["broken_lines"] + defects["invalid_envelopes"]
    assert progress.records.deferred == defects["partial_last_lines"]
    assert progress.files_read == totals["files"]


def json_of(path: Path) -> dict[str, dict[str, int]]:
    """A JSON file."""
    import json

    return json.loads(path.read_bytes())
