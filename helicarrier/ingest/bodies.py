"""Bodies: what a request carries, to canonical envelopes or to the reasons against them.

A batch is one JSON array of envelopes. It is cut into the bytes of each envelope first, so that
each is judged by the one strict parse and none can spoil the others' answer.
"""

from collections.abc import Sequence

import msgspec

from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError, ErrorCode, Violation
from helicarrier.ingest.envelope import accept
from helicarrier.ledger.model import Envelope

BATCH_LIMIT = 1_000
"""Envelopes in one request."""

_array = msgspec.json.Decoder(list[msgspec.Raw])
_SESSION_FIELDS = {"sessionId", "state", "agentId", "modelId", "startedAt"}


def accept_batch(body: bytes, *, uri: str) -> list[Envelope | ContractError]:
    """The raw bytes of a batch -> for each envelope the session, or why it is refused.

    Raises:
        ContractError: VALIDATION_ERROR, the body is no array of 1 to `BATCH_LIMIT` envelopes.
    """
    try:
        parts = _array.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _refused("NOT_AN_ARRAY", "expected one JSON array of envelopes") from None
    if not 1 <= len(parts) <= BATCH_LIMIT:
        raise _refused("OUT_OF_RANGE", f"expected 1 to {BATCH_LIMIT} envelopes")
    return [_judged(bytes(part), uri) for part in parts]


def accept_bare(body: bytes, *, uri: str) -> Envelope | None:
    """A session as clients sent it before there were envelopes, taken as v1; None if it is none.

    Its `events`, if any, stand beside the fields of the session.

    Raises:
        ContractError: it is a bare session and breaks the contract.
    """
    value = strict_parse(body).value
    if not isinstance(value, dict) or "envelope_version" in value:
        return None
    if not value.keys() & _SESSION_FIELDS:
        return None
    session = {name: item for name, item in value.items() if name != "events"}
    payload = {"session": session, "events": value.get("events", [])}
    return accept(msgspec.json.encode({"envelope_version": "v1", "payload": payload}), uri=uri)


def violations_of(judged: Sequence[Envelope | ContractError]) -> ContractError | None:
    """One error for a batch: every reason against every envelope, with its place in the array."""
    errors = [(index, one) for index, one in enumerate(judged) if isinstance(one, ContractError)]
    if not errors:
        return None
    codes = {error.code for _, error in errors}
    code = codes.pop() if len(codes) == 1 else ErrorCode.VALIDATION_ERROR
    reasons = [
        Violation(pointer=f"/{index}{v.pointer}", code=v.code, message=v.message)
        for index, error in errors
        for v in error.violations
    ]
    return ContractError(code, "envelopes of the batch do not satisfy their contract", reasons)


def _judged(part: bytes, uri: str) -> Envelope | ContractError:
    try:
        return accept(part, uri=uri)
    except ContractError as error:
        return error


def _refused(code: str, message: str) -> ContractError:
    return ContractError(
        ErrorCode.VALIDATION_ERROR,
        "the body is not a batch",
        [Violation(pointer="", code=code, message=message)],
    )
