"""Problems: every error of the service as one document, the same bytes for the same mistake.

The form is RFC 9457 (`application/problem+json`) with a stable `code` and sorted `errors`, and the
member `error` for clients of the V3 API. Nothing of the request is echoed: an answer is safe to
log, and repeating a request repeats its bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from helicarrier import logs
from helicarrier.errors import (
    ContractError,
    ErrorCode,
    HelicarrierError,
    NotReady,
    StorageUnavailable,
    Violation,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="helicarrier"'}
"""What a 401 says it wants."""

_OLD_PHRASES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
"""Phrases that a newer Python words otherwise: the bytes of a problem must not depend on it."""

_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}


class ProblemError(msgspec.Struct, frozen=True):
    """One reason: a JSON pointer into the request (RFC 6901), a code, a sentence."""

    pointer: str
    code: str
    message: str


class LegacyError(msgspec.Struct, frozen=True):
    """The same for clients of the V3 API."""

    code: str
    message: str
    details: Sequence[ProblemError]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: Sequence[ProblemError]
    error: LegacyError


def phrase(status: int) -> str:
    """What a status is called, the same under every Python."""
    return _OLD_PHRASES.get(status) or HTTPStatus(status).phrase


def problem(status: int, code: str, detail: str, violations: Iterable[Violation] = ()) -> Problem:
    """The document of an error."""
    errors = [ProblemError(v.pointer, v.code, v.message) for v in sorted(set(violations))]
    return Problem(
        type=f"urn:helicarrier:error:{code}",
        title=phrase(status),
        status=status,
        code=code,
        detail=detail,
        errors=errors,
        error=LegacyError(code, detail, errors),
    )


def problem_of(error: HelicarrierError, *, below: str = "") -> Problem:
    """The document of an error of the tree; `below` is put before its pointers.

    Why the store cannot be used is for the operator (`/readyz`, the log), not for every client.
    """
    if isinstance(error, StorageUnavailable | NotReady):
        return problem(503, ErrorCode.STORAGE_UNAVAILABLE, "the store cannot be used at the moment")
    violations = error.violations if isinstance(error, ContractError) else ()
    moved = [
        Violation(pointer=below + v.pointer, code=v.code, message=v.message) for v in violations
    ]
    return problem(error.http_status, error.code, error.message, moved)


def response(document: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The answer; 503 and 429 say when to try again."""
    retry = _RETRY if document.status in {429, 503} else {}
    return Response(
        msgspec.json.encode(document),
        status_code=document.status,
        media_type=MEDIA_TYPE,
        headers={**retry, **(headers or {})},
    )


def response_to(error: HelicarrierError) -> Response:
    """The answer to an error of the tree."""
    headers = CHALLENGE if error.code is ErrorCode.UNAUTHENTICATED else None
    return response(problem_of(error), headers)


def defect(error: Exception) -> Response:
    """The answer to what nobody foresaw; what it was is for the log alone."""
    logs.warning("service.defect", error=type(error).__name__)
    return refuse(500, ErrorCode.INTERNAL, "the service has a defect")


def refuse(
    status: int, code: ErrorCode, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that is refused before anything is looked up."""
    return response(problem(status, code, detail), headers)
