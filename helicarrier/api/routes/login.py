"""Log-in and log-out of browsers. Open to everybody who may connect: the token is what is shown."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from helicarrier.api import browser, documents
from helicarrier.api.problems import CHALLENGE
from helicarrier.api.service import service_of
from helicarrier.errors import ErrorCode, RequestRefused
from helicarrier.hud import pages

router = APIRouter(tags=["browser"], include_in_schema=False)

HOME = "/"
"""Where a log-in leads; no address is taken from the request."""


@router.post("/login", response_model=None, status_code=303, openapi_extra=documents.form("token"))
async def login(request: Request) -> Response:
    """The form field `token` for a cookie; 303 to the first page, 401 when it opens nothing."""
    service = service_of(request)
    secret = (await browser.fields_of_form(request, ["token"]))["token"]
    if await run_in_threadpool(service.authenticator.recognise, secret) is None:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(pages.login_page(failed=True), status_code=401, headers=CHALLENGE)
        raise RequestRefused(401, ErrorCode.UNAUTHENTICATED, "this needs a valid token")
    answer = RedirectResponse(HOME, status_code=303)
    browser.remember(answer, secret, secure=request.url.scheme == "https")
    return answer


@router.post("/logout", response_model=None, status_code=303)
async def logout(request: Request) -> Response:
    """The browser forgets the cookie; the token stays valid until it is revoked."""
    answer = RedirectResponse(HOME, status_code=303)
    browser.forget(answer, secure=request.url.scheme == "https")
    return answer
