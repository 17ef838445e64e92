"""One import from beginning to end: run record, files, report in the database and beside it.

This is what the command line and the Dagster asset call. A dry run imports into a copy of the
SQLite file, so its report is exactly that of the import, and the store is not touched.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import insert

from helicarrier import times
from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable, UsageError
from helicarrier.ingest.importer import absolute, discover
from helicarrier.ingest.parallel import OnProgress, import_files, no_progress
from helicarrier.ingest.report import ImportReport
from helicarrier.ledger.tables import import_reports
from helicarrier.settings import Settings
from helicarrier.store import migrate
from helicarrier.store.backup import backup
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore

ASSET_KEY = "session_import"
"""The run store's and Dagster's name for an import."""

_OUT_OF_REACH = {
    ErrorCode.DB_PATH_INVALID,
    ErrorCode.STORAGE_UNAVAILABLE,
    ErrorCode.STORAGE_BUSY,
}


def import_sessions(
    settings: Settings,
    paths: Sequence[Path],
    *,
    dry_run: bool = False,
    workers: int | None = None,
    dagster_run_id: str | None = None,
    clock: Callable[[], datetime] = times.now,
    on_progress: OnProgress = no_progress,
) -> ImportReport:
    """Import session files into the ledger.

    Args: settings; paths of files and folders; dry_run to write nothing; workers None takes the
    setting; dagster_run_id where Dagster runs it; clock; on_progress for display.

    Raises:
        InputRejected: a path does not exist.
        NotReady: the store is not at the schema of this version.
        StorageUnavailable: the store cannot be written.
    """
    job = _Job(
        files=discover(paths),
        named=frozenset(absolute(path) for path in paths if path.is_file()),
        workers=settings.import_workers if workers is None else workers,
        clock=clock,
        on_progress=on_progress,
    )
    if dry_run:
        with _rehearsal(settings.url) as url:
            return job.run(url, "dry-run", dry_run=True)
    _prepare(settings)
    runs = RunStore(WarehouseStore(settings.warehouse_path))
    with runs.run(
        ASSET_KEY, dagster_run_id=dagster_run_id, config={"paths": sorted(map(str, paths))}
    ) as run:
        report = job.run(settings.url, run.run_id)
        run.rows_in = report.progress.records.read
        run.rows_out = report.progress.rows.total
        _keep(settings, report)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What to import and how; `run` does it against a store."""

    files: Sequence[Path]
    named: frozenset[Path]
    workers: int
    clock: Callable[[], datetime]
    on_progress: OnProgress

    def run(self, url: str, run_id: str, *, dry_run: bool = False) -> ImportReport:
        started_at = times.utc_text(self.clock())
        began = time.perf_counter()
        progress = import_files(
            url,
            self.files,
            run_id=run_id,
            workers=self.workers,
            named=self.named,
            on_progress=self.on_progress,
        )
        return ImportReport(
            run_id=run_id,
            started_at=started_at,
            finished_at=times.utc_text(self.clock()),
            seconds=time.perf_counter() - began,
            dry_run=dry_run,
            progress=progress,
        )


def _prepare(settings: Settings) -> None:
    """A store that does not exist yet is made; one of an older version is not touched.

    Raises:
        NotReady: the store has to be migrated, or is of a newer version.
    """
    if _is_missing(settings.url):
        migrate.upgrade(settings.url, settings.backups_dir)


def _is_missing(url: str) -> bool:
    """Whether there is no store yet; one that is there has to be ready."""
    found = migrate.readiness(url)
    if found.code is ErrorCode.MIGRATION_PENDING and found.current is None:
        return True
    if not found.ready:
        out_of_reach = found.code in _OUT_OF_REACH
        kind = StorageUnavailable if out_of_reach else NotReady
        raise kind(found.message, code=found.code, hint=found.hint)
    return False


def report_path(settings: Settings, run_id: str) -> Path:
    """Where the JSON report of an import lies."""
    return settings.reports_dir / f"import-{run_id}.json"


def _keep(settings: Settings, report: ImportReport) -> None:
    body = msgspec.json.format(msgspec.json.encode(report.as_json()), indent=2)
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    report_path(settings, report.run_id).write_bytes(body + b"\n")
    records, progress = report.progress.records, report.progress
    store = OperationalStore(settings.url)
    try:
        with store.write() as connection:
            connection.execute(
                insert(import_reports).values(
                    run_id=report.run_id,
                    started_at=times.parse(report.started_at),
                    finished_at=times.parse(report.finished_at),
                    outcome=report.outcome,
                    files=progress.files_read + progress.files_unchanged + len(progress.errors),
                    files_unchanged=progress.files_unchanged,
                    records_read=records.read,
                    records_written=records.written,
                    records_duplicate=records.duplicate,
                    records_skipped=records.skipped,
                    records_quarantined=records.quarantined,
                    records_deferred=records.deferred,
                    bytes_read=progress.bytes_read,
                    report_json=msgspec.json.encode(report.as_json()).decode(),
                )
            )
    finally:
        store.close()


@contextmanager
def _rehearsal(url: str) -> Iterator[str]:
    """A copy of the SQLite store, for the time of a dry run."""
    if not url.startswith("sqlite"):
        raise UsageError(
            "a dry run needs the SQLite store",
            hint="On Postgres import into a restored copy of the database instead.",
        )
    with tempfile.TemporaryDirectory(prefix="helicarrier-dry-run-") as folder:
        copy = Path(folder) / "copy.sqlite"
        if _is_missing(url):
            migrate.upgrade(f"sqlite:///{copy}", Path(folder))
        else:
            backup(url, Path(folder)).rename(copy)
        yield f"sqlite:///{copy}"
