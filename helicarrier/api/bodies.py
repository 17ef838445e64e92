"""Reading a request's body: as bytes, of one media type, up to a limit.

The limit holds whatever the headers claim: a body without a length, or with a wrong one, is cut
off as soon as it is too long. Compressed bodies are refused, so a small one cannot become large.
"""

from fastapi import Request

from helicarrier.errors import ErrorCode, RequestRefused

BODY_LIMIT = 8 * 1024 * 1024


async def json_body(request: Request, *, limit: int = BODY_LIMIT) -> bytes:
    """The bytes of a JSON body.

    Raises:
        RequestRefused: UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE.
    """
    return await _body(request, wanted="application/json", limit=limit)


async def form_body(request: Request, *, limit: int) -> bytes:
    """The bytes of a form that a browser sends.

    Raises:
        RequestRefused: UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE.
    """
    return await _body(request, wanted="application/x-www-form-urlencoded", limit=limit)


async def _body(request: Request, *, wanted: str, limit: int) -> bytes:
    headers = request.headers
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if media_type.strip().lower() != wanted or charset not in {
        "",
        "charset=utf-8",
        'charset="utf-8"',
    }:
        raise _unsupported(f"the body must be {wanted} in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _unsupported("the body must not be compressed")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
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
