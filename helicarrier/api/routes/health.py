"""Health: alive, and ready or why not. Open to everybody who may connect; says nothing else."""

from fastapi import APIRouter, Request, Response

from helicarrier.api import problems
from helicarrier.api.service import service_of
from helicarrier.errors import ErrorCode

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, bool]:
    """200 while the process lives."""
    return {"ok": True}


@router.get("/readyz", response_model=dict[str, bool])
async def readyz(request: Request) -> Response | dict[str, bool]:
    """200 when the store is at the schema of this version; else 503 with a stable code."""
    service = service_of(request)
    found = await service.readiness()
    if found.ready:
        return {"ok": True}
    code = found.code or ErrorCode.STORAGE_UNAVAILABLE
    return problems.refuse(503, code, found.message)
