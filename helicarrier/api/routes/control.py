"""V2 control: start an agent, end it, change the default model.

Nothing of a request becomes part of a command but the prompt, and nothing of it is repeated in an
answer. While no agent is configured every route is 403 CONTROL_DISABLED.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from helicarrier.api import documents
from helicarrier.api.access import Requires
from helicarrier.api.answers import Changed, Killed, Spawned, answer
from helicarrier.api.bodies import json_body
from helicarrier.api.service import Service, service_of
from helicarrier.api.tokens import Principal, Scope
from helicarrier.api.wire import responses
from helicarrier.control.wire import KillBody, ModelBody, SpawnBody
from helicarrier.errors import ErrorCode, RequestRefused, UsageError
from helicarrier.evals.enums import EvalEnvironment
from helicarrier.evals.routing.repository import SqlRoutingRepository
from helicarrier.ingest.strict_bodies import read

router = APIRouter(prefix="/api/control", tags=["control"])

_LIMIT = 256 * 1024

Control = Annotated[Principal, Depends(Requires(Scope.CONTROL, database=True))]


@router.post(
    "/spawn",
    response_model=None,
    responses=responses(Spawned),
    openapi_extra=documents.body_of("SpawnBody"),
)
async def spawn(request: Request, asker: Control) -> Response:
    """Start an agent of the allow-list; its session is in the ledger."""
    control = service_of(request).require_control()
    wanted = read(await json_body(request, limit=_LIMIT), SpawnBody)
    done = await run_in_threadpool(control.spawn, wanted.agent_id, wanted.prompt, actor=asker.name)
    return answer(Spawned(ok=True, session_id=done.session_id, output=done.output))


@router.post(
    "/kill",
    response_model=None,
    responses=responses(Killed),
    openapi_extra=documents.body_of("KillBody"),
)
async def kill(request: Request, asker: Control) -> Response:
    """End the process of a session and its whole group; it is gone when the answer comes."""
    control = service_of(request).require_control()
    wanted = read(await json_body(request, limit=_LIMIT), KillBody)
    await run_in_threadpool(control.kill, wanted.session_id, actor=asker.name)
    return answer(Killed(ok=True, session_id=wanted.session_id))


@router.post(
    "/model",
    response_model=None,
    responses=responses(Changed),
    openapi_extra=documents.body_of("ModelBody"),
)
async def model(request: Request, asker: Control) -> Response:
    """Make an enabled provider the default of production, with this model."""
    service = service_of(request)
    service.require_control()
    wanted = read(await json_body(request, limit=_LIMIT), ModelBody)
    await run_in_threadpool(_change_model, service, wanted, asker.name)
    return answer(Changed(ok=True, provider=wanted.provider, model=wanted.model))


def _change_model(service: Service, wanted: ModelBody, actor: str) -> None:
    repository = SqlRoutingRepository(service.store)
    with service.require_control().asked("control.model", EvalEnvironment.PROD, actor=actor):
        try:
            repository.make_default(
                wanted.provider,
                EvalEnvironment.PROD,
                actor=actor,
                now=service.clock(),
                model=wanted.model,
            )
        except UsageError:
            raise RequestRefused(
                404, ErrorCode.NOT_FOUND, "there is no such enabled provider"
            ) from None
