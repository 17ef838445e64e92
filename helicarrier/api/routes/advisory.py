"""Advice for a resume and a job posting: what holds now, or nothing.

An answer is guidance and says so. Nothing is computed by asking, and while advice is off, or its
tables are gone, there is none: 204.
"""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue

from helicarrier import times
from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.model import Signal
from helicarrier.advisory.reading import signals_of
from helicarrier.api.access import READ
from helicarrier.api.service import service_of

router = APIRouter(prefix="/api/v1", tags=["advisory"])


class SignalDocument(BaseModel):
    """One signal."""

    type: SignalType
    confidence: Annotated[float, Field(ge=0, le=1)]
    summary: str
    details: dict[str, JsonValue]
    model_version: str
    computed_at: datetime


class AdvisoryDocument(BaseModel):
    """What is advised; `advisory_only` is always true: it is guidance and never truth."""

    advisory_only: bool
    generated_at: datetime
    signals: list[SignalDocument]


@router.get(
    "/advisory",
    response_model=AdvisoryDocument,
    responses={204: {"description": "There is no advice."}},
    dependencies=[READ],
)
async def advisory(
    request: Request,
    resume_id: Annotated[UUID, Query(description="The resume.")],
    job_posting_id: Annotated[UUID, Query(description="The job posting.")],
) -> Response:
    """The signals of a pair that are active and have not expired, newest first."""
    service = service_of(request)
    now = service.clock()
    found = await asyncio.to_thread(
        signals_of, service.store, str(resume_id), str(job_posting_id), now=now
    )
    if not found:
        return Response(status_code=204)
    body = {
        "advisory_only": True,
        "generated_at": times.utc_text(now),
        "signals": [_document(signal) for signal in found],
    }
    return Response(msgspec.json.encode(body), media_type="application/json")


def _document(signal: Signal) -> dict[str, object]:
    return {
        "type": signal.kind.value,
        "confidence": float(signal.confidence),
        "summary": signal.summary,
        "details": dict(signal.details),
        "model_version": signal.model_version,
        "computed_at": times.utc_text(signal.computed_at),
    }
