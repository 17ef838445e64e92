"""Control as it goes over the wire: the bodies that are taken."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from helicarrier.control.commands import PROMPT_LENGTH
from helicarrier.ingest.strict_bodies import StrictBody

Id = Annotated[str, Field(min_length=1, max_length=256)]


class SpawnBody(StrictBody):
    """What to start, and with which prompt."""

    agent_id: Id
    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_LENGTH)]


class KillBody(StrictBody):
    """Which session's process to end."""

    session_id: Id


class ModelBody(StrictBody):
    """The provider and model that become the default of production."""

    provider: Id
    model: Id


def schemas(template: str) -> dict[str, object]:
    """Component name -> JSON Schema of the bodies. Args: template of references."""
    union = TypeAdapter(SpawnBody | KillBody | ModelBody)
    found: dict[str, object] = union.json_schema(ref_template=template)["$defs"]
    return found
