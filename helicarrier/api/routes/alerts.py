"""Alerts: what fires, the rules, and what an operator does about them.

Reading needs the scope `read`, changing `control`. Every change is one transaction with its line in
the audit log; who did it is the token's name.
"""

import asyncio
import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from helicarrier.alerts import wire
from helicarrier.alerts.steps import Writing
from helicarrier.api import documents
from helicarrier.api.access import Requires
from helicarrier.api.answers import (
    ActiveAnswer,
    ResolvedAnswer,
    RuleAnswer,
    RulesAnswer,
    SuppressedAnswer,
    answer,
)
from helicarrier.api.bodies import json_body
from helicarrier.api.service import service_of
from helicarrier.api.tokens import Principal, Scope
from helicarrier.api.wire import responses
from helicarrier.ingest.strict_bodies import read
from helicarrier.notify.dispatcher import channels_of

router = APIRouter(prefix="/api/v3/alerts", tags=["alerts"])

Read = Annotated[Principal, Depends(Requires(Scope.READ))]
Control = Annotated[Principal, Depends(Requires(Scope.CONTROL))]
_CREATED = 201


@router.get("/active", response_model=None, responses=responses(ActiveAnswer))
def active(request: Request, _: Read, *, suppressed: Annotated[bool, Query()] = False) -> Response:
    """What fires under rules in force, the worst first; with `suppressed` also what is silenced."""
    service = service_of(request)
    found = service.backend.alerts.active(now=service.clock(), suppressed=suppressed)
    return answer(ActiveAnswer(rows=[wire.active_json(alert) for alert in found]))


@router.get("/rules", response_model=None, responses=responses(RulesAnswer))
def rules(request: Request, _: Read) -> Response:
    """All rules, by id."""
    found = service_of(request).backend.alerts.rules()
    return answer(RulesAnswer(rows=[wire.rule_json(rule) for rule in found]))


@router.post(
    "/rules",
    response_model=None,
    status_code=_CREATED,
    responses=responses(RuleAnswer, _CREATED),
    openapi_extra=documents.body_of("RuleBody"),
)
async def create_rule(request: Request, who: Control) -> Response:
    """Make a rule; an id that is taken is a conflict."""
    service = service_of(request)
    service.require_writer()
    body = read(await json_body(request), wire.RuleBody)
    rule = body.rule(str(uuid.uuid4()), service.clock())
    await asyncio.to_thread(
        service.backend.alerts.create_rule, rule, actor=who.name, now=rule.created_at
    )
    return answer(RuleAnswer(ok=True, rule=wire.rule_json(rule)), _CREATED)


@router.patch(
    "/rules/{ruleId}",
    response_model=None,
    responses=responses(RuleAnswer),
    openapi_extra=documents.body_of("RuleChangeBody"),
)
async def change_rule(
    request: Request,
    who: Control,
    rule_id: Annotated[str, Path(alias="ruleId", pattern=wire.RULE_ID)],
) -> Response:
    """Change a rule; what is absent stays."""
    service, writing = service_of(request), writing_of(request)
    change = read(await json_body(request), wire.RuleChangeBody).change()
    rule = await asyncio.to_thread(
        service.backend.alerts.change_rule, rule_id, change, writing, actor=who.name
    )
    return answer(RuleAnswer(ok=True, rule=wire.rule_json(rule)))


@router.post(
    "/rules/{ruleId}/suppress",
    response_model=None,
    responses=responses(SuppressedAnswer),
    openapi_extra=documents.body_of("SuppressBody"),
)
async def suppress(
    request: Request,
    who: Control,
    rule_id: Annotated[str, Path(alias="ruleId", pattern=wire.RULE_ID)],
) -> Response:
    """Silence a rule, or one scope of it, until a time."""
    service, writing = service_of(request), writing_of(request)
    body = read(await json_body(request), wire.SuppressBody)
    until = body.end_after(writing.now)
    await asyncio.to_thread(
        service.backend.alerts.suppress,
        rule_id,
        until,
        writing,
        actor=who.name,
        scope_key=body.scope_key,
    )
    return answer(
        SuppressedAnswer(ok=True, rule_id=rule_id, suppressed_until=wire.time_text(until))
    )


@router.post(
    "/rules/{ruleId}/resolve",
    response_model=None,
    responses=responses(ResolvedAnswer),
    openapi_extra=documents.body_of("ResolveBody"),
)
async def resolve(
    request: Request,
    who: Control,
    rule_id: Annotated[str, Path(alias="ruleId", pattern=wire.RULE_ID)],
) -> Response:
    """Call what fires under a rule well; a later evaluation may find otherwise."""
    service, writing = service_of(request), writing_of(request)
    body = read(await json_body(request), wire.ResolveBody)
    done = await asyncio.to_thread(
        service.backend.alerts.resolve,
        rule_id,
        writing,
        actor=who.name,
        scope_key=body.scope_key,
    )
    return answer(
        ResolvedAnswer(ok=True, rule_id=rule_id, resolved=[one.scope_key for one in done])
    )


def writing_of(request: Request) -> Writing:
    """What the rows of a request carry: the run of the service, and now."""
    service = service_of(request)
    return Writing(
        run_id=service.require_run(),
        now=service.clock(),
        new_id=lambda: str(uuid.uuid4()),
        channels=channels_of(service.settings),
    )
