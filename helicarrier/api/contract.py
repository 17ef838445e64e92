"""The OpenAPI document: what the framework says of the routes, and what holds for all of them.

Every refusal has the one schema `Problem`, which routes may answer with which status follows from
what they are (have they a body, a scope, a name in their path?), and links lead from an answer to
the requests that go on from it. So nothing is written twice, and no route can forget a part.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from helicarrier.api import access, answers, documents, problems, receipts, wire

_SCHEMAS = "#/components/schemas/{name}"
_OF_FRAMEWORK = ("HTTPValidationError", "ValidationError")
_OPEN = ("/healthz", "/readyz")
_CONTRACT = "/api/v3/ingest/"
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "secretKey": {"type": "apiKey", "in": "header", "name": "x-secret-key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": access.COOKIE},
}
_ANSWERS = (
    problems.Problem,
    receipts.Accepted,
    receipts.BatchAnswer,
    answers.ActiveAnswer,
    answers.RulesAnswer,
    answers.RuleAnswer,
    answers.SuppressedAnswer,
    answers.ResolvedAnswer,
    answers.SystemStatus,
    answers.Logs,
    answers.Spawned,
    answers.Killed,
    answers.Changed,
)
_SESSION = {"sessionId": "$response.body#/sessionId"}
_RULE = {"ruleId": "$response.body#/rule/ruleId"}
_FIRST_RULE = {"ruleId": "$response.body#/rows/0/ruleId"}
_LINKS: Mapping[tuple[str, str], Mapping[str, Mapping[str, str]]] = {
    ("ingest_session", "200"): {"show_session": _SESSION},
    ("ingest_sessions", "200"): {
        "show_session": {"sessionId": "$response.body#/results/0/sessionId"}
    },
    ("list_sessions", "200"): {"show_session": {"sessionId": "$response.body#/rows/0/sessionId"}},
    ("show_session", "200"): {"list_sessions": {"agent": "$response.body#/ledger/agentId"}},
    ("show_performance", "200"): {"list_sessions": {"model": "$response.body#/rows/0/modelId"}},
    ("spawn", "200"): {"show_session": _SESSION},
    ("create_rule", "201"): dict.fromkeys(("change_rule", "suppress", "resolve"), _RULE),
    ("rules", "200"): dict.fromkeys(("change_rule", "suppress", "resolve"), _FIRST_RULE),
    ("active", "200"): dict.fromkeys(("suppress", "resolve"), _FIRST_RULE),
}


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _OF_FRAMEWORK:
        schemas.pop(name, None)
    _, own = msgspec.json.schema_components(_ANSWERS, ref_template=_SCHEMAS)
    schemas |= documents.body_schemas() | wire.schemas() | own
    components["securitySchemes"] = _SECURITY
    components["responses"] = {
        _name(status): _refusal(status) for status in (400, 401, 403, 404, 409, 413, 415, 422, 429)
    } | {_name(status): _refusal(status) for status in (500, 503)}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if path not in _OPEN:
        operation["security"] = [{name: []} for name in _SECURITY]
    responses.pop("422", None)
    for status in _refusals(path, operation):
        responses[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    for status, response in responses.items():
        links = _LINKS.get((operation["operationId"], status))
        if links:
            response["links"] = {
                name: {"operationId": name, "parameters": dict(parameters)}
                for name, parameters in links.items()
            }


def _refusals(path: str, operation: Mapping[str, Any]) -> Iterator[int]:
    """The statuses that an operation may refuse with."""
    yield from (400, 429, 500, 503)
    if path not in _OPEN:
        yield from (401, 403)
    if "requestBody" in operation:
        yield from (403, 409, 413, 415)
    if path.startswith(_CONTRACT):
        yield 422
    if "{" in path:
        yield 404


def _name(status: int) -> str:
    return problems.phrase(status).replace(" ", "")


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": _SCHEMAS.format(name="Problem")}
    return {
        "description": problems.phrase(status),
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
    }
