"""The routes as people read them, taken from the OpenAPI document and the scopes they declare.

The page `/docs` of a service and the reference of the documentation both show these, so what is
read there is what the routes are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from helicarrier.api.access import Requires
from helicarrier.api.contract import openapi

_REFUSED = "400"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What a route takes in its address; `value` in a few words."""

    name: str
    place: str
    required: bool
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of an address.

    `scope` is None where no token is asked for. `bodies` are pairs of media type and shape,
    `answers` of status and shape; `refusals` are statuses.
    """

    method: str
    path: str
    description: str
    scope: str | None
    parameters: Sequence[Parameter]
    bodies: Sequence[tuple[str, str]]
    answers: Sequence[tuple[str, str]]
    refusals: Sequence[str]


def operations(app: FastAPI) -> list[Operation]:
    """Every documented route, in the order of the document."""
    scopes = {
        (route.path_format, method): below.call.scope.value
        for route in _routes(app)
        for method in route.methods or ()
        for below in route.dependant.dependencies
        if isinstance(below.call, Requires)
    }
    return [
        _operation(path, method.upper(), operation, scopes.get((path, method.upper())))
        for path, operations in openapi(app)["paths"].items()
        for method, operation in operations.items()
    ]


def _operation(
    path: str, method: str, operation: Mapping[str, Any], scope: str | None
) -> Operation:
    responses = sorted(operation["responses"].items())
    return Operation(
        method=method,
        path=path,
        description=operation["description"],
        scope=scope,
        parameters=[
            Parameter(
                name=one["name"],
                place=one["in"],
                required=one["required"],
                value=_shape(one["schema"]),
            )
            for one in operation.get("parameters", ())
        ],
        bodies=[
            (media, _shape(body["schema"]))
            for media, body in operation.get("requestBody", {}).get("content", {}).items()
        ],
        answers=[(status, _answer(told)) for status, told in responses if status < _REFUSED],
        refusals=[status for status, _ in responses if status >= _REFUSED],
    )


def _routes(app: FastAPI) -> Iterator[APIRoute]:
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        for one in [route] if inner is None else inner.routes:
            if isinstance(one, APIRoute):
                yield one


def _answer(told: Mapping[str, Any]) -> str:
    return ", ".join(_shape(one["schema"]) for one in told.get("content", {}).values()) or "no body"


def _shape(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, names between backticks."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_shape(one) for one in choices if one != {"type": "null"})
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_shape(schema['items'])}"
    return str(schema.get("format", schema.get("type", "any value")))
