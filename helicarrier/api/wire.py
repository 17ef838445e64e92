"""The V3 answers: their members, exactly as existing clients read them.

Names are camelCase, instants RFC 3339 in UTC, dollars JSON numbers with all their digits, and what
is unknown is null. Members are only ever added; the schema in the OpenAPI document is made from
these structs.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.responses import Response

from helicarrier.governance.enums import Confidence
from helicarrier.ledger.repository import (
    CallRecord,
    EventRecord,
    SessionDetail,
    SessionPage,
    SessionSummary,
)
from helicarrier.usage.analytics import Analytics, Sources

_BEST_FIRST = [level.value for level in Confidence]
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Wire(msgspec.Struct, kw_only=True, rename="camel"):
    """An answer, or a part of one."""


_Wire = TypeVar("_Wire", bound=Wire)


class LedgerRow(Wire):
    """A session; `costUsd` is null while a call of it has no known cost."""

    session_id: str
    run_id: str | None
    agent_id: str
    agent_label: str | None
    model_id: str
    task_title: str | None
    task_text: str | None
    task_category: str
    status: str
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
    ledger_run_id: str
    calls: int
    total_tokens: int
    cost_usd: Decimal | None
    unknown_cost_calls: int


class LedgerAnswer(Wire):
    """A page of sessions; `total` counts all that match."""

    rows: list[LedgerRow]
    total: int
    page: int
    page_size: int


class CallRow(Wire):
    """A model call with everything that defends its cost."""

    usage_id: str
    session_id: str
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
    source_uri: str
    source_line: int | None
    ledger_run_id: str


class SessionUsage(Wire):
    """The calls of a session added up; each confidence is the least of theirs."""

    session_id: str
    prompt_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    total_tokens: int
    runtime_ms: int | None
    cost_usd: Decimal | None
    known_cost_usd: Decimal
    unknown_cost_calls: int
    pricing_versions: list[str]
    cost_confidence: str
    token_confidence: str
    runtime_confidence: str


class EventRow(Wire):
    """Something that happened in a session."""

    event_id: str
    session_id: str
    seq: int
    event_type: str
    event_ts: datetime
    payload: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]
    source_uri: str
    source_line: int | None
    ledger_run_id: str


class SessionAnswer(Wire):
    """A session with all it has; `usage` is null where no call is known."""

    ledger: LedgerRow
    usage: SessionUsage | None
    events: list[EventRow]
    calls: list[CallRow]


class Totals(Wire):
    """Usage added up; `costUsd` is the known cost, null where no call has one."""

    runs: int
    tokens: int
    runtime_ms: int
    cost_usd: Decimal | None
    calls: int
    unknown_cost_calls: int


class Day(Totals):
    """Usage of a UTC day."""

    date: date


class Provenance(Wire):
    """Calls by who says so, and by how far that can be trusted."""

    by_source: dict[str, int]
    by_confidence: dict[str, int]


class ProvenanceOf(Wire):
    """Provenance of each kind of number."""

    token: Provenance
    runtime: Provenance
    cost: Provenance


class UsageAnswer(Wire):
    """Usage of some days; days without usage are not in the series."""

    totals: Totals
    provenance: ProvenanceOf
    series: list[Day]


class PerformanceRow(Wire):
    """How the sessions of a model went; `failedDrilldown` lists those that failed."""

    model_id: str
    runs_total: int
    success_count: int
    failure_count: int
    success_rate: float | None
    median_runtime_ms: int | None
    median_cost_usd: Decimal | None
    sample_warning: bool
    failed_drilldown: str
    p95_runtime_ms: int | None
    killed_count: int
    cancelled_count: int


class PerformanceAnswer(Wire):
    """A row for each model, the most sessions first."""

    rows: list[PerformanceRow]


def answer(value: Wire) -> Response:
    """The answer as JSON."""
    return Response(_ENCODER.encode(value), media_type="application/json")


def responses(kind: type[msgspec.Struct], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a route that answers with this struct."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    content = {"application/json": {"schema": schema}}
    return {status: {"description": kind.__doc__, "content": content}}


def schemas() -> dict[str, object]:
    """Component name -> JSON Schema of the answers and of what they are made of."""
    kinds = (LedgerAnswer, SessionAnswer, UsageAnswer, PerformanceAnswer)
    _, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
    return {name: _as_encoded(schema) for name, schema in components.items()}


def _as_encoded(schema: object) -> object:
    """A schema in which amounts are the numbers that they are written as, and no texts."""
    match schema:
        case {"format": "decimal", **rest}:
            return {name: value for name, value in rest.items() if name != "type"} | {
                "type": "number"
            }
        case dict():
            return {name: _as_encoded(value) for name, value in schema.items()}
        case list():
            return [_as_encoded(value) for value in schema]
        case _:
            return schema


def ledger_answer(found: SessionPage, *, page: int, size: int) -> LedgerAnswer:
    """A page of the ledger on the wire."""
    rows = [_ledger_row(row) for row in found.rows]
    return LedgerAnswer(rows=rows, total=found.total, page=page, page_size=size)


def session_answer(detail: SessionDetail) -> SessionAnswer:
    """A session on the wire."""
    return SessionAnswer(
        ledger=_ledger_row(detail.summary),
        usage=_session_usage(detail) if detail.calls else None,
        events=[_event_row(event) for event in detail.events],
        calls=[_call_row(call) for call in detail.calls],
    )


def usage_answer(found: Analytics) -> UsageAnswer:
    """Usage on the wire."""
    return UsageAnswer(
        totals=_copied(Totals, found.totals),
        provenance=ProvenanceOf(
            **{name: _provenance(sources) for name, sources in found.provenance.items()}
        ),
        series=[_copied(Day, amount, date=day) for day, amount in found.daily.items()],
    )


def _ledger_row(row: SessionSummary) -> LedgerRow:
    return _copied(LedgerRow, row, run_id=row.client_run_id, ledger_run_id=row.run_id)


def _call_row(call: CallRecord) -> CallRow:
    return _copied(CallRow, call, ledger_run_id=call.run_id)


def _event_row(event: EventRecord) -> EventRow:
    payload = msgspec.Raw(event.payload_json.encode())
    return _copied(EventRow, event, payload=payload, ledger_run_id=event.run_id)


def _copied(kind: type[_Wire], row: object, **own: object) -> _Wire:
    """The struct with its members from the row's attributes of the same names, but for `own`."""
    names = [name for name in kind.__struct_fields__ if name not in own]
    return kind(**{name: getattr(row, name) for name in names}, **own)


def _session_usage(detail: SessionDetail) -> SessionUsage:
    calls = detail.calls
    runtimes = [call.runtime_ms for call in calls if call.runtime_ms is not None]
    known = [call.cost_usd for call in calls if call.cost_usd is not None]
    return SessionUsage(
        session_id=detail.summary.session_id,
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        cache_read_tokens=sum(call.cache_read_tokens for call in calls),
        cache_write_tokens=sum(
            call.cache_write_5m_tokens + call.cache_write_1h_tokens for call in calls
        ),
        completion_tokens=sum(call.completion_tokens for call in calls),
        reasoning_tokens=sum(call.reasoning_tokens for call in calls),
        total_tokens=sum(call.total_tokens for call in calls),
        runtime_ms=sum(runtimes) if len(runtimes) == len(calls) else None,
        cost_usd=detail.summary.cost_usd,
        known_cost_usd=sum(known, Decimal()),
        unknown_cost_calls=len(calls) - len(known),
        pricing_versions=sorted({c.pricing_version for c in calls if c.pricing_version}),
        cost_confidence=_least(call.cost_confidence for call in calls),
        token_confidence=_least(call.token_confidence for call in calls),
        runtime_confidence=_least(call.runtime_confidence for call in calls),
    )


def _least(confidences: Iterable[str]) -> str:
    return max(confidences, key=_BEST_FIRST.index)


def _provenance(sources: Sources) -> Provenance:
    return Provenance(by_source=sources.by_source, by_confidence=sources.by_confidence)
