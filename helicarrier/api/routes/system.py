"""V1: how the agents stand, and the service's own recent log.

The shapes are those that V1 clients read; they are frozen. `source` says where the answer comes
from, `gateway` whether the store is there and at the schema of this version.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from helicarrier import times
from helicarrier.api.access import Requires
from helicarrier.api.answers import Agent, AgentStatus, Gateway, Logs, SystemStatus, answer
from helicarrier.api.recent_log import EVENTS
from helicarrier.api.service import service_of
from helicarrier.api.tokens import Principal, Scope
from helicarrier.api.wire import responses
from helicarrier.errors import ErrorCode
from helicarrier.ledger.agents import AgentActivity, activity
from helicarrier.ledger.enums import SessionStatus

router = APIRouter(prefix="/api", tags=["system"])

_REACHED = {ErrorCode.MIGRATION_PENDING, ErrorCode.MIGRATION_FAILED, ErrorCode.SCHEMA_TOO_NEW}
"""Why a store that answers is not ready."""

Read = Annotated[Principal, Depends(Requires(Scope.READ))]
Store = Annotated[Principal, Depends(Requires(Scope.READ, database=True))]


@router.get("/system/status", response_model=None, responses=responses(SystemStatus))
async def system_status(request: Request, _: Store) -> Response:
    """How each agent stands by its newest session, and those that may be started."""
    service = service_of(request)
    found = await service.readiness()
    ready = found.ready
    known = await run_in_threadpool(activity, service.store) if ready else []
    agents = {one.agent_id: _agent(one) for one in known}
    for agent_id in sorted(service.settings.control_commands) if ready else ():
        agents.setdefault(
            agent_id, Agent(agent_id, agent_id, AgentStatus.UNKNOWN, "no session yet", None)
        )
    return answer(
        SystemStatus(
            generated_at=times.utc_text(service.clock()),
            source="ledger",
            gateway=Gateway(connected=ready or found.code in _REACHED, healthy=ready),
            agents=list(agents.values()),
        )
    )


@router.get("/logs", response_model=None, responses=responses(Logs))
async def recent_logs(
    request: Request, _: Read, limit: Annotated[int, Query(ge=1, le=EVENTS)] = EVENTS
) -> Response:
    """The newest events of the service, oldest first, without secrets."""
    service = service_of(request)
    return answer(Logs(service.recent.newest(limit)))


def _agent(one: AgentActivity) -> Agent:
    if one.running:
        status, reason = AgentStatus.RUNNING, f"sessions that are running: {one.running}"
    elif one.newest is SessionStatus.FAILED:
        status, reason = AgentStatus.FAILED, "the newest session failed"
    else:
        status, reason = AgentStatus.IDLE, f"the newest session is {one.newest.value}"
    at = times.utc_text(one.last_activity_at)
    return Agent(one.agent_id, one.label or one.agent_id, status, reason, at)
