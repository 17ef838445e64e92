"""The application: routes, middleware and errors, put together.

`create_app` opens nothing; the lifespan starts and stops the service. Every error leaves as one
problem document, also those that the framework finds itself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from helicarrier import __version__
from helicarrier.api import problems
from helicarrier.api.browser import OwnPagesOnly
from helicarrier.api.middleware import HostAllowList, RateLimit, SecurityHeaders
from helicarrier.api.routes import (
    advisory,
    alerts,
    analytics,
    control,
    health,
    hud,
    ingest,
    ledger,
    login,
    reference,
    system,
)
from helicarrier.api.service import Service
from helicarrier.api.short_way import ShortWay
from helicarrier.errors import ErrorCode, HelicarrierError, Violation
from helicarrier.settings import Settings

_ROUTERS = (
    health.router,
    ingest.router,
    ledger.router,
    analytics.router,
    alerts.router,
    advisory.router,
    hud.router,
    login.router,
    system.router,
    control.router,
    reference.router,
)
_CODES = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}


class Application(FastAPI):
    """The framework's application behind what holds for every request, errors included."""

    def __init__(self, settings: Settings) -> None:
        """Args: settings; its service is made and not yet started."""
        service = Service(settings)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await service.start()
            try:
                yield
            finally:
                await service.stop()

        super().__init__(
            title="Helicarrier",
            version=__version__,
            lifespan=lifespan,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            generate_unique_id_function=lambda route: route.name,
        )
        self.state.service = service
        guarded: ASGIApp = ShortWay(super().__call__, routes=ingest.DIRECT)
        guarded = OwnPagesOnly(guarded)
        guarded = RateLimit(guarded, limit=settings.rate_limit)
        guarded = SecurityHeaders(guarded)
        self._guarded = HostAllowList(guarded, hosts=settings.allowed_hosts.split(","))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the outermost guard first."""
        scope["app"] = self
        await self._guarded(scope, receive, send)


def create_app(settings: Settings) -> Application:
    """The ASGI application for these settings."""
    app = Application(settings)
    for router in _ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HelicarrierError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_defect)
    return app


async def _on_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HelicarrierError)  # noqa: S101 - registered for this type alone
    return problems.response_to(error)


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    found = [
        Violation(
            pointer="/" + "/".join(map(str, detail["loc"])),
            code="INVALID_VALUE",
            message="the value is not one that the route takes",
        )
        for detail in error.errors()
    ]
    return problems.response(
        problems.problem(400, ErrorCode.VALIDATION_ERROR, "the request is not valid", found)
    )


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    code = _CODES.get(error.status_code, ErrorCode.VALIDATION_ERROR)
    headers = dict(error.headers or {})
    if code is ErrorCode.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return problems.response(problems.problem(error.status_code, code, error.detail), headers)


def _allowed(request: Request) -> list[str]:
    """The methods of every route at the address of the request, not of the first one alone."""
    routes = [one for router in _ROUTERS for one in router.routes if isinstance(one, APIRoute)]
    matching = [one for one in routes if one.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for one in matching for method in one.methods or ()})


async def _on_defect(_: Request, error: Exception) -> Response:
    return problems.defect(error)
