"""The ledger in the legacy store: the same filters, orders and rules of envelopes as the database.

The sessions are in memory, so a page is a pass over them. Writing judges each envelope as the
database does: what is there is a duplicate, what differs under its key a conflict.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from helicarrier.errors import InputRejected
from helicarrier.ledger.envelope_intake import judged
from helicarrier.ledger.model import Batch
from helicarrier.ledger.outcomes import BatchOutcome, EnvelopeStatus, Tally
from helicarrier.ledger.repository import (
    SessionDetail,
    SessionFilter,
    SessionPage,
    SessionSort,
    SessionSummary,
)
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.legacy.file import Change, LegacyFile
from helicarrier.legacy.rows import whole_session
from helicarrier.store.fulltext import terms_of

_WORD = re.compile(r"[^\W_]+")


class LegacyLedgerRepository:
    """`LedgerRepository` over the legacy store."""

    def __init__(self, file: LegacyFile) -> None:
        """Args: file."""
        self._file = file

    def write(
        self, batches: Sequence[Batch], writer: LedgerWriter
    ) -> tuple[Tally, list[BatchOutcome]]:
        """See `LedgerRepository.write`.

        Raises:
            InputRejected: a batch holds more than envelopes.
            StorageUnavailable: the file cannot be written.
        """
        with self._file.write() as change:
            return LegacyWriter(writer).write(change, batches)

    def find(
        self, wanted: SessionFilter, *, sort: SessionSort, limit: int, offset: int
    ) -> SessionPage:
        """See `LedgerRepository.find`."""
        summaries = (entry.detail.summary for entry in self._file.book().entries.values())
        found = _sorted([one for one in summaries if _matches(one, wanted)], sort)
        return SessionPage(rows=tuple(found[offset : offset + limit]), total=len(found))

    def get(self, session_id: str) -> SessionDetail | None:
        """See `LedgerRepository.get`."""
        entry = self._file.book().entries.get(session_id)
        return None if entry is None else entry.detail


class LegacyWriter:
    """Writes batches of envelopes into a change of the file."""

    def __init__(self, writer: LedgerWriter) -> None:
        """Args: writer, which makes the rows."""
        self._writer = writer

    def prepare(self, batches: Sequence[Batch]) -> None:
        """Only what is new is priced, in `write`."""

    def write(self, change: Change, batches: Sequence[Batch]) -> tuple[Tally, list[BatchOutcome]]:
        """Write batches; one outcome for each, in order.

        Raises:
            InputRejected: a batch holds more than envelopes.
        """
        if any(batch.sessions or batch.calls or batch.events for batch in batches):
            raise InputRejected(
                "the legacy store takes envelopes alone", hint="Import logs into the database."
            )
        tally = Tally()
        return tally, [self._take(change, batch, tally) for batch in batches]

    def _take(self, change: Change, batch: Batch, tally: Tally) -> BatchOutcome:
        outcome = BatchOutcome()
        for envelope in batch.envelopes:
            session = envelope.session
            holder = change.keys.get(session.idempotency_key)
            stored = None
            if holder is not None:
                row = change.entries[holder].whole.session
                stored = (row.session_id, row.payload_sha256, row.revision)
            known = session.session_id in change.entries
            status = judged(envelope, stored, known_session=known)
            outcome.envelopes.append(status)
            if status in {EnvelopeStatus.CREATED, EnvelopeStatus.UPDATED}:
                change.put(whole_session(*self._writer.rows_of(envelope)))
                tally.sessions_new += not known
                tally.sessions_changed += known
                tally.calls_new += len(envelope.calls)
                tally.events_new += len(envelope.events)
        return outcome


def _matches(one: SessionSummary, wanted: SessionFilter) -> bool:
    return (
        wanted.agent_id in {None, one.agent_id}
        and wanted.status in {None, one.status}
        and wanted.model_id in {None, one.model_id}
        and (wanted.since is None or one.started_at >= wanted.since)
        and (wanted.until is None or one.started_at < wanted.until)
        and (wanted.search is None or _says(one, wanted.search))
    )


def _says(one: SessionSummary, typed: str) -> bool:
    """Every term stands in the title or in the text, its words one after the other."""
    terms = [_words(term) for term in terms_of(typed)]
    texts = [_words(text) for text in (one.task_title, one.task_text) if text]
    return bool(terms) and all(any(_holds(text, term) for text in texts) for term in terms)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _holds(text: list[str], term: list[str]) -> bool:
    size = len(term)
    return any(text[at : at + size] == term for at in range(len(text) - size + 1))


def _sorted(found: Iterable[SessionSummary], sort: SessionSort) -> list[SessionSummary]:
    by_id = sorted(found, key=lambda one: one.session_id)
    match sort:
        case SessionSort.NEWEST:
            return sorted(by_id, key=lambda one: one.started_at, reverse=True)
        case SessionSort.RUNTIME:
            return sorted(
                by_id,
                key=lambda one: -1 if one.runtime_ms is None else one.runtime_ms,
                reverse=True,
            )
        case SessionSort.COST:
            return sorted(by_id, key=_known_cost, reverse=True)


def _known_cost(one: SessionSummary) -> Decimal:
    return Decimal(-1) if one.cost_usd is None else one.cost_usd
