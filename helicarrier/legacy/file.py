"""The file: read whole, replaced whole, by one writer at a time.

A change is written to a file beside it, flushed to the disk and renamed, so that whoever reads, and
whoever comes after a crash, finds the old content or the new one. Members and rows that nobody here
understands are kept. What was read is kept in memory for as long as the file stays the same.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from helicarrier.errors import StorageUnavailable
from helicarrier.ingest.readers.base import UNREADABLE
from helicarrier.ingest.readers.legacy_rows import WholeSession, whole_of
from helicarrier.ledger.repository import SessionDetail
from helicarrier.legacy.rows import OlderRows, RawRow, decoder, detail_of, encoder
from helicarrier.store.file_lock import locked

MOST_BYTES = 256 * 1024 * 1024
"""A larger file is refused: it would be held in memory several times over."""

_WAIT_SECONDS = 5.0
_LEDGER, _USAGE, _EVENTS = "ledger", "usage", "events"
ALERT_RULES, ALERT_STATES = "alertRules", "alertStates"
ARRAYS = (_LEDGER, _EVENTS, _USAGE, ALERT_RULES, ALERT_STATES)

Stamp = tuple[int, int, int]
Rows = list[object]


@dataclass(frozen=True, slots=True)
class Entry:
    """A session of the file: its rows, and the same for readers."""

    whole: WholeSession
    detail: SessionDetail

    @classmethod
    def of(cls, whole: WholeSession) -> "Entry":
        """The entry of complete rows."""
        return cls(whole, detail_of(whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the file holds.

    `document` is all of it, as read; `entries` the sessions that can be understood, by id, and
    `keys` their ids by idempotency key.
    """

    document: Mapping[str, object] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def rows(self, name: str) -> Rows:
        """The rows of an array; none where the file has no such array."""
        found = self.document.get(name)
        return found if isinstance(found, list) else []


@dataclass(slots=True)
class Savepoint:
    """What a part of a change can be taken back to."""

    change: "Change"
    entries: dict[str, Entry]
    keys: dict[str, str]
    touched: set[str]

    def commit(self) -> None:
        """Keep what came since."""

    def rollback(self) -> None:
        """Forget what came since."""
        self.change.entries, self.change.keys = self.entries, self.keys
        self.change.touched = self.touched


class Change:
    """A change of the file that is being put together; nothing is written before it ends."""

    def __init__(self, book: Book) -> None:
        """Args: book, as the file is now."""
        self.book = book
        self.entries = dict(book.entries)
        self.keys = dict(book.keys)
        self.touched: set[str] = set()
        self._arrays: dict[str, Rows] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the file stays as it is."""
        return not (self.touched or self._arrays)

    def begin_nested(self) -> Savepoint:
        """A point to take the change back to."""
        return Savepoint(self, dict(self.entries), dict(self.keys), set(self.touched))

    def put(self, whole: WholeSession) -> None:
        """Add a session, or replace it with all its calls and events."""
        session = whole.session
        self.entries[session.session_id] = Entry.of(whole)
        self.keys[session.idempotency_key] = session.session_id
        self.touched.add(session.session_id)

    def rows(self, name: str) -> Rows:
        """The rows of an array, with what was changed."""
        return self._arrays.get(name, self.book.rows(name))

    def replace(self, name: str, rows: Rows) -> None:
        """Set the rows of an array."""
        self._arrays[name] = rows

    def outcome(self) -> Book:
        """The file as it will be."""
        if not self.touched:
            changed = self._arrays
        else:
            wholes = [self.entries[key].whole for key in sorted(self.touched)]
            added: dict[str, Rows] = {
                _LEDGER: [whole.session for whole in wholes],
                _EVENTS: [event for whole in wholes for event in whole.events],
                _USAGE: [call for whole in wholes for call in whole.usage],
            }
            changed = self._arrays | {
                name: [row for row in self.book.rows(name) if _owner(row) not in self.touched] + new
                for name, new in added.items()
            }
        empty: dict[str, object] = {name: [] for name in ARRAYS}
        return Book(
            document=empty | dict(self.book.document) | changed,
            entries=self.entries,
            keys=self.keys,
        )


class LegacyFile:
    """The legacy store at a path; a file that is not there is an empty store."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet. Args: path."""
        self._path = path
        self._older = OlderRows(path.as_uri() if path.is_absolute() else str(path))
        self._known: tuple[Stamp | None, Book] | None = None

    def book(self) -> Book:
        """What the file holds now.

        Raises:
            StorageUnavailable: it cannot be read, is too large or is no store.
        """
        try:
            with self._path.open("rb") as file:
                state = os.fstat(file.fileno())
                stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
                if self._known is not None and self._known[0] == stamp:
                    return self._known[1]
                content = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return Book()
        except OSError as error:
            raise self._unusable("cannot be read") from error
        if len(content) > MOST_BYTES:
            raise self._unusable("is too large", "Import it into the database.")
        book = self._read(content)
        self._known = (stamp, book)
        return book

    @contextmanager
    def write(self) -> Iterator[Change]:
        """A change, alone among all processes; it is durable when the context ends.

        Raises:
            StorageUnavailable: it cannot be read or written, or another process holds it.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable("cannot be written") from error
        lock = self._path.with_name(f"{self._path.name}.lock")
        with locked(lock, subject=self._path, exclusive=True, wait_seconds=_WAIT_SECONDS):
            change = Change(self.book())
            yield change
            if not change.is_empty:
                self._replace(change.outcome())

    def _read(self, content: bytes) -> Book:
        try:
            document = decoder.decode(content)
        except UNREADABLE as error:
            raise self._unusable("is no JSON document") from error
        if not isinstance(document, dict):
            raise self._unusable("is no V3 store")
        for name in ARRAYS:
            rows = document.get(name, [])
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self._unusable("is no V3 store")
        usage, events = (_by_session(document.get(name, [])) for name in (_USAGE, _EVENTS))
        entries: dict[str, Entry] = {}
        for row in document.get(_LEDGER, []):
            key = _owner(row)
            rows_of_it = row, usage.get(key, []), events.get(key, [])
            whole = whole_of(*rows_of_it) or self._older.completed(*rows_of_it)
            if whole is not None:
                entries[whole.session.session_id] = Entry.of(whole)
        keys = {entry.whole.session.idempotency_key: key for key, entry in entries.items()}
        return Book(document=document, entries=entries, keys=keys)

    def _replace(self, book: Book) -> None:
        content = encoder.encode(book.document)
        if len(content) > MOST_BYTES:
            raise self._unusable("would become too large", "Import it into the database.")
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            target = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(target, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                state = os.fstat(file.fileno())
            beside.replace(self._path)
            handle = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(handle)  # the rename itself
            finally:
                os.close(handle)
        except OSError as error:
            raise self._unusable("cannot be written") from error
        self._known = ((state.st_ino, state.st_size, state.st_mtime_ns), book)

    def _unusable(self, what: str, hint: str = "") -> StorageUnavailable:
        return StorageUnavailable(
            f"the legacy store {self._path} {what}",
            hint=hint or "Give this user the right to use it, or put a sound copy in its place.",
        )


def _owner(row: object) -> str:
    """The session of a row, whichever form it has."""
    if isinstance(row, msgspec.Struct):
        return str(getattr(row, "session_id", ""))
    return str(row.get("sessionId")) if isinstance(row, dict) else ""


def _by_session(rows: list[RawRow]) -> dict[str, list[RawRow]]:
    found: dict[str, list[RawRow]] = defaultdict(list)
    for row in rows:
        found[_owner(row)].append(row)
    return found
