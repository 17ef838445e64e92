"""Access: who asks, and may they; decided for each route by the scope that it declares.

A secret comes as `Authorization: Bearer`, as `x-secret-key` or in the cookie of a browser that
logged in. No secret is 401, one that does not reach is 403. Before the first token exists,
requests from this machine may read and send sessions, nobody may control, and nothing else is
listened to. What other sites make a browser send is refused before it gets here (`browser`).
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from helicarrier.api.backend import require_database
from helicarrier.api.headers import headers_of
from helicarrier.api.tokens import Authenticator, Principal, Scope
from helicarrier.errors import ErrorCode, RequestRefused

COOKIE = "helicarrier_session"
_BEARER = b"bearer "
_OPEN = Principal(name="loopback", scopes=frozenset({Scope.READ, Scope.INGEST}))


@dataclass(frozen=True, slots=True)
class Requires:
    """The dependency of a route: passes the principal, or refuses the request.

    `database`: the route needs the database and is refused while that is off.
    """

    scope: Scope
    database: bool = False

    async def __call__(self, request: Request) -> Principal:
        """The principal that the request acts for.

        Nearly always from memory, so a thread is only asked where the store has to be.

        Raises:
            RequestRefused: UNAUTHENTICATED, FORBIDDEN or DATABASE_DISABLED.
        """
        known: Authenticator = request.app.state.service.authenticator
        if known.is_fresh:
            principal = principal_of(request, known)
        else:
            principal = await run_in_threadpool(principal_of, request, known)
        if self.scope not in principal.scopes:
            raise RequestRefused(
                403, ErrorCode.FORBIDDEN, f"this needs a token with the scope {self.scope.value}"
            )
        if self.database:
            require_database(request.app.state.service.settings)
        return principal


READ = Depends(Requires(Scope.READ))
INGEST = Depends(Requires(Scope.INGEST))
CONTROL = Depends(Requires(Scope.CONTROL))


def principal_of(request: Request, known: Authenticator) -> Principal:
    """Who a request comes from.

    Raises:
        RequestRefused: UNAUTHENTICATED.
    """
    secret = _secret(request)
    if secret is not None:
        principal = known.recognise(secret)
        if principal is not None:
            return principal
    elif is_loopback(request) and known.anyone_may_ask():
        return _OPEN
    raise RequestRefused(401, ErrorCode.UNAUTHENTICATED, "this needs a valid token")


def is_loopback(request: Request) -> bool:
    """Whether the other end of the connection is this machine."""
    return request.client is not None and _is_of_this_machine(request.client.host)


@lru_cache(maxsize=1_000)
def _is_of_this_machine(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _secret(request: Request) -> str | None:
    headers = headers_of(request.scope)
    authorization = headers.get(b"authorization")
    if authorization is not None:
        scheme, secret = authorization[: len(_BEARER)], authorization[len(_BEARER) :]
        return _text(secret).strip() if scheme.lower() == _BEARER else ""
    secret_key = headers.get(b"x-secret-key")
    if secret_key is not None:
        return _text(secret_key)
    return request.cookies.get(COOKIE) if b"cookie" in headers else None


def _text(value: bytes) -> str:
    return value.decode("latin-1")
