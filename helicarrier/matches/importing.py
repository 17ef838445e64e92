"""One import of match results: files in, a report out, under one run.

Every file is read and held against the contract before anything is written, so a mistake in the
last one leaves the store as it was. Rows go in by short transactions; an import that was killed is
completed by the next one, for which they are duplicates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helicarrier import times
from helicarrier.canonical import JSONValue
from helicarrier.errors import Conflict
from helicarrier.ingest.importer import discover
from helicarrier.ingest.service import FILE, prepare
from helicarrier.ledger import run_markers
from helicarrier.ledger.runs import run_store
from helicarrier.matches.lines import read_file
from helicarrier.matches.model import MatchResult
from helicarrier.matches.repository import ROWS_AT_ONCE, add, missing
from helicarrier.matches.tables import ANALYSIS_RESULTS
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.store.run_model import Edge, Run

ASSET_KEY = ANALYSIS_RESULTS.name
"""The run store's and Dagster's name for an import."""

SUFFIXES = frozenset({".jsonl", ".ndjson"})
_DRY_RUN = "dry-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchReport:
    """What an import did, or would have done: read = written + duplicate."""

    run_id: str
    dry_run: bool
    files: int
    read: int
    written: int

    @property
    def duplicate(self) -> int:
        """Results that were stored already, or came twice."""
        return self.read - self.written

    def as_json(self) -> dict[str, JSONValue]:
        """The report as the command prints it."""
        return {
            "run_id": self.run_id,
            "dry_run": self.dry_run,
            "files": self.files,
            "read": self.read,
            "written": self.written,
            "duplicate": self.duplicate,
        }


def import_matches(
    settings: Settings,
    paths: Sequence[Path],
    *,
    dry_run: bool = False,
    dagster_run_id: str | None = None,
    clock: Callable[[], datetime] = times.now,
) -> MatchReport:
    """Import files and folders of match results.

    Args: settings; paths; dry_run to write nothing; dagster_run_id where Dagster runs it; clock.

    Raises:
        InputRejected: a path is missing or a file breaks the contract; nothing was written.
        Conflict: a result has other content than the stored one, or than another file's.
        NotReady: the store is not at the schema of this version.
        StorageUnavailable: it cannot be written, or a file not be read.
    """
    files = discover(paths, SUFFIXES, what="match results")
    by_file = {path: read_file(path) for path in files}
    results = _distinct(by_file)
    read = sum(map(len, by_file.values()))
    if not dry_run:
        prepare(settings)  # The run is anchored there, and judged by it should the process die.
    with open_query(settings.url) as query:
        query.ready()
    store = OperationalStore(settings.url)
    try:
        new = _missing(store, results)
        if dry_run:
            return MatchReport(
                run_id=_DRY_RUN, dry_run=True, files=len(files), read=read, written=len(new)
            )
        with run_store(settings).run(
            ASSET_KEY, dagster_run_id=dagster_run_id, config={"paths": sorted(map(str, paths))}
        ) as run:
            written = _write(store, new, run.run_id, clock())
            _record(run, by_file, written)
    finally:
        store.close()
    return MatchReport(
        run_id=run.run_id, dry_run=False, files=len(files), read=read, written=written
    )


def _distinct(by_file: dict[Path, list[MatchResult]]) -> list[MatchResult]:
    found: dict[str, MatchResult] = {}
    for path, results in by_file.items():
        for result in results:
            if found.setdefault(result.result_id, result) != result:
                raise Conflict(
                    f"{path} has the match result {result.result_id} with other content than "
                    "another file",
                    hint="A result never changes; nothing was written.",
                )
    return list(found.values())


def _missing(store: OperationalStore, results: Sequence[MatchResult]) -> list[MatchResult]:
    with store.read() as connection:
        return [new for some in _parts(results) for new in missing(connection, some)]


def _write(
    store: OperationalStore, results: Sequence[MatchResult], run_id: str, now: datetime
) -> int:
    """Looks again in each transaction, since another import may have been there meanwhile."""
    written = 0
    parts = _parts(results) or [()]
    for number, some in enumerate(parts, start=1):
        with store.write() as connection:
            new = missing(connection, some)
            add(connection, new, run_id=run_id)
            run_markers.mark(
                connection,
                run_id,
                {(ANALYSIS_RESULTS.name, ""): len(new)},
                now=now,
                last=number == len(parts),
            )
        written += len(new)
    return written


def _parts(results: Sequence[MatchResult]) -> list[Sequence[MatchResult]]:
    return [results[n : n + ROWS_AT_ONCE] for n in range(0, len(results), ROWS_AT_ONCE)]


def _record(run: Run, by_file: dict[Path, list[MatchResult]], written: int) -> None:
    run.rows_in, run.rows_out = sum(map(len, by_file.values())), written
    for path, results in by_file.items():
        run.reads(Edge(dataset=FILE, partition_key=str(path), rows=len(results)))
    if written:
        run.writes(Edge(dataset=ANALYSIS_RESULTS.name, rows=written))
