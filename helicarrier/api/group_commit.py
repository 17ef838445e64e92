"""Group commit: many requests, one writer, one durable transaction for all that wait.

A commit that survives a power cut costs a disk flush, whatever it holds. So one thread owns all
writing of the service: while one transaction is flushed, the requests behind it gather and go into
the next. Nothing is acknowledged before its COMMIT has returned. A request that the database
refuses fails alone; a store that is out of reach fails all that wait, and the next ones try again.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, Protocol, TypeVar

from helicarrier import logs
from helicarrier.errors import ErrorCode, StorageUnavailable
from helicarrier.ledger.model import Batch, Envelope, Winner
from helicarrier.ledger.outcomes import BatchOutcome, EnvelopeStatus, Tally

GROUP_LIMIT = 1_000
"""Envelopes in one transaction: some tens of milliseconds, so that other writers get in."""

WAITING_LIMIT = 10_000
"""Requests that may wait; beyond it the service says that it is busy instead of growing."""


class Savepoint(Protocol):
    """What a part of a transaction can be taken back to."""

    def commit(self) -> None:
        """Keep what came since."""
        ...

    def rollback(self) -> None:
        """Forget what came since."""
        ...


class Transaction(Protocol):
    """What is written into: a connection of the database, a change of a file."""

    def begin_nested(self) -> Savepoint:
        """Begin a part that may be taken back."""
        ...


T = TypeVar("T", bound=Transaction)
T_contra = TypeVar("T_contra", bound=Transaction, contravariant=True)
T_co = TypeVar("T_co", bound=Transaction, covariant=True)


class Store(Protocol[T_co]):
    """What gives transactions."""

    def write(self) -> AbstractContextManager[T_co]:
        """A transaction; durable when its context ends."""
        ...


class IngestWriter(Protocol):
    """The one writer of a service, as its requests see it."""

    async def write(
        self, envelopes: Sequence[Envelope], *, source_uri: str, whole: bool = True
    ) -> list[EnvelopeStatus]:
        """Write the envelopes of one request; see `GroupCommit.write`."""
        ...

    async def close(self) -> None:
        """Write what waits, and take no more."""
        ...


class Writer(Protocol[T_contra]):
    """What writes batches into an open transaction; `LedgerWriter` does."""

    def prepare(self, batches: Sequence[Batch]) -> None:
        """Do what needs no transaction."""
        ...

    def write(
        self, connection: T_contra, batches: Sequence[Batch], /
    ) -> tuple[Tally, list[BatchOutcome]]:
        """Write batches; one outcome for each, in order."""
        ...


MakeWriter = Callable[[], Writer[T]]
"""A writer for one transaction: its run and its time are those of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Envelopes of one request. `whole`: all of them are written, or none."""

    batch: Batch
    whole: bool
    future: asyncio.Future[list[EnvelopeStatus]]


_Answer = tuple[_Request, list[EnvelopeStatus] | BaseException]


class GroupCommit(Generic[T]):
    """The one writer of a service; `start` it within the event loop that it answers to."""

    def __init__(
        self,
        store: Store[T],
        make_writer: MakeWriter[T],
        *,
        on_commit: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        """Args: the store, how a writer is made, who is told what each transaction wrote."""
        self._store = store
        self._make_writer = make_writer
        self._on_commit = on_commit
        self._gathered: list[_Request] = []
        self._unanswered = 0
        self._handed: queue.SimpleQueue[list[_Request] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def close(self) -> None:
        """Write what waits, answer it, and end the thread; later requests are refused."""
        self._closed = True
        self._hand_over()
        self._handed.put(None)
        await asyncio.to_thread(self._thread.join)

    async def write(
        self, envelopes: Sequence[Envelope], *, source_uri: str, whole: bool = True
    ) -> list[EnvelopeStatus]:
        """Write the envelopes of one request; they are durable when it returns.

        Args: envelopes; source_uri, the route they came by; whole: on a conflict nothing of the
        request is written, else all but the conflicts.

        Raises:
            StorageUnavailable: nothing of the request was written.
        """
        loop = asyncio.get_running_loop()
        request = _Request(
            batch=Batch(
                source_uri=source_uri, winner=Winner.MOST_TOKENS, envelopes=list(envelopes)
            ),
            whole=whole and len(envelopes) > 1,
            future=loop.create_future(),
        )
        if self._closed:
            raise _refused("the service is stopping")
        if self._unanswered >= WAITING_LIMIT:
            raise _refused("too many requests wait for the store")
        self._unanswered += 1
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append(request)
        return await request.future

    def _hand_over(self) -> None:
        """What came in one turn of the loop goes over together.

        One by one, the thread would wake at the first and fight for Python's lock with the loop,
        which is busy with the others.
        """
        if self._gathered:
            self._handed.put(self._gathered)
            self._gathered = []

    # The thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        last = False
        while not last:
            group, last = self._gather()
            for part in _parts(group):
                self._answer(self._commit(part))

    def _gather(self) -> tuple[list[_Request], bool]:
        """Everything that was handed over; whether nothing comes after it."""
        group: list[_Request] = []
        requests = self._handed.get()
        while requests is not None:
            group += requests
            try:
                requests = self._handed.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: Sequence[_Request]) -> list[_Answer]:
        try:
            writer = self._make_writer()
            writer.prepare([request.batch for request in group])
            with self._store.write() as connection:
                tally, answers = _write(connection, writer, group)
        except StorageUnavailable as error:
            logs.warning("ingest.unavailable", code=error.code.value, reason=error.message)
            return [(request, error) for request in group]
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            if len(group) == 1:
                logs.warning("ingest.failed", error=type(error).__name__)
                return [(group[0], error)]
            return [answer for request in group for answer in self._commit([request])]
        self._on_commit(tally)
        return answers

    def _answer(self, answers: Iterable[_Answer]) -> None:
        assert self._loop is not None  # noqa: S101 - the thread runs after `start` only
        self._loop.call_soon_threadsafe(self._settle, list(answers))

    def _settle(self, answers: Sequence[_Answer]) -> None:
        self._unanswered -= len(answers)
        for request, answer in answers:
            if request.future.done():
                continue  # the client went away; what it sent is stored all the same
            if isinstance(answer, BaseException):
                request.future.set_exception(answer)
            else:
                request.future.set_result(answer)


def _parts(group: Sequence[_Request]) -> Iterator[list[_Request]]:
    """In order, each one transaction: whole requests, up to the limit or the one that passes it."""
    part: list[_Request] = []
    envelopes = 0
    for request in group:
        part.append(request)
        envelopes += len(request.batch.envelopes)
        if envelopes >= GROUP_LIMIT:
            yield part
            part, envelopes = [], 0
    if part:
        yield part


def _write(
    connection: T, writer: Writer[T], group: Sequence[_Request]
) -> tuple[Tally, list[_Answer]]:
    """Neighbours that may be written in part share one call; a whole one has its savepoint."""
    written = Tally()
    answers: list[_Answer] = []
    for whole, requests in groupby(group, key=lambda request: request.whole):
        if whole:
            for request in requests:
                savepoint = connection.begin_nested()
                tally, (outcome,) = writer.write(connection, [request.batch])
                statuses = _judged(outcome)
                if EnvelopeStatus.CONFLICT in statuses:
                    savepoint.rollback()
                else:
                    savepoint.commit()
                    written.add(tally)
                answers.append((request, statuses))
        else:
            together = list(requests)
            tally, outcomes = writer.write(connection, [request.batch for request in together])
            written.add(tally)
            answers += [
                (request, _judged(outcome))
                for request, outcome in zip(together, outcomes, strict=True)
            ]
    return written, answers


def _judged(outcome: BatchOutcome) -> list[EnvelopeStatus]:
    """A producer that sends other content under a known key has to raise the revision."""
    return [
        EnvelopeStatus.CONFLICT if status is EnvelopeStatus.OUTDATED else status
        for status in outcome.envelopes
    ]


def _refused(reason: str) -> StorageUnavailable:
    return StorageUnavailable(reason, code=ErrorCode.STORAGE_BUSY, hint="Try again shortly.")
