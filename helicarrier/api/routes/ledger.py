"""The ledger over HTTP: sessions by any combination of filters, and one session with all it has."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from helicarrier.api import wire
from helicarrier.api.access import Requires
from helicarrier.api.parameters import (
    ONLY_KNOWN,
    From,
    Name,
    Text,
    To,
    day_after,
    midnight,
    require_order,
)
from helicarrier.api.service import service_of
from helicarrier.api.tokens import Principal, Scope
from helicarrier.errors import ErrorCode, RequestRefused
from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.repository import SessionFilter, SessionSort

PAGE_SIZE = 50
LARGEST_PAGE = 500
LAST_PAGE = 1_000_000
_LONGEST_KEY = 1000

router = APIRouter(prefix="/api/v3/ledger", tags=["ledger"], dependencies=[ONLY_KNOWN])

Read = Annotated[Principal, Depends(Requires(Scope.READ))]


@router.get("", response_model=None, responses=wire.responses(wire.LedgerAnswer))
def list_sessions(  # noqa: PLR0913 - the filters of the route
    request: Request,
    _: Read,
    *,
    agent: Text = None,
    status: Annotated[SessionStatus | None, Query()] = None,
    model: Text = None,
    first: From = None,
    last: To = None,
    q: Text = None,
    sort: Annotated[SessionSort, Query()] = SessionSort.NEWEST,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    page_size: Annotated[int, Query(alias="pageSize", ge=1, le=LARGEST_PAGE)] = PAGE_SIZE,
) -> Response:
    """Sessions that match every filter given; `q` searches titles and tasks, word by word."""
    require_order(first, last)
    wanted = SessionFilter(
        agent_id=agent,
        status=status,
        model_id=model,
        since=midnight(first) if first else None,
        until=midnight(day_after(last)) if last else None,
        search=q,
    )
    found = service_of(request).ledger.find(
        wanted, sort=sort, limit=page_size, offset=(page - 1) * page_size
    )
    return wire.answer(wire.ledger_answer(found, page=page, size=page_size))


@router.get("/{sessionId:path}", response_model=None, responses=wire.responses(wire.SessionAnswer))
def show_session(
    request: Request,
    _: Read,
    session_id: Annotated[Name, Path(alias="sessionId", max_length=_LONGEST_KEY)],
) -> Response:
    """One session with its usage, its calls and its events."""
    detail = service_of(request).ledger.get(session_id)
    if detail is None:
        raise RequestRefused(404, ErrorCode.NOT_FOUND, "there is no such session")
    return wire.answer(wire.session_answer(detail))
