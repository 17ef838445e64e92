"""The contract of the service, as the service itself gives it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from helicarrier.api.access import Requires
from helicarrier.api.contract import openapi
from helicarrier.api.tokens import Principal, Scope

router = APIRouter(include_in_schema=False)

Read = Annotated[Principal, Depends(Requires(Scope.READ))]


@router.get("/openapi.json")
def show_openapi(request: Request, _: Read) -> Response:
    """The OpenAPI document."""
    return Response(msgspec.json.encode(openapi(request.app)), media_type="application/json")
