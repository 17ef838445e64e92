"""What OpenAPI says of bodies that the routes read as bytes: the contract's own JSON Schema."""

from collections.abc import Mapping

from pydantic import TypeAdapter

from helicarrier.alerts import wire as alerts
from helicarrier.control import wire as control
from helicarrier.ingest.bodies import BATCH_LIMIT
from helicarrier.ingest.envelope_models import EnvelopeV1, EnvelopeV2

_SCHEMAS = "#/components/schemas/"
_V1, _V2 = {"$ref": f"{_SCHEMAS}EnvelopeV1"}, {"$ref": f"{_SCHEMAS}EnvelopeV2"}
_ENVELOPE = {
    "oneOf": [_V1, _V2],
    "discriminator": {
        "propertyName": "envelope_version",
        "mapping": {"v1": _V1["$ref"], "v2": _V2["$ref"]},
    },
}


def _body(schema: Mapping[str, object]) -> dict[str, object]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def form(field: str) -> dict[str, object]:
    """The body of a form with one required text field."""
    schema = {"type": "object", "properties": {field: {"type": "string"}}, "required": [field]}
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def body_of(component: str) -> dict[str, object]:
    """A JSON body that one of the components describes."""
    return _body({"$ref": _SCHEMAS + component})


INGEST_SESSION = _body(_ENVELOPE)
INGEST_SESSIONS = _body(
    {"type": "array", "items": _ENVELOPE, "minItems": 1, "maxItems": BATCH_LIMIT}
)


def body_schemas() -> dict[str, object]:
    """Component name -> JSON Schema of the envelopes and the other bodies, and of their parts."""
    schema = TypeAdapter(EnvelopeV1 | EnvelopeV2).json_schema(
        ref_template=_SCHEMAS + "{model}", mode="validation"
    )
    found: dict[str, object] = schema["$defs"]
    template = _SCHEMAS + "{model}"
    return found | alerts.schemas(template) | control.schemas(template)
