"""Browsers: the log-in that turns a token into a cookie, and which pages may change anything.

A browser sends its cookie along with whatever any page makes it send. So the cookie cannot be read
by scripts and does not go along from other sites, and on top of that every request that may change
something must say that it comes from our own pages, whatever secret it carries. Programs that are
no browsers send neither `Sec-Fetch-Site` nor `Origin` and are not concerned.
"""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from helicarrier.api import problems
from helicarrier.api.access import COOKIE
from helicarrier.api.bodies import form_body
from helicarrier.api.headers import headers_of
from helicarrier.errors import ContractError, ErrorCode, Violation

COOKIE_SECONDS = 12 * 3600
"""A day's work; a token that is revoked or expires ends the log-in earlier."""

_FORM_LIMIT = 8 * 1024
_FIELD_LENGTH = 1_024
_SAFE = {"GET", "HEAD", "OPTIONS"}
_OUR_OWN = {b"same-origin", b"none"}


class OwnPagesOnly:
    """Refuses what a page of another site makes a browser send, unless it only reads."""

    def __init__(self, app: ASGIApp) -> None:
        """Args: app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or 403."""
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            headers = headers_of(scope)
            if not comes_from_us(
                headers.get(b"sec-fetch-site"), headers.get(b"origin"), headers.get(b"host", b"")
            ):
                refusal = problems.refuse(
                    403, ErrorCode.FORBIDDEN, "the request comes from a page of another site"
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def comes_from_us(site: bytes | None, origin: bytes | None, host: bytes) -> bool:
    """Whether a request is from our own pages or from no page at all.

    Args: the headers Sec-Fetch-Site, Origin (for browsers without the first) and Host.
    """
    if site is not None:
        return site in _OUR_OWN
    # A proxy may speak TLS for us, so the scheme of the origin is not compared.
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


async def fields_of_form(request: Request, names: Sequence[str]) -> dict[str, str]:
    """The fields of a form that a browser sent; each of `names` is there, once and not empty.

    Raises:
        ContractError: VALIDATION_ERROR.
        RequestRefused: UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE.
    """
    body = await form_body(request, limit=_FORM_LIMIT)
    try:
        given = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:  # also UnicodeDecodeError
        given = {}
    fields = {name: given.get(name, []) for name in names}
    wrong = [
        Violation(pointer=f"/{name}", code="REQUIRED", message="one value is required")
        for name, values in fields.items()
        if len(values) != 1 or not 0 < len(values[0].strip()) <= _FIELD_LENGTH
    ]
    if wrong:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the form is not complete", wrong)
    return {name: values[0].strip() for name, values in fields.items()}


def remember(response: Response, secret: str, *, secure: bool) -> None:
    """Give the browser the cookie; secure: it came over TLS and shall only go there."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def forget(response: Response, *, secure: bool) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="strict")
