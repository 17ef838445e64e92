"""Rows of the legacy store and the records of the ledger, each made of the other.

What the file says and what the ledger answers are the same members under other names, so both
directions copy by name. A session that an older service wrote lacks most of them: it is accepted as
the import accepts it, so the service says of it what it will say once it is imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from decimal import Decimal
from functools import cache, cached_property
from typing import TypeVar

import msgspec

from helicarrier import money
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.errors import ContractError
from helicarrier.ingest.envelope import accept
from helicarrier.ingest.readers.legacy_rows import EventRow, SessionRow, UsageRow, WholeSession
from helicarrier.ingest.readers.legacy_v3 import envelope_of
from helicarrier.ledger.repository import (
    CallRecord,
    EventRecord,
    SessionDetail,
    SessionSummary,
)
from helicarrier.ledger.sink import Row as TableRow
from helicarrier.ledger.tables import session_events, session_ledger, session_usage
from helicarrier.ledger.writer import LedgerWriter

LEGACY_RUN = "legacy-store"
"""The run of rows in the file: the run store is a part of the database."""

RawRow = dict[str, object]
_Struct = TypeVar("_Struct", bound=msgspec.Struct)

decoder = msgspec.json.Decoder(float_hook=Decimal)
"""Reads the file: a dollar keeps all its digits."""
encoder = msgspec.json.Encoder(decimal_format="number")
"""Writes the file."""

_SESSION, _USAGE, _EVENT = (
    tuple(column.name for column in table.columns)
    for table in (session_ledger, session_usage, session_events)
)
_OF_CALLS = {"calls", "total_tokens", "cost_usd", "unknown_cost_calls"}
_OF_SESSION = tuple(f.name for f in fields(SessionSummary) if f.name not in _OF_CALLS)
_OF_CALL = tuple(f.name for f in fields(CallRecord))
_OF_EVENT = tuple(f.name for f in fields(EventRecord) if f.name != "payload_json")


def whole_session(
    session: TableRow, calls: Sequence[TableRow], events: Sequence[TableRow]
) -> WholeSession:
    """The complete rows of what the ledger's tables would hold."""
    return WholeSession(
        session=_made(SessionRow, _SESSION, session),
        usage=[_made(UsageRow, _USAGE, call) for call in calls],
        events=[_made(EventRow, _EVENT, event) for event in events],
    )


def detail_of(whole: WholeSession) -> SessionDetail:
    """A session as the ledger's readers see it."""
    calls = sorted(
        (CallRecord(**{name: getattr(row, name) for name in _OF_CALL}) for row in whole.usage),
        key=lambda call: (call.occurred_at, call.seq, call.usage_id),
    )
    events = sorted(map(_event, whole.events), key=lambda e: (e.event_ts, e.seq, e.event_id))
    known = [call.cost_usd for call in calls if call.cost_usd is not None]
    row = whole.session
    summary = SessionSummary(
        **{name: getattr(row, name) for name in _OF_SESSION},
        calls=len(calls),
        total_tokens=sum(call.total_tokens for call in calls),
        cost_usd=sum(known, Decimal()) if calls and len(known) == len(calls) else None,
        unknown_cost_calls=len(calls) - len(known),
    )
    return SessionDetail(summary=summary, calls=tuple(calls), events=tuple(events))


class OlderRows:
    """Sessions that an older service wrote, completed; prices are read when the first one comes."""

    def __init__(self, uri: str, make_book: Callable[[], PriceBook] = PriceBook) -> None:
        """Args: uri of the file; make_book, the prices."""
        self._uri = uri
        self._make_book = make_book

    def completed(
        self, row: RawRow, usage: list[RawRow], events: list[RawRow]
    ) -> WholeSession | None:
        """All that follows from the rows; None where an import would refuse them.

        The file does not say when the service took the session in; that is set to its last sign.
        """
        try:
            envelope = accept(encoder.encode(envelope_of(row, usage, events)), uri=self._uri)
        except ContractError:
            return None
        seen = envelope.session.ended_at or envelope.session.started_at
        writer = LedgerWriter(run_id=LEGACY_RUN, now=seen, pricer=self._pricer)
        return whole_session(*writer.rows_of(envelope))

    @cached_property
    def _pricer(self) -> Pricer:
        return Pricer(self._make_book())


def _made(kind: type[_Struct], columns: Sequence[str], row: TableRow) -> _Struct:
    values: dict[str, object] = dict(zip(columns, row, strict=True))
    if "payload_json" in values:
        values["payload"] = decoder.decode(str(values["payload_json"]))
    nanos = values.get("cost_usd")
    if isinstance(nanos, int):
        values["cost_usd"] = money.from_nanos(nanos)
    return msgspec.convert({wire: values[name] for name, wire in _names(kind)}, kind)


@cache
def _names(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The columns of a kind of row, each with its name in the file."""
    return tuple((field.name, field.encode_name) for field in msgspec.structs.fields(kind))


def _event(row: EventRow) -> EventRecord:
    payload = encoder.encode(row.payload).decode()
    return EventRecord(**{name: getattr(row, name) for name in _OF_EVENT}, payload_json=payload)
