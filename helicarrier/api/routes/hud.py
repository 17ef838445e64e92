"""The pages: what a person sees of the ledger in a browser.

Each page fetches in a worker thread, from snapshots; a refusal becomes a page, and who is not known
is sent to log in. The style and the script are the service's own and may be kept for ever, since
their address changes with them.
"""

from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from helicarrier.alerts import operations
from helicarrier.api import problems
from helicarrier.api.access import COOKIE, Requires
from helicarrier.api.browser import fields_of_form
from helicarrier.api.handbook import operations as operations_of
from helicarrier.api.routes.alerts import writing_of
from helicarrier.api.service import service_of
from helicarrier.api.tokens import Principal, Scope
from helicarrier.errors import ErrorCode, HelicarrierError, InputRejected
from helicarrier.hud import pages
from helicarrier.hud.overview import PERIODS, overview
from helicarrier.hud.pages import Alerts, Frame, Search
from helicarrier.hud.paging import Window
from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.repository import SessionFilter, SessionSort
from helicarrier.lineage.explain import explain
from helicarrier.store.query import open_query

_RECENT = 10
_ROWS = 50
_CALLS = 200
_EVENTS = 100
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_UNKNOWN = 401
_MISSING = 404

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route whose refusals are pages for people."""

    def get_route_handler(self) -> _Handler:
        """The handler, with errors of the tree turned into pages."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except HelicarrierError as error:
                return _refusal(error)
            except RequestValidationError:
                return _refusal(
                    InputRejected(
                        "a value in the address is not one that this page takes",
                        code=ErrorCode.VALIDATION_ERROR,
                    )
                )

        return page


router = APIRouter(route_class=PageRoute, include_in_schema=False)

Read = Annotated[Principal, Depends(Requires(Scope.READ, database=True))]
Control = Annotated[Principal, Depends(Requires(Scope.CONTROL, database=True))]
Reader = Annotated[Principal, Depends(Requires(Scope.READ))]
Short = Annotated[str, Query(max_length=200)]
Key = Annotated[str, Query(max_length=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


@router.get("/")
def show_overview(
    request: Request,
    reader: Read,
    to: Annotated[date | None, Query()] = None,
    days: Annotated[int, Query(ge=1, le=366)] = PERIODS[1],
) -> Response:
    """A day, the days that end with it, and the newest sessions."""
    service = service_of(request)
    today = service.clock().date()
    with open_query(service.settings.url) as query:
        query.ready()
        shown = overview(query, day=to or today, days=days)
    alerts = Alerts(
        firing=operations.active(service.store, now=service.clock(), suppressed=True),
        rules_in_force=sum(rule.enabled for rule in service.backend.alerts.rules()),
    )
    recent = service.ledger.find(SessionFilter(), sort=SessionSort.NEWEST, limit=_RECENT, offset=0)
    page = pages.overview_page(_frame(request, reader), shown, alerts, recent, today=today)
    return HTMLResponse(page)


@router.get("/sessions")
def show_sessions(
    request: Request,
    reader: Read,
    *,
    q: Short = "",
    agent: Short = "",
    model: Short = "",
    status: str = "",
    sort: SessionSort = SessionSort.NEWEST,
    offset: Offset = 0,
) -> Response:
    """Sessions that match."""
    wanted = SessionFilter(
        search=q.strip() or None,
        agent_id=agent or None,
        model_id=model or None,
        status=_status(status),
    )
    found = service_of(request).ledger.find(wanted, sort=sort, limit=_ROWS, offset=offset)
    page = pages.sessions_page(
        _frame(request, reader),
        found,
        Search(text=q, agent=agent, model=model, status=status, sort=sort.value),
        Window(offset=offset, size=_ROWS, total=found.total),
        statuses=[status.value for status in SessionStatus],
        sorts=[sort.value for sort in SessionSort],
    )
    return HTMLResponse(page)


@router.get("/session")
def show_session(
    request: Request,
    reader: Read,
    key: Annotated[str, Query(alias="id", max_length=1000)],
    calls: Offset = 0,
    events: Offset = 0,
) -> Response:
    """One session with its calls and events."""
    detail = service_of(request).ledger.get(key)
    if detail is None:
        raise InputRejected("there is no such session", code=ErrorCode.NOT_FOUND)
    page = pages.session_page(
        _frame(request, reader),
        detail,
        Window(offset=calls, size=_CALLS, total=len(detail.calls)),
        Window(offset=events, size=_EVENTS, total=len(detail.events)),
    )
    return HTMLResponse(page)


@router.get("/why")
def show_why(
    request: Request,
    reader: Read,
    table: Short,
    key: Annotated[list[str], Query(max_length=8)],
    session: Key = "",
) -> Response:
    """Where a row comes from: its file and line, price, run, code and configuration."""
    node = explain(service_of(request).settings, table, key)
    return HTMLResponse(pages.why_page(_frame(request, reader), node, session_id=session or None))


@router.get("/docs")
def show_reference(request: Request, reader: Reader) -> Response:
    """The routes for programs: what each takes, answers and refuses."""
    return HTMLResponse(pages.reference_page(_frame(request, reader), operations_of(request.app)))


@router.post("/alerts/suppress")
async def suppress_alert(request: Request, who: Control) -> Response:
    """Silence a scope of a rule for some hours, then back to the overview."""
    fields = await fields_of_form(request, ["rule", "scope", "hours"])
    writing = writing_of(request)
    await run_in_threadpool(
        operations.suppress,
        service_of(request).store,
        fields["rule"],
        writing.now + timedelta(hours=_hours(fields["hours"])),
        writing,
        actor=who.name,
        scope_key=fields["scope"],
    )
    return RedirectResponse("/", status_code=303)


@router.post("/alerts/resolve")
async def resolve_alert(request: Request, who: Control) -> Response:
    """Call a scope of a rule well, then back to the overview."""
    fields = await fields_of_form(request, ["rule", "scope"])
    await run_in_threadpool(
        operations.resolve,
        service_of(request).store,
        fields["rule"],
        writing_of(request),
        actor=who.name,
        scope_key=fields["scope"],
    )
    return RedirectResponse("/", status_code=303)


@router.get("/login")
def show_login() -> Response:
    """The form that takes a token."""
    return HTMLResponse(pages.login_page())


@router.get("/static/hud.css")
def stylesheet() -> Response:
    """The style of every page."""
    return Response(pages.stylesheet(), media_type="text/css", headers=_FOR_EVER)


@router.get("/static/plots.js")
def script() -> Response:
    """The plotting library and what draws with it."""
    return Response(pages.script(), media_type="text/javascript", headers=_FOR_EVER)


def _frame(request: Request, reader: Principal) -> Frame:
    return Frame(
        reader=reader.name,
        may_control=Scope.CONTROL in reader.scopes,
        can_log_out=COOKIE in request.cookies,
    )


def _hours(text: str) -> int:
    if text not in pages.SUPPRESS_HOURS:
        raise InputRejected("that is no choice of hours", code=ErrorCode.VALIDATION_ERROR)
    return int(text)


def _status(text: str) -> SessionStatus | None:
    try:
        return SessionStatus(text) if text else None
    except ValueError:
        raise InputRejected("there is no such status", code=ErrorCode.VALIDATION_ERROR) from None


def _refusal(error: HelicarrierError) -> Response:
    document = problems.problem_of(error)
    status = _MISSING if error.code is ErrorCode.NOT_FOUND else document.status
    if status == _UNKNOWN:
        return RedirectResponse("/login", status_code=303)
    page = pages.problem_page(
        status=status, title=problems.phrase(status), detail=document.detail.capitalize()
    )
    return HTMLResponse(page, status_code=status)
