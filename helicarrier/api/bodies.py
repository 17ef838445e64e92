"""Reading a request's body: as bytes, of one media type, up to a limit.

The limit holds whatever the headers claim: a body without a length, or with a wrong one, is cut
off as soon as it is too long. Compressed bodies are refused, so a small one cannot become large.
"""

from fastapi import Request

from helicarrier.api.headers import headers_of
from helicarrier.errors import ErrorCode, RequestRefused

BODY_LIMIT = 8 * 1024 * 1024

_UTF8 = {b"", b"charset=utf-8", b'charset="utf-8"'}


async def json_body(request: Request, *, limit: int = BODY_LIMIT) -> bytes:
    """The bytes of a JSON body.

    Raises:
        RequestRefused: UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE.
    """
    return await _body(request, wanted=b"application/json", limit=limit)


async def form_body(request: Request, *, limit: int) -> bytes:
    """The bytes of a form that a browser sends.

    Raises:
        RequestRefused: UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE.
    """
    return await _body(request, wanted=b"application/x-www-form-urlencoded", limit=limit)


async def _body(request: Request, *, wanted: bytes, limit: int) -> bytes:
    headers = headers_of(request.scope)
    media_type, _, parameters = headers.get(b"content-type", b"").lower().partition(b";")
    if media_type.strip() != wanted or parameters.strip() not in _UTF8:
        raise _unsupported(f"the body must be {wanted.decode()} in UTF-8")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise _unsupported("the body must not be compressed")
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> RequestRefused:
    return RequestRefused(
        413, ErrorCode.PAYLOAD_TOO_LARGE, f"the body is larger than {limit} bytes"
    )


def _unsupported(message: str) -> RequestRefused:
    return RequestRefused(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, message)
