"""Import reports in the database: opened with the import, kept up with every commit, closed once.

What an import has committed and what its report says are one transaction, so an import that is
killed leaves a report of exactly what it did. The next import closes it as failed. Hence no row of
the ledger is without a report, and `read = written + duplicate + skipped + quarantined + deferred`
holds in every report at any time.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from helicarrier import times
from helicarrier.ingest.report import ImportReport, Progress, Records
from helicarrier.ledger import run_markers
from helicarrier.ledger.enums import ImportOutcome
from helicarrier.ledger.outcomes import Tally
from helicarrier.ledger.tables import import_reports

_RECORDS = tuple(Records.__slots__)
_ROWS = tuple(Tally.__slots__)
_COUNTS = (
    *("files", "files_unchanged", "bytes_read"),
    *(f"records_{name}" for name in _RECORDS),
    *_ROWS,
)
_OF_RUN = import_reports.c.run_id == bindparam("run")
_ADD = (
    update(import_reports)
    .where(_OF_RUN)
    .values({name: import_reports.c[name] + bindparam(f"more_{name}") for name in _COUNTS})
)


def open_report(connection: Connection, run_id: str, *, started_at: datetime) -> None:
    """The report of an import that begins: nothing done yet."""
    nothing = dict.fromkeys(_COUNTS, 0)
    connection.execute(
        insert(import_reports).values(
            run_id=run_id,
            started_at=started_at,
            outcome=ImportOutcome.RUNNING.value,
            report_json="{}",
            **nothing,
        )
    )


def add(connection: Connection, run_id: str, part: Progress) -> None:
    """Count what this transaction did; a rehearsal has no report and counts nowhere."""
    counts = {f"more_{name}": count for name, count in _counts(part).items()}
    connection.execute(_ADD, {"run": run_id, **counts})


def close(connection: Connection, report: ImportReport) -> None:
    """The whole report, when the import has ended; with it the run has committed everything."""
    connection.execute(
        update(import_reports)
        .where(import_reports.c.run_id == report.run_id)
        .values(
            finished_at=times.parse(report.finished_at),
            outcome=report.outcome.value,
            report_json=msgspec.json.encode(report.as_json()).decode(),
            **_counts(report.progress),
        )
    )
    if report.outcome is not ImportOutcome.FAILED:
        run_markers.mark(
            connection,
            report.run_id,
            {(import_reports.name, ""): 1},
            now=times.parse(report.finished_at),
            last=True,
        )


def unfinished(connection: Connection) -> list[str]:
    """The runs whose report is open: they run, or were killed."""
    running = import_reports.c.outcome == ImportOutcome.RUNNING.value
    query = select(import_reports.c.run_id).where(running)
    return list(connection.execute(query.order_by(import_reports.c.run_id)).scalars())


def partial_report(
    connection: Connection, run_id: str, *, finished_at: datetime, failure: str
) -> ImportReport | None:
    """What an import that broke off had committed; None where it has no open report."""
    query = select(import_reports).where(import_reports.c.run_id == run_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None or row["outcome"] != ImportOutcome.RUNNING:
        return None
    started_at = row["started_at"]
    return ImportReport(
        run_id=run_id,
        started_at=times.utc_text(started_at),
        finished_at=times.utc_text(finished_at),
        seconds=max(0.0, (finished_at - started_at).total_seconds()),
        dry_run=False,
        progress=_progress(row),
        failure=failure,
    )


def _counts(progress: Progress) -> dict[str, int]:
    """Column -> count."""
    files = progress.files_read + progress.files_unchanged + len(progress.errors)
    sums = (files, progress.files_unchanged, progress.bytes_read)
    records = (getattr(progress.records, name) for name in _RECORDS)
    rows = (getattr(progress.rows, name) for name in _ROWS)
    return dict(zip(_COUNTS, (*sums, *records, *rows), strict=True))


def _progress(row: RowMapping) -> Progress:
    return Progress(
        records=Records(**{name: row[f"records_{name}"] for name in _RECORDS}),
        rows=Tally(**_named(row, _ROWS)),
        files_read=row["files"] - row["files_unchanged"],
        files_unchanged=row["files_unchanged"],
        bytes_read=row["bytes_read"],
    )


def _named(row: RowMapping, names: Sequence[str]) -> dict[str, int]:
    return {name: row[name] for name in names}
