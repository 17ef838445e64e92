"""Reading one file incrementally: stretches of whole lines from where the last import stopped.

A file is known by its path; inode, size and time of change tell cheaply that nothing happened, and
the hash of the part that was read tells whether a file that changed has only grown. A last line
without its newline is taken when it is complete and left for the next import when it is not.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.ingest.readers.base import BadLine, DocumentReader, Parser, Reader
from helicarrier.ledger.enums import FileState
from helicarrier.ledger.model import Batch

BLOCK_BYTES = 64 * 1024  # small enough for the cache, and for the allocator to keep between uses
STRETCH_BYTES = 8 * 1024 * 1024
BAD_IN_A_ROW = 50
BAD_SHARE = 0.01
BAD_SHARE_FROM = 200  # lines; a shorter file is too small for a share to mean anything


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMark:
    """How far a file has been imported: the part of `import_files` that reading needs."""

    inode: int
    size: int
    mtime_ns: int
    sha256: str
    byte_offset: int
    line_offset: int
    bad_lines: int
    bad_in_a_row: int
    state: FileState
    reader_state: bytes

    def is_current(self, stat: os.stat_result) -> bool:
        """Whether the file is as it was when it was last read to its end."""
        return self.state is FileState.COMPLETE and (
            (self.inode, self.size, self.mtime_ns) == (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A line that could not be read."""

    line: int
    raw: bytes
    code: str
    message: str


@dataclass(slots=True, kw_only=True)
class Stretch:
    """Some whole lines of a file, parsed; `mark` says how far the file then is."""

    path: str
    reader: str
    batch: Batch
    mark: FileMark
    read: int = 0
    skipped: int = 0
    deferred: int = 0
    relevant: set[int] = field(default_factory=set)
    bad: list[BadRecord] = field(default_factory=list)
    bytes_read: int = 0

    @property
    def weight(self) -> int:
        """Rows that it will write, roughly."""
        batch = self.batch
        rows = len(batch.calls) + len(batch.events) + len(batch.sessions)
        return rows + sum(2 + len(e.calls) + len(e.events) for e in batch.envelopes)


class TooManyBadLines(InputRejected):
    """More bad lines than a file of this format can have."""

    default_code = ErrorCode.TOO_MANY_BAD_LINES


def stretches(path: Path, reader: Reader, known: FileMark | None) -> Iterator[Stretch]:
    """The unread part of a file.

    Raises:
        TooManyBadLines: 50 bad lines in a row, or over 1% of 200 lines or more.
        OSError: the file cannot be read.
    """
    if isinstance(reader, DocumentReader) and reader.whole_document:
        yield _document(path, reader)
        return
    with path.open("rb") as file:
        digest = hashlib.sha256()
        if known is None or not _has_grown_only(file, known, digest):
            known = None
            digest = hashlib.sha256()
            file.seek(0)
        state = known.reader_state if known else None
        parser = reader.parser(str(path), state)
        lines = _Lines(path, reader, parser, digest, os.fstat(file.fileno()))
        lines.start_at(known, file)
        yield from lines.read(file)


def _has_grown_only(file: BinaryIO, known: FileMark, digest: "hashlib._Hash") -> bool:
    left = known.byte_offset
    while left:
        block = file.read(min(left, BLOCK_BYTES))
        if not block:
            return False
        digest.update(block)
        left -= len(block)
    return digest.hexdigest() == known.sha256


def _document(path: Path, reader: DocumentReader) -> Stretch:
    """A whole document: its records are numbered like lines."""
    stat = path.stat()
    document = path.read_bytes()
    parser = reader.parser(str(path))
    account, ceiling = _Account(), _Ceiling()
    try:
        for number, record in enumerate(reader.records(document), start=1):
            if account.feed(parser, number, record):
                ceiling.good()
            else:
                ceiling.bad(number)
    except BadLine as bad:
        account.read += 1
        account.refuse(1, document, bad)
        ceiling.bad(1)
    ceiling.check(account.read)
    mark = FileMark(
        inode=stat.st_ino,
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        sha256=hashlib.sha256(document).hexdigest(),
        byte_offset=len(document),
        line_offset=account.read,
        bad_lines=ceiling.bad_lines,
        bad_in_a_row=ceiling.in_a_row,
        state=FileState.COMPLETE,
        reader_state=parser.state(),
    )
    return account.stretch(path, reader, parser, mark, len(document))


class _Ceiling:
    """Counts the bad lines of a whole file, those of earlier imports included."""

    def __init__(self, known: FileMark | None = None) -> None:
        self.bad_lines = known.bad_lines if known else 0
        self.in_a_row = known.bad_in_a_row if known else 0

    def good(self) -> None:
        """A good line ends a run of bad ones."""
        self.in_a_row = 0

    def bad(self, number: int) -> None:
        """A bad line; blank ones are none.

        Raises:
            TooManyBadLines: it is the fiftieth in a row.
        """
        self.bad_lines += 1
        self.in_a_row += 1
        if self.in_a_row >= BAD_IN_A_ROW:
            raise TooManyBadLines(
                f"{BAD_IN_A_ROW} bad lines in a row up to line {number}",
                hint="Is this file of another format? Nothing of it was kept.",
            )

    def check(self, lines: int) -> None:
        """At the end of a file of so many lines.

        Raises:
            TooManyBadLines: over 1% of 200 lines or more.
        """
        if lines >= BAD_SHARE_FROM and self.bad_lines > BAD_SHARE * lines:
            raise TooManyBadLines(
                f"{self.bad_lines} of {lines} lines are bad",
                hint="Is this file of another format? Nothing of this read of it was kept.",
            )


class _Account:
    """Feeds lines to a parser and accounts for each of them."""

    def __init__(self) -> None:
        self.read = 0
        self.skipped = 0
        self.deferred = 0
        self.relevant: set[int] = set()
        self.bad: list[BadRecord] = []

    def feed(self, parser: Parser, number: int, line: bytes) -> bool:
        """Feed one line; False when it is bad."""
        self.read += 1
        try:
            relevant = parser.feed(number, line)
        except BadLine as bad:
            self.refuse(number, line, bad)
            return False
        if relevant:
            self.relevant.add(number)
        else:
            self.skipped += 1
        return True

    def refuse(self, number: int, line: bytes, bad: BadLine) -> None:
        """Keep a bad line for quarantine."""
        self.bad.append(BadRecord(line=number, raw=line, code=bad.code, message=bad.message))

    def defer_last(self) -> None:
        """The last line was bad because it is not whole yet."""
        self.bad.pop()
        self.deferred += 1

    def stretch(
        self, path: Path, reader: Reader, parser: Parser, mark: FileMark, bytes_read: int
    ) -> Stretch:
        """The accounted lines as a stretch."""
        return Stretch(
            path=str(path),
            reader=reader.name,
            batch=parser.drain(),
            mark=mark,
            read=self.read,
            skipped=self.skipped,
            deferred=self.deferred,
            relevant=self.relevant,
            bad=self.bad,
            bytes_read=bytes_read,
        )


class _Lines:
    """Cuts blocks into lines, and a long file into stretches that end at a newline."""

    def __init__(
        self,
        path: Path,
        reader: Reader,
        parser: Parser,
        digest: "hashlib._Hash",
        stat: os.stat_result,
    ) -> None:
        self._path = path
        self._reader = reader
        self._parser = parser
        self._digest = digest
        self._stat = stat
        self._offset = 0
        self._drained_at = 0
        self._number = 0
        self._within_line = False  # the last line was taken without its newline, which comes now
        self._ceiling = _Ceiling()
        self._account = _Account()

    def start_at(self, known: FileMark | None, file: BinaryIO) -> None:
        """Go on behind the known part; the digest has read it already."""
        if known is not None and known.byte_offset:
            self._offset = self._drained_at = known.byte_offset
            self._number = known.line_offset
            self._ceiling = _Ceiling(known)
            file.seek(known.byte_offset - 1)
            self._within_line = file.read(1) != b"\n"

    def read(self, file: BinaryIO) -> Iterator[Stretch]:
        """All stretches up to the end of the file; the last one is complete."""
        parts: list[bytes] = []  # of one line that is longer than a block
        while block := file.read(BLOCK_BYTES):
            parts.append(block)
            if b"\n" not in block:
                continue
            rest = self._take(b"".join(parts) if len(parts) > 1 else block)
            parts = [rest] if rest else []
            if self._offset - self._drained_at >= STRETCH_BYTES:
                yield self._stretch(FileState.PARTIAL)
        self._take_rest(b"".join(parts))
        self._ceiling.check(self._number)
        yield self._stretch(FileState.COMPLETE)

    def _take(self, block: bytes) -> bytes:
        """Feed the whole lines of a block; the rest behind its last newline."""
        feed, account, ceiling = self._parser.feed, self._account, self._ceiling
        relevant = account.relevant
        number = self._number
        end = block.find(b"\n")
        if end >= 0 and self._within_line:
            number -= 1
            self._within_line = False
        # Line by line: splitting a block at once makes so many texts that the allocator asks the
        # system for memory again at every block.
        start = 0
        while end >= 0:
            line = block[start:end]
            start = end + 1
            end = block.find(b"\n", start)
            number += 1
            try:
                if feed(number, line):
                    relevant.add(number)
                else:
                    account.skipped += 1
                ceiling.in_a_row = 0
            except BadLine as bad:
                if not line or line.isspace():
                    continue
                account.refuse(number, line, bad)
                ceiling.bad(number)
            account.read += 1
        self._number = number
        self._advance(memoryview(block)[:start])
        return block[start:]

    def _take_rest(self, rest: bytes) -> None:
        """The end of the file has no newline: a whole record, or one that is still written."""
        if not rest or rest.isspace():
            return
        number = self._number if self._within_line else self._number + 1
        if self._account.feed(self._parser, number, rest):
            self._ceiling.good()
            self._number = number
            self._advance(rest)
        else:
            self._account.defer_last()

    def _advance(self, taken: bytes | memoryview) -> None:
        self._digest.update(taken)
        self._offset += len(taken)

    def _stretch(self, state: FileState) -> Stretch:
        mark = FileMark(
            inode=self._stat.st_ino,
            size=self._stat.st_size,
            mtime_ns=self._stat.st_mtime_ns,
            sha256=self._digest.hexdigest(),
            byte_offset=self._offset,
            line_offset=self._number,
            bad_lines=self._ceiling.bad_lines,
            bad_in_a_row=self._ceiling.in_a_row,
            state=state,
            reader_state=self._parser.state(),
        )
        account, self._account = self._account, _Account()
        bytes_read, self._drained_at = self._offset - self._drained_at, self._offset
        return account.stretch(self._path, self._reader, self._parser, mark, bytes_read)
