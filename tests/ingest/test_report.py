"""The import report: parts add up, and its wire form has every figure."""

from helicarrier.errors import ErrorCode
from helicarrier.ingest.report import FileError, ImportReport, Progress, Records
from helicarrier.ledger.outcomes import Tally


def _progress(n: int, *errors: FileError) -> Progress:
    return Progress(
        records=Records(
            read=15 * n,
            written=n,
            duplicate=2 * n,
            skipped=3 * n,
            quarantined=4 * n,
            deferred=5 * n,
        ),
        rows=Tally(
            sessions_new=n,
            sessions_changed=2 * n,
            calls_new=3 * n,
            calls_changed=4 * n,
            events_new=5 * n,
            events_changed=6 * n,
        ),
        files_read=n,
        files_unchanged=2 * n,
        files_ignored=3 * n,
        bytes_read=100 * n,
        errors=list(errors),
    )


def _error(path: str) -> FileError:
    return FileError(path=path, code=ErrorCode.TOO_MANY_BAD_LINES, message="too many")


def _report(progress: Progress) -> ImportReport:
    return ImportReport(
        run_id="r",
        started_at="2026-10-05T00:00:00.000000Z",
        finished_at="2026-10-05T00:00:01.000000Z",
        seconds=1.23456,
        dry_run=False,
        progress=progress,
    )


def test_parts_add_up() -> None:
    """In every figure, whoever counted them."""
    total = Progress()
    total.add(_progress(1, _error("/b")))
    total.add(_progress(2, _error("/a")))
    assert total == _progress(3, _error("/b"), _error("/a"))
    assert total.rows.total == 3 * 21


def test_the_wire_form_has_every_figure() -> None:
    """Sessions, calls and events are rows that came into being or changed."""
    assert _report(_progress(1)).as_json() == {
        "runId": "r",
        "outcome": "completed",
        "failure": None,
        "dryRun": False,
        "startedAt": "2026-10-05T00:00:00.000000Z",
        "finishedAt": "2026-10-05T00:00:01.000000Z",
        "seconds": 1.235,
        "bytes": 100,
        "files": {"read": 1, "unchanged": 2, "ignored": 3, "rejected": 0},
        "read": 15,
        "written": 1,
        "duplicate": 2,
        "skipped": 3,
        "quarantined": 4,
        "deferred": 5,
        "errors": [],
        "sessions": 3,
        "calls": 7,
        "events": 11,
        "rows": {
            "sessions": {"new": 1, "changed": 2},
            "calls": {"new": 3, "changed": 4},
            "events": {"new": 5, "changed": 6},
        },
    }


def test_errors_are_listed_in_order_and_reject_the_outcome() -> None:
    """Whichever process met them first."""
    form = _report(_progress(1, _error("/b"), _error("/a"))).as_json()
    assert form["outcome"] == "rejected"
    assert form["errors"] == [
        {"path": path, "code": "TOO_MANY_BAD_LINES", "message": "too many"} for path in ("/a", "/b")
    ]
