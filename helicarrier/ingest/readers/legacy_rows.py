"""Complete rows of the legacy V3 store: all that the ledger keeps of a session, in its wire names.

The store once held what its service knew; rows that this version writes hold everything: the key
and fingerprint that make a repeated envelope a duplicate, and where each number comes from. A
session whose rows are all complete is taken as it stands, any other goes the way of all envelopes.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from helicarrier import times
from helicarrier.governance.enums import PROVIDER_NATIVE, Confidence, CostSource, ValueSource
from helicarrier.ingest.envelope_facts import Count, Id, LongText, ShortText, Tokens
from helicarrier.ingest.limits import LOG_KEY
from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Call, Envelope, Event, Session

Aware = Annotated[datetime, msgspec.Meta(tz=True)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Line = Annotated[int, msgspec.Meta(ge=1)] | None


class _Row(msgspec.Struct, kw_only=True, rename="camel", frozen=True):
    """Every member is required, so that a row of an older service is told apart."""


class SessionRow(_Row, frozen=True):
    """An element of `ledger`: the columns of `session_ledger`, without the totals of its calls."""

    session_id: Id
    client_run_id: ShortText | None = msgspec.field(name="runId")
    agent_id: Id
    agent_label: ShortText | None
    model_id: Id
    task_title: ShortText | None
    task_text: LongText | None
    task_category: Id
    status: SessionStatus
    started_at: Aware
    ended_at: Aware | None
    runtime_ms: Count | None
    artifact_count: Count | None
    error_code: ShortText | None
    error_message: ShortText | None
    source: ShortText
    source_version: ShortText | None
    source_uri: LongText
    revision: Count
    ingested_at: Aware
    run_id: ShortText = msgspec.field(name="ledgerRunId")
    idempotency_key: Key
    payload_sha256: Digest

    def __post_init__(self) -> None:
        """Refuse a key that belongs to session logs."""
        if self.idempotency_key.startswith(LOG_KEY):
            message = "the key belongs to session logs"
            raise ValueError(message)


class UsageRow(_Row, frozen=True):
    """An element of `usage`: the columns of `session_usage`, dollars as a number."""

    usage_id: Key
    session_id: Id
    source_uri: LongText
    source_line: Line
    run_id: ShortText = msgspec.field(name="ledgerRunId")
    seq: Count
    occurred_at: Aware
    provider: Id
    model_id: Id
    prompt_tokens: Tokens
    cache_read_tokens: Tokens
    cache_write_5m_tokens: Tokens
    cache_write_1h_tokens: Tokens
    completion_tokens: Tokens
    reasoning_tokens: Tokens
    total_tokens: Tokens
    price_context: ShortText | None
    runtime_ms: Count | None
    cost_usd: Decimal | None
    pricing_version: ShortText | None
    cost_source: CostSource
    cost_confidence: Confidence
    token_source: ValueSource
    token_confidence: Confidence
    runtime_source: ValueSource
    runtime_confidence: Confidence
    computed_at: Aware

    def __post_init__(self) -> None:
        """Refuse a cost without its origin, and tokens that do not add up."""
        unknown = self.cost_usd is None
        parts = (
            self.pricing_version is None,
            self.cost_source is CostSource.MISSING,
            self.cost_confidence is Confidence.UNKNOWN,
        )
        if any(part is not unknown for part in parts):
            message = "a cost comes with its origin, or not at all"
            raise ValueError(message)
        if self.cost_usd is not None and not self.cost_usd.is_finite():
            message = "a cost is a finite number"
            raise ValueError(message)
        if self.total_tokens != (
            self.prompt_tokens
            + self.cache_read_tokens
            + self.cache_write_5m_tokens
            + self.cache_write_1h_tokens
            + self.completion_tokens
        ):
            message = "the tokens do not add up"
            raise ValueError(message)

    def call(self, line: int | None) -> Call:
        """The call. A derived cost is left behind, to be derived from the prices at hand."""
        derived_from_prices = (
            self.cost_source is CostSource.DERIVED
            and self.pricing_version is not None
            and "@" in self.pricing_version
        )
        return Call(
            usage_id=self.usage_id,
            session_id=self.session_id,
            line=line,
            seq=self.seq,
            occurred_at=times.utc_text(self.occurred_at),
            provider=self.provider,
            model_id=self.model_id,
            prompt=self.prompt_tokens,
            cache_read=self.cache_read_tokens,
            cache_write_5m=self.cache_write_5m_tokens,
            cache_write_1h=self.cache_write_1h_tokens,
            completion=self.completion_tokens,
            reasoning=self.reasoning_tokens,
            runtime_ms=self.runtime_ms,
            reported_cost=None if derived_from_prices else self.cost_usd,
            reported_by=PROVIDER_NATIVE
            if derived_from_prices
            else self.pricing_version or PROVIDER_NATIVE,
            token_source=self.token_source,
            token_confidence=self.token_confidence,
            price_context=self.price_context,
        )


class EventRow(_Row, frozen=True):
    """An element of `events`: the columns of `session_events`, the payload as an object."""

    event_id: Key
    session_id: Id
    source_uri: LongText
    source_line: Line
    run_id: ShortText = msgspec.field(name="ledgerRunId")
    seq: Count
    event_type: EventType
    event_ts: Aware
    payload: dict[str, object]


class WholeSession(msgspec.Struct, kw_only=True, frozen=True):
    """A session with its calls and events, all of them complete."""

    session: SessionRow
    usage: list[UsageRow]
    events: list[EventRow]

    def envelope(self, uri: str, line: int | None) -> Envelope:
        """The envelope that the rows were made of, under its key and with its fingerprint."""
        row = self.session
        return Envelope(
            session=Session(
                session_id=row.session_id,
                agent_id=row.agent_id,
                agent_label=row.agent_label,
                client_run_id=row.client_run_id,
                started_at=times.utc_text(row.started_at),
                ended_at=None if row.ended_at is None else times.utc_text(row.ended_at),
                source=row.source,
                source_uri=uri,
                idempotency_key=row.idempotency_key,
                model_id=row.model_id,
                task_title=row.task_title,
                task_text=row.task_text,
                task_category=row.task_category,
                status=row.status,
                artifact_count=row.artifact_count,
                error_code=row.error_code,
                error_message=row.error_message,
                source_version=row.source_version,
                payload_sha256=row.payload_sha256,
                revision=row.revision,
            ),
            calls=[usage.call(line) for usage in self.usage],
            events=[
                Event(
                    event.event_id,
                    event.session_id,
                    line,
                    event.seq,
                    event.event_type,
                    times.utc_text(event.event_ts),
                    msgspec.json.encode(event.payload).decode(),
                )
                for event in self.events
            ],
            fingerprint=row.payload_sha256,
            line=line,
        )


def whole_of(
    row: dict[str, object], usage: list[dict[str, object]], events: list[dict[str, object]]
) -> WholeSession | None:
    """The rows of a session as one; None where one of them is not complete."""
    try:
        return msgspec.convert({"session": row, "usage": usage, "events": events}, WholeSession)
    except (msgspec.ValidationError, OverflowError):
        return None
