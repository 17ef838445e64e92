"""Reading the ledger: the Protocol that the service and the reports stand on, and its SQL form.

Filters are combined freely; each has an index. What a person types into the search is text and
never syntax. Results are plain dataclasses with aware times and Decimal dollars.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, bindparam, func, select

from helicarrier.ledger import finding
from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Batch
from helicarrier.ledger.outcomes import BatchOutcome, Tally
from helicarrier.ledger.tables import session_events, session_ledger, session_usage
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.store.fulltext import search_condition
from helicarrier.store.operational import OperationalStore


class SessionSort(StrEnum):
    """Orders of a list of sessions; each ends with the session id, so pages do not overlap."""

    NEWEST = "newest"
    RUNTIME = "runtime"
    COST = "cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions; None does not filter. `since` is included, `until` is not."""

    agent_id: str | None = None
    status: SessionStatus | None = None
    model_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session in a list; `cost_usd` is None while a call of it has no known cost."""

    session_id: str
    client_run_id: str | None
    agent_id: str
    agent_label: str | None
    model_id: str
    task_title: str | None
    task_text: str | None
    task_category: str
    status: SessionStatus
    started_at: datetime
    ended_at: datetime | None
    runtime_ms: int | None
    artifact_count: int | None
    error_code: str | None
    error_message: str | None
    source: str
    source_version: str | None
    source_uri: str
    revision: int
    ingested_at: datetime
    run_id: str
    calls: int
    total_tokens: int
    cost_usd: Decimal | None
    unknown_cost_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """One page of sessions and the number of all that match."""

    rows: tuple[SessionSummary, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A model call with everything that defends its cost."""

    usage_id: str
    session_id: str
    source_uri: str
    source_line: int | None
    run_id: str
    seq: int
    occurred_at: datetime
    provider: str
    model_id: str
    prompt_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    total_tokens: int
    price_context: str | None
    runtime_ms: int | None
    cost_usd: Decimal | None
    pricing_version: str | None
    cost_source: str
    cost_confidence: str
    token_source: str
    token_confidence: str
    runtime_source: str
    runtime_confidence: str
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened in a session."""

    event_id: str
    session_id: str
    run_id: str
    seq: int
    event_type: EventType
    event_ts: datetime
    payload_json: str
    source_uri: str
    source_line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetail:
    """A session with its calls and events, in the order of time, then of their source."""

    summary: SessionSummary
    calls: tuple[CallRecord, ...]
    events: tuple[EventRecord, ...]


class LedgerRepository(Protocol):
    """The ledger as its readers and writers see it."""

    def write(
        self, batches: Sequence[Batch], writer: LedgerWriter
    ) -> tuple[Tally, list[BatchOutcome]]:
        """Write batches in one transaction; durable when it returns."""
        ...

    def find(
        self, wanted: SessionFilter, *, sort: SessionSort, limit: int, offset: int
    ) -> SessionPage:
        """A page of the sessions that match."""
        ...

    def get(self, session_id: str) -> SessionDetail | None:
        """A session with all it has; None when there is none."""
        ...


class SqlLedgerRepository:
    """The ledger on SQLite and Postgres."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def write(
        self, batches: Sequence[Batch], writer: LedgerWriter
    ) -> tuple[Tally, list[BatchOutcome]]:
        """See `LedgerRepository.write`."""
        with self._store.write() as connection:
            return writer.write(connection, batches)

    def find(
        self, wanted: SessionFilter, *, sort: SessionSort, limit: int, offset: int
    ) -> SessionPage:
        """See `LedgerRepository.find`; the totals are computed for the sessions of the page."""
        search = None
        if wanted.search is not None:
            search = search_condition(self._store.dialect, wanted.search)
        filters = _filters(wanted)
        page = finding.Wanted(
            filters=filters,
            search=search,
            order=_order(sort),
            ordered_by_index=sort is SessionSort.NEWEST or not filters,
            limit=limit,
            offset=offset,
        )
        with self._store.read() as connection:
            total, ids = finding.find(connection, page)
            found = _summaries(connection, ids)
        return SessionPage(rows=tuple(found[session_id] for session_id in ids), total=total)

    def get(self, session_id: str) -> SessionDetail | None:
        """See `LedgerRepository.get`: four statements, whatever the size."""
        wanted = {"session_id": session_id}
        with self._store.read() as connection:
            summary = _summaries(connection, [session_id]).get(session_id)
            if summary is None:
                return None
            calls = connection.execute(_CALLS, wanted).all()
            happened = connection.execute(_EVENTS, wanted).all()
        return SessionDetail(
            summary=summary,
            calls=tuple(map(_call, calls)),
            events=tuple(map(_event, happened)),
        )


def _filters(wanted: SessionFilter) -> list[ColumnElement[bool]]:
    """All conditions but the search."""
    ledger = session_ledger.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.agent_id is not None:
        conditions.append(ledger.agent_id == wanted.agent_id)
    if wanted.status is not None:
        conditions.append(ledger.status == wanted.status.value)
    if wanted.model_id is not None:
        conditions.append(ledger.model_id == wanted.model_id)
    if wanted.since is not None:
        conditions.append(ledger.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(ledger.started_at < wanted.until)
    return conditions


def _summaries(connection: Connection, session_ids: Sequence[str]) -> dict[str, SessionSummary]:
    """Sessions by id: their rows, and their calls added up in one pass."""
    if not session_ids:
        return {}
    wanted = {"session_ids": session_ids}
    calls = {row[0]: row[1:] for row in connection.execute(_SUMS_OF_CALLS, wanted)}
    return {
        row[0]: _summary(row, *calls.get(row[0], _NO_CALLS))
        for row in connection.execute(_SESSIONS, wanted)
    }


def _order(sort: SessionSort) -> tuple[ColumnElement[Any], ...]:
    ledger = session_ledger.c
    match sort:
        case SessionSort.NEWEST:
            return ledger.started_at.desc(), ledger.session_id
        case SessionSort.RUNTIME:
            return ledger.runtime_ms.desc().nulls_last(), ledger.session_id
        case SessionSort.COST:
            return ledger.known_cost_usd.desc().nulls_last(), ledger.session_id


def _summary(
    row: Row[Any], calls: int, total_tokens: int, known_calls: int, cost_usd: Decimal | None
) -> SessionSummary:
    values = dict(zip(_OF_SESSION, row, strict=True))
    values["status"] = SessionStatus(values["status"])
    return SessionSummary(
        **values,
        calls=calls,
        total_tokens=int(total_tokens),
        cost_usd=cost_usd if calls == known_calls else None,
        unknown_cost_calls=calls - known_calls,
    )


def _call(row: Row[Any]) -> CallRecord:
    return CallRecord(**dict(zip(_OF_CALL, row, strict=True)))


def _event(row: Row[Any]) -> EventRecord:
    values = dict(zip(_OF_EVENT, row, strict=True))
    values["event_type"] = EventType(values["event_type"])
    return EventRecord(**values)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


_OF_CALL, _OF_EVENT = map(_names, (CallRecord, EventRecord))
_OF_SESSION = tuple(name for name in _names(SessionSummary) if name in session_ledger.c)
_NO_CALLS = (0, 0, 0, None)

_THESE: BindParameter[str] = bindparam("session_ids", expanding=True)
_SESSIONS = select(*(session_ledger.c[name] for name in _OF_SESSION)).where(
    session_ledger.c.session_id.in_(_THESE)
)
_SUMS_OF_CALLS = (
    select(
        session_usage.c.session_id,
        func.count(),
        func.sum(session_usage.c.total_tokens),
        func.count(session_usage.c.cost_usd),
        func.sum(session_usage.c.cost_usd),
    )
    .where(session_usage.c.session_id.in_(_THESE))
    .group_by(session_usage.c.session_id)
)

_THIS: BindParameter[str] = bindparam("session_id")
_CALLS = (
    select(*(session_usage.c[name] for name in _OF_CALL))
    .where(session_usage.c.session_id == _THIS)
    .order_by(session_usage.c.occurred_at, session_usage.c.seq, session_usage.c.usage_id)
)
_EVENTS = (
    select(*(session_events.c[name] for name in _OF_EVENT))
    .where(session_events.c.session_id == _THIS)
    .order_by(session_events.c.event_ts, session_events.c.seq, session_events.c.event_id)
)
