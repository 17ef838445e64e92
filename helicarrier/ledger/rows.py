"""Canonical sessions, calls and events as table rows, in the column order of their contracts."""

from collections.abc import Iterable

import msgspec

from helicarrier import times
from helicarrier.cost.governed import PricedCall, Pricer
from helicarrier.cost.prices import STANDARD, PriceContext
from helicarrier.errors import ErrorCode, VerificationFailed
from helicarrier.governance.enums import Confidence, CostSource, ValueSource
from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.model import Call, Envelope, Event, Session
from helicarrier.ledger.sink import Row
from helicarrier.ledger.tables import SESSION_USAGE

SESSION_FIELDS = Session.__struct_fields__
"""The columns that `session_of` takes, in order."""

_telling = msgspec.json.Decoder(Session)
_MEASURED = (ValueSource.PROVIDER_REPORTED.value, Confidence.HIGH.value)
_NOT_MEASURED = (ValueSource.MISSING.value, Confidence.UNKNOWN.value)


def session_row(session: Session, *, known_cost: int | None, now: str, run_id: str) -> Row:
    """A row of `session_ledger`. `known_cost`: that of its calls, in nano-dollars."""
    runtime = None
    if session.ended_at is not None:
        runtime = max(0, times.milliseconds_between(session.started_at, session.ended_at))
    return (
        session.session_id,
        session.client_run_id,
        session.agent_id,
        session.agent_label,
        session.model_id,
        session.task_title,
        session.task_text,
        session.task_category,
        session.status.value,
        session.started_at,
        session.ended_at,
        runtime,
        session.artifact_count,
        session.error_code,
        session.error_message,
        session.source,
        session.source_version,
        session.source_uri,
        session.cwd,
        session.git_branch,
        session.git_commit,
        session.payload_sha256,
        session.idempotency_key,
        session.revision,
        now,
        run_id,
        known_cost,
    )


_OWNER, _COST = map(SESSION_USAGE.column_names.index, ("session_id", "cost_usd"))


def known_costs(calls: Iterable[Row]) -> dict[str, int]:
    """Nano-dollars by session, of rows of `session_usage`; a session without any is left out."""
    costs: dict[str, int] = {}
    for call in calls:
        nanos = call[_COST]
        if nanos is not None:
            owner: str = call[_OWNER]  # type: ignore[assignment]
            costs[owner] = costs.get(owner, 0) + nanos  # type: ignore[operator]
    return costs


def event_row(event: Event, source_uri: str, run_id: str) -> Row:
    """A row of `session_events`."""
    return (
        event.event_id,
        event.session_id,
        source_uri,
        event.line,
        run_id,
        event.seq,
        event.event_type.value,
        event.event_ts,
        event.payload_json,
    )


def _governed(priced: PricedCall) -> PricedCall:
    """The write boundary: a cost comes with version, source and confidence, or not at all."""
    cost, version, source, confidence = priced
    known = cost is not None
    if (
        (version is not None) is not known
        or (source != CostSource.MISSING) is not known
        or (confidence != Confidence.UNKNOWN) is not known
    ):
        raise VerificationFailed(
            "a cost was about to be written without its provenance",
            code=ErrorCode.GOVERNANCE_BREACH,
        )
    return priced


def call_row(
    call: Call, session_id: str, source_uri: str, *, pricer: Pricer, now: str, run_id: str
) -> Row:
    """A row of `session_usage`, priced at the time of the call."""
    runtime_source, runtime_confidence = _NOT_MEASURED if call.runtime_ms is None else _MEASURED
    return (
        call.usage_id,
        session_id,
        source_uri,
        call.line,
        run_id,
        call.seq,
        call.occurred_at,
        call.provider,
        call.model_id,
        call.prompt,
        call.cache_read,
        call.cache_write_5m,
        call.cache_write_1h,
        call.completion,
        call.reasoning,
        call.total,
        call.price_context,
        call.runtime_ms,
        *_governed(
            pricer.price(
                call.provider,
                call.model_id,
                call.occurred_at,
                call.prompt,
                call.cache_read,
                call.cache_write_5m,
                call.cache_write_1h,
                call.completion,
                call.token_confidence is Confidence.HIGH,
                call.reported_cost,
                call.reasoning,
                price_context(call.price_context),
                call.reported_by,
            )
        ),
        call.token_source.value,
        call.token_confidence.value,
        runtime_source,
        runtime_confidence,
        now,
    )


def price_context(text: str | None) -> PriceContext:
    """`speed=fast` as the price list takes it."""
    if text is None:
        return STANDARD
    name, _, value = text.partition("=")
    return ((name, value),)


def session_of(row: Row) -> Session:
    """A row of `session_ledger` as the session that it tells, without runtime and run."""
    values = dict(zip(SESSION_FIELDS, row, strict=True))
    values["status"] = SessionStatus(str(values["status"]))
    return Session(**values)  # type: ignore[arg-type]


def telling_row(telling: Session, run_id: str) -> Row:
    """A row of `session_tellings`."""
    told = msgspec.json.encode(telling).decode()
    return telling.session_id, telling.source_uri, told, run_id


def telling_of(telling_json: str) -> Session:
    """What a file tells of a session, as `telling_row` stored it."""
    return _telling.decode(telling_json)


EnvelopeRows = tuple[list[Row], list[Row]]
"""The rows of an envelope's calls and of its events."""


def of_envelope(envelope: Envelope, *, pricer: Pricer, run_id: str, now: str) -> EnvelopeRows:
    """The rows of an envelope, but for its session, which others may have told of, too."""
    owner, uri = envelope.session.session_id, envelope.session.source_uri
    calls = [
        call_row(call, owner, uri, pricer=pricer, now=now, run_id=run_id) for call in envelope.calls
    ]
    return calls, [event_row(event, uri, run_id) for event in envelope.events]
