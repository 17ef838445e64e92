"""The ingest contract: versioned envelopes, validated strictly, to one canonical session.

`accept` takes the raw bytes of one envelope. Whatever is not exactly as the contract has it is
refused with a sorted list of violations, the same bytes every time; nothing invalid reaches
normalization. A version is one model and one adapter in `VERSIONS`; adding v3 is one entry.
"""

from collections.abc import Callable, Sequence

import msgspec
from pydantic import ValidationError

from helicarrier.canonical import (
    JSONValue,
    canonical_bytes,
    has_real,
    plain_bytes,
    sha256,
    strict_parse,
)
from helicarrier.cost.prices import provider_of
from helicarrier.errors import ContractError, ErrorCode, Violation
from helicarrier.governance.enums import Confidence, ValueSource
from helicarrier.ingest import envelope_quick
from helicarrier.ingest.billed import share_bill
from helicarrier.ingest.envelope_facts import CallFacts, EventFacts, Said, SessionFacts
from helicarrier.ingest.envelope_models import (
    STATES,
    CallModel,
    EnvelopeV1,
    EnvelopeV2,
    EventModel,
    SessionModel,
)
from helicarrier.ingest.limits import LOG_KEY, TEXT_LENGTH, TITLE_LENGTH, title_of
from helicarrier.ingest.violations import violations_of
from helicarrier.ledger.enums import UNCATEGORIZED, EventType, SessionStatus
from helicarrier.ledger.model import Call, Envelope, Event, Session


def _parts_v1(
    envelope: EnvelopeV1,
) -> tuple[SessionModel, Sequence[EventModel], Sequence[CallModel]]:
    return envelope.payload.session, envelope.payload.events, ()


def _parts_v2(
    envelope: EnvelopeV2,
) -> tuple[SessionModel, Sequence[EventModel], Sequence[CallModel]]:
    return envelope.payload.run, envelope.payload.timeline, envelope.payload.calls


_Parts = Callable[..., tuple[SessionModel, Sequence[EventModel], Sequence[CallModel]]]
VERSIONS: dict[str, tuple[type[EnvelopeV1] | type[EnvelopeV2], _Parts]] = {
    "v1": (EnvelopeV1, _parts_v1),
    "v2": (EnvelopeV2, _parts_v2),
}


def accept(body: bytes, *, uri: str, line: int | None = None) -> Envelope:
    """The raw bytes of one envelope -> canonical session with fingerprint.

    Args: body, uri (file or endpoint it came from), line (of a file, from 1).

    Raises:
        ContractError: VALIDATION_ERROR or UNSUPPORTED_CONTRACT_VERSION, with all violations.
    """
    said = envelope_quick.read(body) or _read(body)
    if (said.idempotency_key or said.facts.session_id).startswith(LOG_KEY):
        raise _one_violation(
            "/idempotency_key", "RESERVED", f"keys that begin with {LOG_KEY} belong to session logs"
        )
    return _canonical(said, uri, line, body)


def _read(body: bytes) -> Said:
    """The way through the models, which knows why an envelope is refused."""
    parsed = strict_parse(body)
    model, parts = VERSIONS[_version(parsed.value)]
    try:
        envelope = model.model_validate(parsed.value)
    except ValidationError as error:
        raise ContractError(
            ErrorCode.VALIDATION_ERROR,
            "the envelope does not satisfy its contract",
            violations_of(error),
        ) from None
    session, events, calls = parts(envelope)
    real = parsed.any_real and any(has_real(event.payload) for event in events)
    facts = SessionFacts(**session.__dict__)
    facts.state = STATES[session.state].value
    return Said(
        version=envelope.envelope_version,
        idempotency_key=envelope.idempotency_key,
        revision=envelope.revision,
        source=envelope.source,
        facts=facts,
        events=[EventFacts(**event.__dict__) for event in events],
        calls=[CallFacts(**call.__dict__) for call in calls],
        plain=not (real or parsed.any_astral),
    )


def _version(value: JSONValue) -> str:
    if not isinstance(value, dict):
        raise _one_violation("", "INVALID_TYPE", "expected an object")
    version = value.get("envelope_version")
    if not isinstance(version, str):
        raise _one_violation("/envelope_version", "REQUIRED", "a version is required")
    if version not in VERSIONS:
        raise ContractError(
            ErrorCode.UNSUPPORTED_CONTRACT_VERSION,
            f"this envelope version is not supported; supported are {', '.join(sorted(VERSIONS))}",
            [Violation(pointer="/envelope_version", code="UNSUPPORTED", message="unknown version")],
        )
    return version


def _one_violation(at: str, code: str, message: str) -> ContractError:
    return ContractError(
        ErrorCode.VALIDATION_ERROR,
        "the envelope does not satisfy its contract",
        [Violation(pointer=at, code=code, message=message)],
    )


def _canonical(said: Said, uri: str, line: int | None, body: bytes) -> Envelope:
    facts, events, calls = said.facts, said.events, said.calls
    fingerprint = sha256(_canonical_form(said))
    in_key = _in_key(facts.session_id)
    return Envelope(
        session=_session(said, fingerprint, uri),
        calls=share_bill(
            [_call(facts, call, in_key, line, n) for n, call in enumerate(calls)],
            facts.billed_cost_usd,
        )
        or _totals_call(facts, line),
        events=[_event(facts.session_id, event, in_key, line, n) for n, event in enumerate(events)],
        fingerprint=fingerprint,
        line=line,
        raw=body,
    )


def _canonical_form(said: Said) -> bytes:
    form = said.form()
    if said.plain:
        return plain_bytes(form)
    return canonical_bytes(msgspec.to_builtins(form))


def _session(said: Said, fingerprint: str, uri: str) -> Session:
    facts = said.facts
    title = facts.title or (title_of(facts.task) if facts.task else None)
    return Session(
        session_id=facts.session_id,
        agent_id=facts.agent_id,
        agent_label=facts.agent_label,
        client_run_id=facts.run_id,
        started_at=facts.started_at,
        ended_at=facts.ended_at or facts.terminal_at,
        source=said.source or f"envelope_{said.version}",
        source_uri=uri,
        idempotency_key=said.idempotency_key or facts.session_id,
        model_id=facts.model_id,
        task_title=title[:TITLE_LENGTH] if title else None,
        task_text=facts.task[:TEXT_LENGTH] if facts.task else None,
        task_category=facts.task_category or UNCATEGORIZED,
        status=SessionStatus(facts.state),
        artifact_count=facts.artifact_count,
        error_code=facts.error_code,
        error_message=facts.error_message,
        source_version=facts.source_version,
        payload_sha256=fingerprint,
        revision=said.revision,
    )


def _in_key(session_id: str) -> str:
    """As a part of a key: a separator in it must not make two sessions share a key."""
    return session_id.replace("%", "%25").replace(":", "%3A").replace("/", "%2F")


def _event(
    session_id: str, event: EventFacts, in_key: str, line: int | None, position: int
) -> Event:
    return Event(
        # A place is no id: the sign keeps it apart from those that a producer gives.
        f"{in_key}/{event.event_id or f'#{position}'}",
        session_id,
        line,
        position if event.seq is None else event.seq,
        EventType(event.event_type),
        event.event_ts,
        msgspec.json.encode(event.payload).decode(),
    )


def _call(
    facts: SessionFacts,
    call: CallFacts,
    in_key: str,
    line: int | None,
    position: int,
) -> Call:
    hour = min(call.cache_write_1h_tokens, max(call.cache_write_tokens, call.cache_write_1h_tokens))
    return Call(
        usage_id=f"native:{in_key}:{call.call_id}",
        session_id=facts.session_id,
        line=line,
        seq=position,
        occurred_at=call.occurred_at,
        provider=call.provider or facts.provider or provider_of(call.model_id),
        model_id=call.model_id,
        prompt=call.prompt_tokens,
        cache_read=call.cache_read_tokens,
        cache_write_5m=max(call.cache_write_tokens - hour, 0),
        cache_write_1h=hour,
        completion=call.completion_tokens,
        reasoning=call.reasoning_tokens,
        runtime_ms=call.runtime_ms,
        reported_cost=call.cost_usd,
    )


def _totals_call(facts: SessionFacts, line: int | None) -> list[Call]:
    """The one row of a session that only knows its totals; none where it knows no tokens.

    A total that its classes do not add up to is kept as the classes and marked `low`; a total
    without classes counts as prompt, `derived` and `low`; a cost without tokens leaves the tokens
    `missing`.
    """
    classes = (
        facts.prompt_tokens,
        facts.completion_tokens,
        facts.cache_read_tokens,
        facts.cache_write_tokens,
    )
    known = sum(tokens for tokens in classes if tokens is not None)
    unclassed = all(tokens is None for tokens in classes)
    if unclassed and facts.total_tokens is None and facts.billed_cost_usd is None:
        return []
    complete = facts.prompt_tokens is not None and facts.completion_tokens is not None
    if unclassed and facts.total_tokens is None:
        source, confidence = ValueSource.MISSING, Confidence.UNKNOWN
    elif not complete:
        source, confidence = ValueSource.DERIVED, Confidence.LOW
    else:
        adds_up = facts.total_tokens in {None, known}
        source = ValueSource.PROVIDER_REPORTED
        confidence = Confidence.HIGH if adds_up else Confidence.LOW
    return [
        Call(
            usage_id=f"native:{_in_key(facts.session_id)}:session",
            session_id=facts.session_id,
            line=line,
            seq=0,
            occurred_at=facts.ended_at or facts.terminal_at or facts.started_at,
            provider=facts.provider or provider_of(facts.model_id),
            model_id=facts.model_id,
            prompt=(facts.total_tokens if unclassed else facts.prompt_tokens) or 0,
            cache_read=facts.cache_read_tokens or 0,
            cache_write_5m=facts.cache_write_tokens or 0,
            completion=facts.completion_tokens or 0,
            reasoning=facts.reasoning_tokens or 0,
            reported_cost=facts.billed_cost_usd,
            token_source=source,
            token_confidence=confidence,
        )
    ]
