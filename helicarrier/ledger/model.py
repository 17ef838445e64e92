"""The canonical session: what every reader and every envelope adapter turns its input into.

Times are the canonical UTC text, costs nano-dollars or Decimal dollars as reported. These are
msgspec structs and not dataclasses because an import makes tens of thousands of them a second;
they are frozen and hold no cycles, so the garbage collector leaves them alone.
"""

from decimal import Decimal
from enum import Enum, auto

import msgspec

from helicarrier.governance.enums import PROVIDER_NATIVE, Confidence, ValueSource
from helicarrier.ledger.enums import UNCATEGORIZED, UNKNOWN_MODEL, EventType, SessionStatus


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One agent session as its source tells it. Fields are those of `session_ledger`."""

    session_id: str
    agent_id: str
    started_at: str
    source: str
    source_uri: str
    idempotency_key: str
    agent_label: str | None = None
    client_run_id: str | None = None
    model_id: str = UNKNOWN_MODEL
    task_title: str | None = None
    task_text: str | None = None
    task_category: str = UNCATEGORIZED
    status: SessionStatus = SessionStatus.SUCCESS
    ended_at: str | None = None
    artifact_count: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    source_version: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    git_commit: str | None = None
    payload_sha256: str | None = None
    revision: int = 0


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened; `payload_json` is a JSON object as text."""

    event_id: str
    session_id: str
    line: int | None
    seq: int
    event_type: EventType
    event_ts: str
    payload_json: str


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One model call. `usage_id` is equal in every copy of the call, wherever it is found.

    Tokens are exclusive classes: `prompt` has no cached tokens in it, `completion` includes
    `reasoning`. `reported_by` is the pricing version of `reported_cost`: that of the provider, or
    of a client that computed it. A `sidechain` call gives way to a call of the same `message_key`
    that is not one.
    """

    usage_id: str
    session_id: str
    line: int | None
    seq: int
    occurred_at: str
    provider: str
    model_id: str
    prompt: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    completion: int = 0
    reasoning: int = 0
    runtime_ms: int | None = None
    reported_cost: Decimal | None = None
    reported_by: str = PROVIDER_NATIVE
    token_source: ValueSource = ValueSource.PROVIDER_REPORTED
    token_confidence: Confidence = Confidence.HIGH
    price_context: str | None = None
    message_key: str | None = None
    sidechain: bool = False

    @property
    def total(self) -> int:
        """All tokens of the call."""
        return (
            self.prompt
            + self.cache_read
            + self.cache_write_5m
            + self.cache_write_1h
            + self.completion
        )


class Winner(Enum):
    """Which of several copies of one call is kept.

    Ties go to the earlier one, then to the smaller source position, so that the order of import
    does not matter.
    """

    MOST_TOKENS = auto()
    FIRST = auto()


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One session that its producer vouches for as a whole, under an idempotency key.

    `fingerprint` is the sha256 of the RFC 8785 form of the canonical session, 64 hex digits.
    """

    session: Session
    calls: list[Call]
    events: list[Event]
    fingerprint: str
    line: int | None = None
    raw: bytes = b""
    grows: bool = False
    """Of a store that is rewritten as it grows: other content replaces, it is no conflict."""


class Batch(msgspec.Struct, kw_only=True):
    """What one stretch of one source gave, ready for the writer."""

    source_uri: str
    winner: Winner
    sessions: list[Session] = msgspec.field(default_factory=list)
    calls: list[Call] = msgspec.field(default_factory=list)
    events: list[Event] = msgspec.field(default_factory=list)
    envelopes: list[Envelope] = msgspec.field(default_factory=list)
    session_lines: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Lines that told something of a session itself: its title, its first request."""
