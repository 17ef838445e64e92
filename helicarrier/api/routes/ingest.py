"""Ingest: envelopes in, an acknowledgement out once they are durable.

`200` means that every byte of what was sent is in the ledger or was there already. Anything else
means that nothing of it was written, but for the partial mode, which answers for each envelope.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from helicarrier.api import documents, problems, wire
from helicarrier.api.access import Requires
from helicarrier.api.answers import answer
from helicarrier.api.bodies import json_body
from helicarrier.api.receipts import Accepted, BatchAnswer, Result
from helicarrier.api.service import service_of
from helicarrier.api.short_way import Direct
from helicarrier.api.tokens import Principal, Scope
from helicarrier.errors import Conflict, ContractError, ErrorCode, Violation
from helicarrier.ingest.bodies import accept_bare, accept_batch, violations_of
from helicarrier.ingest.envelope import accept
from helicarrier.ledger.model import Envelope
from helicarrier.ledger.outcomes import EnvelopeStatus

router = APIRouter(prefix="/api/v3/ingest", tags=["ingest"])

_SINGLE = "http:/api/v3/ingest/session"
_BATCH = "http:/api/v3/ingest/sessions"
_MULTI_STATUS = 207
_OK = 200

_ACCESS = Requires(Scope.INGEST)
Ingest = Annotated[Principal, Depends(_ACCESS)]


@router.post(
    "/session",
    response_model=None,
    responses=wire.responses(Accepted),
    openapi_extra=documents.INGEST_SESSION,
)
async def ingest_session(request: Request, _: Ingest) -> Response:
    """Send one session; the same one again changes nothing."""
    service = service_of(request)
    writer = service.require_writer()
    body = await json_body(request)
    bare = None if service.settings.contract_strict else accept_bare(body, uri=_SINGLE)
    envelope = bare or accept(body, uri=_SINGLE)
    (status,) = await writer.write([envelope], source_uri=_SINGLE)
    if status is EnvelopeStatus.CONFLICT:
        raise Conflict("the idempotency key is taken by a session with other content")
    return answer(Accepted(session_id=envelope.session.session_id, status=status.value))


@router.post(
    "/sessions",
    response_model=None,
    responses=wire.responses(BatchAnswer) | wire.responses(BatchAnswer, _MULTI_STATUS),
    openapi_extra=documents.INGEST_SESSIONS,
)
async def ingest_sessions(
    request: Request,
    _: Ingest,
    mode: Annotated[Literal["whole", "partial"], Query()] = "whole",
) -> Response:
    """Send a batch: all or nothing, or with `mode=partial` each envelope for itself."""
    service = service_of(request)
    writer = service.require_writer()
    judged = accept_batch(await json_body(request), uri=_BATCH)
    good = [one for one in judged if isinstance(one, Envelope)]
    if mode == "whole":
        refused = violations_of(judged)
        if refused is not None:
            raise refused
        statuses = await writer.write(good, source_uri=_BATCH)
        _raise_for_conflicts(statuses)
        return answer(BatchAnswer(ok=True, results=_accepted(good, statuses)))
    statuses = await writer.write(good, source_uri=_BATCH, whole=False) if good else []
    results = _each(judged, statuses)
    ok = all(result.status == _OK for result in results)
    return answer(BatchAnswer(ok=ok, results=results), _MULTI_STATUS)


DIRECT = {
    f"{router.prefix}/session": Direct(access=_ACCESS, answer=ingest_session),
    f"{router.prefix}/sessions": Direct(access=_ACCESS, answer=ingest_sessions),
}
"""Both routes for the short way."""


def _raise_for_conflicts(statuses: Sequence[EnvelopeStatus]) -> None:
    taken = [
        Violation(
            pointer=f"/{index}",
            code=ErrorCode.IDEMPOTENCY_CONFLICT,
            message="the idempotency key is taken by a session with other content",
        )
        for index, status in enumerate(statuses)
        if status is EnvelopeStatus.CONFLICT
    ]
    if taken:
        error = ContractError(
            ErrorCode.IDEMPOTENCY_CONFLICT, "nothing of the batch was written", taken
        )
        error.http_status = Conflict.http_status
        raise error


def _accepted(envelopes: Sequence[Envelope], statuses: Sequence[EnvelopeStatus]) -> list[Result]:
    return [
        Result(index, _OK, envelope.session.session_id, status.value)
        for index, (envelope, status) in enumerate(zip(envelopes, statuses, strict=True))
    ]


def _each(
    judged: Sequence[Envelope | ContractError], statuses: Sequence[EnvelopeStatus]
) -> list[Result]:
    written = iter(statuses)
    results = []
    for index, one in enumerate(judged):
        if isinstance(one, ContractError):
            results.append(Result(index, one.http_status, problem=problems.problem_of(one)))
            continue
        session_id, status = one.session.session_id, next(written)
        if status is EnvelopeStatus.CONFLICT:
            error = Conflict("the idempotency key is taken by a session with other content")
            document = problems.problem_of(error)
            results.append(Result(index, error.http_status, session_id, problem=document))
        else:
            results.append(Result(index, _OK, session_id, status.value))
    return results
