"""What an envelope says, as plain structs: the one form in which both ways of reading hand it on.

The types carry the contract's bounds, which hold where a struct is decoded. Texts of time and
state are canonical and dollars are Decimals once a reader hands the struct on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec

from helicarrier.canonical import MAX_INTEGER
from helicarrier.ingest.limits import MAX_TOKENS
from helicarrier.ledger.enums import EventType

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
ShortText = Annotated[str, msgspec.Meta(max_length=2_000)]
LongText = Annotated[str, msgspec.Meta(max_length=1_000_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Tokens = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
if TYPE_CHECKING:
    from decimal import Decimal

    Dollars = Decimal | None
else:
    Dollars = float | int | str | None  # as decoded


class Strict(msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Nothing is coerced and nothing unknown is let through."""


class SessionFacts(Strict, gc=False):
    """The fields of a session (`session` in v1, `run` in v2)."""

    session_id: Id
    state: str
    agent_id: Id
    model_id: Id
    started_at: str
    agent_label: ShortText | None = None
    title: ShortText | None = None
    task: LongText | None = None
    task_category: Id | None = None
    ended_at: str | None = None
    terminal_at: str | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    billed_cost_usd: Dollars = None
    provider: Id | None = None
    run_id: Id | None = None
    artifact_count: Count | None = None
    error_code: ShortText | None = None
    error_message: ShortText | None = None
    source_version: ShortText | None = None


class EventFacts(Strict):
    """One event of a session."""

    event_type: EventType
    event_ts: str
    event_id: Id | None = None
    seq: Count | None = None
    payload: dict[str, object] = msgspec.field(default_factory=dict)


class CallFacts(Strict, gc=False):
    """One model call; `prompt_tokens` excludes the cache."""

    call_id: Id
    occurred_at: str
    model_id: Id
    prompt_tokens: Tokens
    completion_tokens: Tokens
    provider: Id | None = None
    cache_read_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    cache_write_1h_tokens: Tokens = msgspec.field(default=0, name="cacheWrite1hTokens")
    reasoning_tokens: Tokens = 0
    runtime_ms: Count | None = None
    cost_usd: Dollars = None
    status: ShortText | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an envelope of any version says, whichever way it was read.

    `plain` when the fast serializer gives its canonical form, see `canonical.canonical_bytes`.
    """

    version: str
    idempotency_key: str | None
    revision: int
    source: str | None
    facts: SessionFacts
    events: Sequence[EventFacts]
    calls: Sequence[CallFacts]
    plain: bool

    def form(self) -> dict[str, object]:
        """What the fingerprint is taken of: what was said, without how it was spelled."""
        return {
            "session": _SESSION.of(self.facts, self.facts.billed_cost_usd),
            "events": [_EVENT.of(event, None) for event in self.events],
            "calls": [_CALL.of(call, call.cost_usd) for call in self.calls],
        }


class _Form:
    """The canonical form of a kind of facts: our names, without what is unknown, dollars as text.

    Structs, because they are copied and written five times as fast as dicts.
    """

    def __init__(self, facts: type[msgspec.Struct], cost: str = "") -> None:
        fields = msgspec.structs.fields(facts)
        self._make = msgspec.defstruct(
            f"{facts.__name__}Form",
            [(field.name, object, _left_out(field)) for field in fields],
            omit_defaults=True,
            gc=False,
        )
        self._cost = next((n for n, field in enumerate(fields) if field.name == cost), len(fields))

    def of(self, facts: Strict, cost: "Decimal | None") -> msgspec.Struct:
        values = msgspec.structs.astuple(facts)
        if cost is not None:
            values = (*values[: self._cost], format(cost, "f"), *values[self._cost + 1 :])
        return self._make(*values)


def _left_out(field: msgspec.structs.FieldInfo) -> object:
    """The value that is not written: None, but a member that has another default always is."""
    optional = field.default is not None and not field.required
    return msgspec.UNSET if optional else None


_SESSION = _Form(SessionFacts, "billed_cost_usd")
_EVENT = _Form(EventFacts)
_CALL = _Form(CallFacts, "cost_usd")
