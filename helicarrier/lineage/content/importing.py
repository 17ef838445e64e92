"""One import of content: files in, one report out, under one run.

Markdown files come first and lines after them, each in the order of their names, so a remark finds
the document that came with it. Records are gathered and written in short transactions; an import
that was killed is completed by the next one, since what is stored already is a duplicate. Two files
that claim one key in one import cannot both be the document: the first is, the others are refused,
or the two would replace each other at every import.

A dry run imports into a copy of the file, so its report is exactly that of the import.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from helicarrier import times
from helicarrier.errors import ContractError, ErrorCode, InputRejected, StorageUnavailable
from helicarrier.ingest.importer import discover
from helicarrier.ingest.service import FILE, prepare
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.content import lines, markdown
from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository
from helicarrier.lineage.content.enums import Outcome
from helicarrier.lineage.content.model import (
    AnnotationDraft,
    DocumentDraft,
    Message,
    Refusal,
    Saved,
)
from helicarrier.lineage.content.report import ContentCounts, ContentReport, named
from helicarrier.lineage.content.repository import ContentRepository
from helicarrier.settings import Settings
from helicarrier.store.run_model import Edge, Run
from helicarrier.store.warehouse import WarehouseStore

ASSET_KEY = "content_import"
"""The run store's name for an import."""
MARKDOWN = frozenset({".md", ".markdown"})
LINES = frozenset({".jsonl", ".ndjson"})
RECORDS_PER_COMMIT = 2_000
BYTES_PER_COMMIT = 16 * 1024 * 1024

_Value = DocumentDraft | Message | AnnotationDraft


def import_content(
    settings: Settings,
    paths: Sequence[Path],
    *,
    dry_run: bool = False,
    dagster_run_id: str | None = None,
    clock: Callable[[], datetime] = times.now,
) -> ContentReport:
    """Import Markdown folders and JSON Lines into the content store.

    Args: settings; paths of files and folders; dry_run to write nothing; dagster_run_id where
    Dagster runs it; clock.

    Raises:
        InputRejected: a path does not exist, or a file that was named is of no known kind.
        NotReady: a store has to be migrated, or is of a newer version.
        StorageUnavailable: a store or a file cannot be read or written.
    """
    files = content_files(paths)
    if dry_run:
        with rehearsal(settings.warehouse_path) as warehouse:
            return _Import(DuckDbContentRepository(warehouse), "dry-run", clock).run(
                files, dry_run=True
            )
    prepare(settings)  # The run is anchored there, and judged by it should the process die.
    warehouse = WarehouseStore(settings.warehouse_path)
    with run_store(settings, warehouse).run(
        ASSET_KEY, dagster_run_id=dagster_run_id, config={"paths": sorted(map(str, paths))}
    ) as run:
        done = _Import(DuckDbContentRepository(warehouse), run.run_id, clock)
        report = done.run(files)
        _record(run, report, done)
    return report


def content_files(paths: Sequence[Path]) -> list[Path]:
    """The files of an import in its order: Markdown, then lines, each by name.

    Raises:
        InputRejected: a path does not exist, or a file that was named is of no known kind.
    """
    found = discover(paths, MARKDOWN | LINES, what="content")
    for path in found:
        if path.suffix not in MARKDOWN | LINES:
            raise InputRejected(
                f"{path} is neither Markdown nor JSON Lines",
                code=ErrorCode.UNKNOWN_FORMAT,
                hint="Content is read from .md, .markdown, .jsonl and .ndjson files.",
            )
    return sorted(found, key=lambda path: (path.suffix in LINES, path))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """A record as it was read: what it says, None where it says nothing, or why it is refused."""

    uri: str
    line: int
    raw: bytes
    value: _Value | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Import:
    """An import in progress: `sources` counts rows by file, `digests` are the files' SHA-256."""

    repository: ContentRepository
    run_id: str
    clock: Callable[[], datetime]
    counts: ContentCounts = field(default_factory=ContentCounts)
    refusals: list[Refusal] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    _now: datetime = field(init=False)
    _claimed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def run(self, files: Sequence[Path], *, dry_run: bool = False) -> ContentReport:
        began = time.perf_counter()
        self._now = self.clock()
        waiting: list[_Record] = []
        size = 0
        for record in self._records(files):
            waiting.append(record)
            size += len(record.raw)
            if len(waiting) >= RECORDS_PER_COMMIT or size >= BYTES_PER_COMMIT:
                self._write(waiting)
                waiting, size = [], 0
        self._write(waiting)
        if self.counts.rows_written:
            self.repository.finish(run_id=self.run_id)
        return ContentReport(
            run_id=self.run_id,
            started_at=times.utc_text(self._now),
            finished_at=times.utc_text(self.clock()),
            seconds=time.perf_counter() - began,
            dry_run=dry_run,
            files=len(files),
            counts=self.counts,
            refused=named(self.refusals),
        )

    def _records(self, files: Sequence[Path]) -> Iterator[_Record]:
        for path in files:
            try:
                if path.suffix in MARKDOWN:
                    yield self._document(path)
                else:
                    yield from self._lines(path)
            except OSError as error:
                raise StorageUnavailable(
                    f"{path} cannot be read", hint="Give this user the right to read it."
                ) from error

    def _document(self, path: Path) -> _Record:
        with path.open("rb") as file:
            raw = file.read(markdown.MAX_BYTES + 1)
        record = _Record(uri=str(path), line=0, raw=raw)
        try:
            value = markdown.read_document(raw, stem=path.stem, now=self._now)
        except ContractError as error:
            return _refused(record, error.code, _sentence(error))
        if value is None:
            return record
        self.digests[record.uri] = value.source_checksum
        claim = (value.source_checksum, record.uri)
        first = self._claimed.setdefault(value.doc_key, claim)
        if first[0] != value.source_checksum:
            return _refused(
                record,
                ErrorCode.IDEMPOTENCY_CONFLICT,
                f"its key {value.doc_key} is that of {first[1]}",
            )
        return replace(record, value=value)

    def _lines(self, path: Path) -> Iterator[_Record]:
        digest = hashlib.sha256()
        uri = str(path)
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(lines.MAX_BYTES + 2):
                number += 1
                digest.update(raw)
                if not raw.endswith(b"\n") and len(raw) > lines.MAX_BYTES:
                    _skip_line(file.readline, digest.update)
                self.digests[uri] = digest.hexdigest()
                yield self._line(uri, number, raw.rstrip(b"\r\n"))

    def _line(self, uri: str, number: int, raw: bytes) -> _Record:
        record = _Record(uri=uri, line=number, raw=raw)
        try:
            return replace(record, value=lines.read_line(raw, now=self._now))
        except ContractError as error:
            return _refused(record, error.code, _sentence(error))

    def _write(self, records: Sequence[_Record]) -> None:
        """One transaction for each kind of record that is there, documents first."""
        self._settle("documents", *_of(records, DocumentDraft), self.repository.save_all)
        self._settle("messages", *_of(records, Message), self._save_messages)
        self._settle("annotations", *_of(records, AnnotationDraft), self.repository.annotate)
        refused = [record.refusal for record in records if record.refusal is not None]
        self._keep_refused(refused)
        for record in records:
            if record.value is None and record.refusal is None:
                self.counts.add(Outcome.SKIPPED)

    def _save_messages(self, messages: Sequence[Message], *, run_id: str) -> list[Saved]:
        return self.repository.save_messages(messages, run_id=run_id, now=self._now)

    def _settle(
        self,
        table: str,
        records: Sequence[_Record],
        values: Sequence[_Value],
        save: Callable[..., list[Saved]],
    ) -> None:
        if not records:
            return
        refused = []
        for record, saved in zip(records, save(values, run_id=self.run_id), strict=True):
            if saved.code is not None:
                refused.append(_refusal(record, saved.code, saved.message))
                continue
            self.counts.add(saved.outcome, table)
            if saved.outcome is Outcome.WRITTEN:
                self.sources[record.uri] = self.sources.get(record.uri, 0) + 1
        self._keep_refused(refused)

    def _keep_refused(self, refused: Sequence[Refusal]) -> None:
        if not refused:
            return
        self.repository.keep_refused(refused, run_id=self.run_id, now=self._now)
        for one in refused:
            self.counts.add(Outcome.REFUSED)
            self.refusals.append(replace(one, raw=b""))


def _of(records: Sequence[_Record], kind: type[_Value]) -> tuple[list[_Record], list[_Value]]:
    found = [record for record in records if isinstance(record.value, kind)]
    return found, [record.value for record in found if record.value is not None]


def _refused(record: _Record, code: ErrorCode, message: str) -> _Record:
    return replace(record, refusal=_refusal(record, code, message))


def _refusal(record: _Record, code: ErrorCode, message: str) -> Refusal:
    return Refusal(uri=record.uri, line=record.line, code=code, message=message, raw=record.raw)


def _sentence(error: ContractError) -> str:
    """All violations in one line: they are sorted, so the line is always the same."""
    return "; ".join(f"{found.pointer} {found.message}".strip() for found in error.violations)


def _skip_line(readline: Callable[[int], bytes], seen: Callable[[bytes], None]) -> None:
    """Reads on to the end of a line that is too long to keep."""
    while rest := readline(lines.MAX_BYTES):
        seen(rest)
        if rest.endswith(b"\n"):
            return


def _record(run: Run, report: ContentReport, done: _Import) -> None:
    """The run's counters, and the files and tables that its rows came from and went to."""
    run.rows_in, run.rows_out = report.counts.read, report.counts.rows_written
    run.note(**report.counts.as_json())
    for uri, rows in done.sources.items():
        run.reads(Edge(dataset=FILE, partition_key=uri, fingerprint=done.digests[uri], rows=rows))
    for table, rows in report.counts.rows.items():
        if rows:
            run.writes(Edge(dataset=table, rows=rows))


@contextmanager
def rehearsal(path: Path) -> Iterator[WarehouseStore]:
    """A copy of the warehouse file, for the time of a dry run."""
    with tempfile.TemporaryDirectory(prefix="helicarrier-dry-run-") as folder:
        copy = Path(folder) / "copy.duckdb"
        if path.exists():
            WarehouseStore(path).copy_to(copy)
        rehearsed = WarehouseStore(copy)
        try:
            yield rehearsed
        finally:
            rehearsed.close()
