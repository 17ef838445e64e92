"""One import from beginning to end: run record, files, report in the database and beside it.

This is what the command line and the Dagster asset call. A dry run imports into a copy (of the
SQLite file, or of the tables in a session of Postgres), so its report is exactly that of the
import, and the store is not touched.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable
from helicarrier.ingest import report_store
from helicarrier.ingest.files import FileRegister
from helicarrier.ingest.importer import Importer, absolute, discover
from helicarrier.ingest.parallel import OnProgress, import_files, no_progress
from helicarrier.ingest.report import ImportReport, Progress
from helicarrier.ledger.runs import run_store
from helicarrier.ledger.tables import CONTRACTS
from helicarrier.settings import Settings
from helicarrier.store import migrate
from helicarrier.store.backup import backup
from helicarrier.store.operational import OperationalStore
from helicarrier.store.rehearsal import RehearsalStore
from helicarrier.store.run_model import Edge, Run, RunStatus
from helicarrier.store.run_store import INTERRUPTED, RunStore, described
from helicarrier.store.schema import METADATA

ASSET_KEY = "session_import"
"""The run store's and Dagster's name for an import."""

FILE = "file"
"""The dataset of source files in the run store; the partition is the absolute path."""

_DRY_RUN = "dry-run"
_COPIED = tuple(METADATA.tables[contract.name] for contract in CONTRACTS)
"""Every table of the ledger, so that nothing an import writes can reach the store."""

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
        return _rehearsed(job, settings.url)
    prepare(settings)
    runs = run_store(settings)
    with (
        runs.run(
            ASSET_KEY,
            dagster_run_id=dagster_run_id,
            config={"paths": sorted(map(str, paths))},
            heartbeat=False,  # Processes that are forked must not find a thread; progress beats.
        ) as run,
        closing(OperationalStore(settings.url)) as store,
    ):
        _close_interrupted(settings, store, runs)
        started_at = clock()
        with store.write() as connection:
            report_store.open_report(connection, run.run_id, started_at=started_at)
        try:
            report = job.run(settings.url, run, started_at=started_at)
        except BaseException as error:
            _keep_what_was_done(settings, store, run, clock(), error)
            raise
        _keep(settings, store, report)
        _account(run, store, report)
    return report


def _account(run: Run, store: OperationalStore, report: ImportReport) -> None:
    """Tell the run what it read, file by file, and what it wrote."""
    rows = report.progress.rows
    run.rows_in = report.progress.records.read
    run.rows_out = rows.total
    with store.read() as connection:
        for path, digest, lines in FileRegister(connection).of_run(run.run_id):
            run.reads(Edge(dataset=FILE, partition_key=path, fingerprint=digest, rows=lines))
    for table, count in (
        ("session_ledger", rows.sessions_new + rows.sessions_changed),
        ("session_usage", rows.calls_new + rows.calls_changed),
        ("session_events", rows.events_new + rows.events_changed),
    ):
        run.writes(Edge(dataset=table, rows=count))


def _keep_what_was_done(
    settings: Settings, store: OperationalStore, run: Run, now: datetime, error: BaseException
) -> None:
    """The report of an import that breaks off; where that fails, too, the next import makes it."""
    try:
        report = _close_failed(settings, store, run.run_id, now, described(error))
    except Exception as also:  # noqa: BLE001 - the first failure is the one to report
        error.add_note(f"its report could not be closed: {also}")
    else:
        if report is not None:
            _account(run, store, report)


def _close_interrupted(settings: Settings, store: OperationalStore, runs: RunStore) -> None:
    """Close the reports of imports whose process died; the run store knows which those are."""
    with store.read() as connection:
        unfinished = report_store.unfinished(connection)
    for run_id in unfinished:
        record = runs.get_run(run_id)
        if record is None or record.status is not RunStatus.RUNNING:
            ended = record.finished_at if record is not None else None
            why = (record.error if record is not None else None) or INTERRUPTED
            _close_failed(settings, store, run_id, ended or times.now(), why)


def _close_failed(
    settings: Settings, store: OperationalStore, run_id: str, now: datetime, failure: str
) -> ImportReport | None:
    with store.write() as connection:
        report = report_store.partial_report(connection, run_id, finished_at=now, failure=failure)
        if report is not None:
            report_store.close(connection, report)
    if report is not None:
        _write_beside(settings, report)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What to import and how; `run` does it against a store."""

    files: Sequence[Path]
    named: frozenset[Path]
    workers: int
    clock: Callable[[], datetime]
    on_progress: OnProgress

    def run(self, url: str, run: Run, *, started_at: datetime) -> ImportReport:
        """Import into the store at `url`, with several processes where that is worth it."""
        began = time.perf_counter()

        def progressed(progress: Progress, files: int) -> None:
            run.beat()
            self.on_progress(progress, files)

        progress = import_files(
            url,
            self.files,
            run_id=run.run_id,
            workers=self.workers,
            named=self.named,
            on_progress=progressed,
        )
        return self._report(run.run_id, started_at, began, progress)

    def rehearse(self, store: OperationalStore) -> ImportReport:
        """Import into an open store, in this process."""
        started_at, began = self.clock(), time.perf_counter()
        importer = Importer(
            store=store, run_id=_DRY_RUN, pricer=Pricer(PriceBook()), named=self.named
        )
        progress = importer.run(self.files)
        self.on_progress(progress, len(self.files))
        return self._report(_DRY_RUN, started_at, began, progress)

    def _report(
        self, run_id: str, started_at: datetime, began: float, progress: Progress
    ) -> ImportReport:
        return ImportReport(
            run_id=run_id,
            started_at=times.utc_text(started_at),
            finished_at=times.utc_text(self.clock()),
            seconds=time.perf_counter() - began,
            dry_run=run_id == _DRY_RUN,
            progress=progress,
        )


def prepare(settings: Settings) -> None:
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


def _keep(settings: Settings, store: OperationalStore, report: ImportReport) -> None:
    _write_beside(settings, report)
    with store.write() as connection:
        report_store.close(connection, report)


def _write_beside(settings: Settings, report: ImportReport) -> None:
    body = msgspec.json.format(msgspec.json.encode(report.as_json()), indent=2)
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    report_path(settings, report.run_id).write_bytes(body + b"\n")


def _rehearsed(job: _Job, url: str) -> ImportReport:
    """The import into a copy of the store, for the time of a dry run."""
    missing = _is_missing(url)
    if missing or url.startswith("sqlite"):
        with tempfile.TemporaryDirectory(prefix="helicarrier-dry-run-") as folder:
            copy = Path(folder) / "copy.sqlite"
            if missing:
                migrate.upgrade(f"sqlite:///{copy}", Path(folder))
            else:
                backup(url, Path(folder)).rename(copy)
            rehearsal = Run(run_id=_DRY_RUN, started_at=job.clock())
            return job.run(f"sqlite:///{copy}", rehearsal, started_at=rehearsal.started_at)
    with closing(RehearsalStore(url, _COPIED)) as store:
        return job.rehearse(store)
