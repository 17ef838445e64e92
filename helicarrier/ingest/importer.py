"""The importer: files in, one report out; killed at any moment, the next run completes it.

Files are read stretch by stretch. Stretches are gathered and written in transactions of a few
hundred milliseconds; how far a file has been read is committed together with its rows, so there is
no moment in which one is true without the other. A file with too many bad lines is refused as a
whole: nothing of a file is written before all of it was read, and a large one waits in a temporary
file until then.
"""

import gc
import os
import pickle
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.errors import ErrorCode, HelicarrierError, InputRejected
from helicarrier.ingest import quarantine, report_store
from helicarrier.ingest.files import FileRegister
from helicarrier.ingest.readers.base import Reader
from helicarrier.ingest.readers.registry import HEAD_BYTES, SHORT_HEAD_BYTES, sniff
from helicarrier.ingest.report import FileError, Progress
from helicarrier.ingest.source import BadRecord, FileMark, Stretch, stretches
from helicarrier.ledger.enums import FileState
from helicarrier.ledger.outcomes import BatchOutcome, EnvelopeStatus
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.store.operational import OperationalStore

ROWS_PER_COMMIT = 12_000
BYTES_PER_COMMIT = 32 * 1024 * 1024
_SUFFIXES = {".json", ".jsonl", ".ndjson"}

Lock = Callable[[], AbstractContextManager[object]]


def discover(
    paths: Sequence[Path],
    suffixes: Collection[str] = _SUFFIXES,
    *,
    what: str = "session files",
) -> list[Path]:
    """The files of folders and files, each once, in order of their absolute names.

    Args: paths; suffixes of the files that are taken from folders; what they are, for people.

    Raises:
        InputRejected: a path does not exist.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(
                absolute(p) for p in path.rglob("*") if p.suffix in suffixes and p.is_file()
            )
        elif path.is_file():
            found.add(absolute(path))
        else:
            raise InputRejected(
                f"there is no file or folder {path}",
                code=ErrorCode.NOT_FOUND,
                hint=f"Give the folder that holds the {what}.",
            )
    return sorted(found)


def absolute(path: Path) -> Path:
    """The absolute name under which a file is known; symbolic links stay as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


@dataclass(slots=True, kw_only=True)
class Importer:
    """Imports files under one run.

    `named` are files that somebody asked for by name: an unknown format is an error there and
    ignored in a folder. `lock` is taken around every transaction: processes that import side by
    side wait for each other without polling the database.
    """

    store: OperationalStore
    run_id: str
    pricer: Pricer
    named: frozenset[Path] = frozenset()
    lock: Lock = nullcontext
    clock: Callable[[], str] = lambda: times.utc_text(times.now())

    def run(self, files: Iterable[Path]) -> Progress:
        """Import files one after the other."""
        with _rare_collections():
            return self._run(files)

    def _run(self, files: Iterable[Path]) -> Progress:
        progress = Progress()
        waiting: list[Stretch] = []
        weight = size = 0
        for stretch in self._unread(list(files), progress):
            waiting.append(stretch)
            weight += stretch.weight
            size += stretch.bytes_read
            if weight >= ROWS_PER_COMMIT or size >= BYTES_PER_COMMIT:
                self._commit(waiting, progress)
                waiting, weight, size = [], 0, 0
        self._commit(waiting, progress)
        return progress

    def _unread(self, files: Sequence[Path], progress: Progress) -> Iterator[Stretch]:
        """The stretches of all files that changed; files that are refused give none."""
        with self.store.read() as connection:
            known = FileRegister(connection).marks(
                str(path) for path in files if _printable(path) == str(path)
            )
        for path in files:
            try:
                yield from self._file(path, known.get(str(path)), progress)
            except HelicarrierError as error:
                progress.errors.append(
                    FileError(path=_printable(path), code=error.code, message=error.message)
                )
            except OSError as error:
                progress.errors.append(
                    FileError(
                        path=_printable(path),
                        code=ErrorCode.STORAGE_UNAVAILABLE,
                        message=f"the file cannot be read: {error.strerror}",
                    )
                )

    def _file(self, path: Path, known: FileMark | None, progress: Progress) -> Iterator[Stretch]:
        if _printable(path) != str(path):
            raise InputRejected("the name of the file is not UTF-8", hint="Rename the file.")
        stat = path.stat()
        if known is not None and known.is_current(stat):
            progress.files_unchanged += 1
            return
        reader = _reader(path)
        if reader is None:
            if path in self.named:
                raise InputRejected(
                    "no reader knows the format of the file",
                    code=ErrorCode.UNKNOWN_FORMAT,
                    hint="docs/how-to/import-your-sessions.md lists the formats.",
                )
            progress.files_ignored += 1
            return
        if stat.st_size > BYTES_PER_COMMIT:
            yield from _spooled(stretches(path, reader, known))
        else:
            yield from list(stretches(path, reader, known))

    def _commit(self, waiting: Sequence[Stretch], progress: Progress) -> None:
        """Write stretches with the marks of their files in one transaction."""
        if not waiting:
            return
        now = self.clock()
        writer = LedgerWriter(run_id=self.run_id, now=now, pricer=self.pricer)
        batches = [stretch.batch for stretch in waiting]
        writer.prepare(batches)
        with self.lock(), self.store.write() as connection:
            tally, outcomes = writer.write(connection, batches)
            bad: dict[str, list[BadRecord]] = {}
            for stretch, outcome in zip(waiting, outcomes, strict=True):
                found = stretch.bad + _conflicts(stretch, outcome)
                bad.setdefault(stretch.path, []).extend(found)
            quarantine.keep(connection, bad, run_id=self.run_id, now=now)
            FileRegister(connection).save(waiting, run_id=self.run_id, now=now)
            part = Progress(rows=tally)
            for stretch, outcome in zip(waiting, outcomes, strict=True):
                _account(stretch, outcome, part)
            report_store.add(connection, self.run_id, part)
        progress.add(part)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage less often: an import makes millions of objects, none in a cycle."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _spooled(read: Iterator[Stretch]) -> Iterator[Stretch]:
    """Stretches of a file that is too large for memory, given out once all of it was read."""
    with tempfile.TemporaryFile(prefix="helicarrier-spool-") as spool:
        count = 0
        for stretch in read:
            pickle.dump(stretch, spool, pickle.HIGHEST_PROTOCOL)
            count += 1
        spool.seek(0)
        for _ in range(count):
            stretch = pickle.load(spool)  # noqa: S301 - our own file, which nobody else can open
            yield stretch


def _printable(path: Path) -> str:
    """A path as a text that can be stored; bytes that are no characters are replaced."""
    return os.fsencode(path).decode(errors="replace")


def _reader(path: Path) -> Reader | None:
    with path.open("rb") as file:
        start = file.read(SHORT_HEAD_BYTES)
        found = sniff(path, start)
        if found is None and len(start) == SHORT_HEAD_BYTES:
            found = sniff(path, start + file.read(HEAD_BYTES - SHORT_HEAD_BYTES))
        return found


def _conflicts(stretch: Stretch, outcome: BatchOutcome) -> list[BadRecord]:
    return [
        BadRecord(
            line=envelope.line or 0,
            raw=envelope.raw,
            code=ErrorCode.IDEMPOTENCY_CONFLICT,
            message="the key is known with other content",
        )
        for envelope, status in zip(stretch.batch.envelopes, outcome.envelopes, strict=True)
        if status is EnvelopeStatus.CONFLICT
    ]


def _account(stretch: Stretch, outcome: BatchOutcome, progress: Progress) -> None:
    conflicts = sum(status is EnvelopeStatus.CONFLICT for status in outcome.envelopes)
    written = len(outcome.changed_lines & stretch.relevant)
    records = progress.records
    records.read += stretch.read
    records.written += written
    records.duplicate += len(stretch.relevant) - written - conflicts
    records.skipped += stretch.skipped
    records.quarantined += len(stretch.bad) + conflicts
    records.deferred += stretch.deferred
    progress.bytes_read += stretch.bytes_read
    progress.files_read += stretch.mark.state is FileState.COMPLETE
