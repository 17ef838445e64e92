"""The envelope versions as strict pydantic models: the shapes that the ingest contract accepts.

A field, an enum value or a state that is not here is refused. Times are kept as canonical UTC text.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, Protocol, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from helicarrier import times
from helicarrier.ingest.limits import MAX_TOKENS
from helicarrier.ledger.enums import SessionStatus

STATES: dict[str, SessionStatus] = {
    "success": SessionStatus.SUCCESS,
    "done": SessionStatus.SUCCESS,
    "completed": SessionStatus.SUCCESS,
    "finished": SessionStatus.SUCCESS,
    "failed": SessionStatus.FAILED,
    "error": SessionStatus.FAILED,
    "crashed": SessionStatus.FAILED,
    "killed": SessionStatus.KILLED,
    "terminated": SessionStatus.KILLED,
    "cancelled": SessionStatus.CANCELLED,
    "canceled": SessionStatus.CANCELLED,
    "running": SessionStatus.RUNNING,
    "in_progress": SessionStatus.RUNNING,
    "active": SessionStatus.RUNNING,
    "queued": SessionStatus.QUEUED,
    "pending": SessionStatus.QUEUED,
}


def _known_state(text: str) -> str:
    if text not in STATES:
        raise PydanticCustomError("state_unknown", "the state is not one of the contract's")
    return text


def _exact(value: object) -> object:
    """A JSON number or a decimal string as the decimal that was written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise PydanticCustomError("decimal_parsing", "expected a decimal number") from None


def canonical_time(text: str) -> str:
    """A time in its canonical form; PydanticCustomError, which is a ValueError, for no time."""
    try:
        return times.canonical(text)
    except (ValueError, IndexError, OverflowError):
        raise PydanticCustomError("time_invalid", "expected ISO 8601 with a zone") from None


def _to_nano_dollars(amount: Decimal) -> Decimal:
    """The amount that is stored, however it was spelled; quick also for a giant exponent."""
    return abs(amount.quantize(_NANO))


def dollars(value: object) -> Decimal:
    """A number or a decimal string as `Dollars` takes it; ValueError for anything else."""
    amount = _exact(value)
    if not isinstance(amount, Decimal) or not amount.is_finite() or not 0 <= amount <= MAX_DOLLARS:
        raise ValueError
    return _to_nano_dollars(amount)


MAX_DOLLARS = 1_000_000_000
_NANO = Decimal("1e-9")

Id = Annotated[str, Field(min_length=1, max_length=256)]
ShortText = Annotated[str, Field(max_length=2_000)]
LongText = Annotated[str, Field(max_length=1_000_000)]
Time = Annotated[
    str, AfterValidator(canonical_time), Field(json_schema_extra={"format": "date-time"})
]
State = Annotated[
    str, AfterValidator(_known_state), Field(json_schema_extra={"enum": [*sorted(STATES)]})
]
Count = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Dollars = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, le=MAX_DOLLARS, allow_inf_nan=False),
    AfterValidator(_to_nano_dollars),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_DOLLARS},
                {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,30})?$"},
            ]
        }
    ),
]


class _Strict(BaseModel):
    """Nothing is coerced and nothing unknown is let through."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Camel(_Strict):
    """Wire names are camelCase inside the payload."""

    model_config = ConfigDict(alias_generator=to_camel)


class SessionModel(_Camel):
    """The fields of a session (`session` in v1, `run` in v2)."""

    session_id: Id
    state: State
    agent_id: Id
    model_id: Id
    started_at: Time
    agent_label: ShortText | None = None
    title: ShortText | None = None
    task: LongText | None = None
    task_category: Id | None = None
    ended_at: Time | None = None
    terminal_at: Time | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    billed_cost_usd: Dollars | None = None
    provider: Id | None = None
    run_id: Id | None = None
    artifact_count: Count | None = None
    error_code: ShortText | None = None
    error_message: ShortText | None = None
    source_version: ShortText | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if (self.ended_at or self.terminal_at or self.started_at) < self.started_at:
            raise PydanticCustomError("time_order", "the session ends before it starts")
        if (self.reasoning_tokens or 0) > (self.completion_tokens or 0):
            raise PydanticCustomError("token_order", "more reasoning than completion tokens")
        return self


class EventModel(_Camel):
    """One event of a session."""

    event_id: Id | None = None
    seq: Count | None = None
    event_type: Literal["tool_call", "message", "state_transition", "artifact", "error", "metric"]
    event_ts: Time
    payload: dict[str, JsonValue] = {}


class CallModel(_Camel):
    """One model call; `prompt_tokens` excludes the cache."""

    call_id: Id
    occurred_at: Time
    model_id: Id
    provider: Id | None = None
    prompt_tokens: Tokens
    completion_tokens: Tokens
    cache_read_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    cache_write_1h_tokens: Tokens = Field(default=0, alias="cacheWrite1hTokens")
    reasoning_tokens: Tokens = 0
    runtime_ms: Count | None = None
    cost_usd: Dollars | None = None
    status: ShortText | None = None

    @model_validator(mode="after")
    def _reasoning_within_completion(self) -> Self:
        if self.reasoning_tokens > self.completion_tokens:
            raise PydanticCustomError("token_order", "more reasoning than completion tokens")
        return self


def each_once(ids: list[str]) -> None:
    """PydanticCustomError, which is a ValueError, where an id is used twice."""
    if len(set(ids)) != len(ids):
        raise PydanticCustomError("not_unique", "an id is used twice")


class _Named(Protocol):
    @property
    def event_id(self) -> str | None: ...


def event_names(events: Sequence[_Named]) -> list[str]:
    """The events' own ids, and for the others their places."""
    return [event.event_id or f"#{place}" for place, event in enumerate(events)]


def _unique_events(events: list[EventModel]) -> list[EventModel]:
    each_once(event_names(events))
    return events


def _unique_calls(calls: list[CallModel]) -> list[CallModel]:
    each_once([call.call_id for call in calls])
    return calls


Events = Annotated[list[EventModel], AfterValidator(_unique_events)]
Calls = Annotated[list[CallModel], AfterValidator(_unique_calls)]


class PayloadV1(_Strict):
    """A session with its totals and events."""

    session: SessionModel
    events: Events = []


class PayloadV2(_Strict):
    """A run with its timeline and its model calls."""

    run: SessionModel
    timeline: Events = []
    calls: Calls = []


class Envelope(_Strict):
    """What every version has around its payload."""

    idempotency_key: Id | None = None
    revision: Count = 0
    source: ShortText | None = None


class EnvelopeV1(Envelope):
    """An envelope of the first version."""

    envelope_version: Literal["v1"]
    payload: PayloadV1


class EnvelopeV2(Envelope):
    """An envelope of the second version."""

    envelope_version: Literal["v2"]
    payload: PayloadV2
