"""Middleware: what holds for every request, as plain ASGI.

Which names the service answers to (so that no page elsewhere can reach it by rebinding a name),
how many requests one client may send, and the headers that keep a browser from guessing.
"""

import hashlib
import time
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helicarrier.api import problems
from helicarrier.errors import ErrorCode

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", _POLICY.encode()),
]
_NOT_CACHED = (b"cache-control", b"no-store")
_CLIENTS = 10_000
_SECRET_HEADERS = (b"authorization", b"x-secret-key", b"cookie")


class HostAllowList:
    """Answers only to the names it is known by."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        """Args: app; hosts, names or addresses without a port."""
        self._app = app
        self._hosts = {host.strip().lower().encode() for host in hosts if host.strip()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or 400."""
        if scope["type"] == "http" and self._name(scope) not in self._hosts:
            refusal = problems.refuse(
                400, ErrorCode.VALIDATION_ERROR, "the service is not known by this host name"
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    @staticmethod
    def _name(scope: Scope) -> bytes:
        host: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
        name, colon, port = host.lower().rpartition(b":")
        return name if colon and port.isdigit() else host.lower()


class SecurityHeaders:
    """Adds the headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Args: app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the answer gets the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                headers += _SECURITY
                if all(name != b"cache-control" for name, _ in headers):
                    headers.append(_NOT_CACHED)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, sent)


class RateLimit:
    """A bucket of tokens for each client: its secret, or its address where it has none."""

    def __init__(
        self, app: ASGIApp, *, limit: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args: app; limit, requests a second and in one burst; clock in seconds."""
        self._app = app
        self._limit = limit
        self._clock = clock
        self._buckets: dict[bytes, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or 429."""
        if scope["type"] == "http" and not self._admits(_client(scope)):
            refusal = problems.refuse(429, ErrorCode.RATE_LIMITED, "too many requests")
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admits(self, client: bytes) -> bool:
        now = self._clock()
        left, at = self._buckets.pop(client, (float(self._limit), now))
        left = min(float(self._limit), left + max(0.0, now - at) * self._limit)
        admitted = left >= 1.0
        self._buckets[client] = (left - admitted, now)
        if len(self._buckets) > _CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        return admitted


def _client(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name in _SECRET_HEADERS:
            return hashlib.sha256(value).digest()
    client = scope.get("client")
    return str(client[0]).encode() if client else b""
