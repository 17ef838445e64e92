"""Strict bodies: small JSON requests as models, with every reason why one is refused.

The bytes pass the one strict parse first, so that duplicate keys, NaN, surrogates and the like are
refused alike everywhere; then a model that coerces nothing and knows no other fields.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError, ErrorCode
from helicarrier.ingest.violations import violations_of


class StrictBody(BaseModel):
    """A body; wire names are camelCase."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


BodyT = TypeVar("BodyT", bound=StrictBody)


def read(body: bytes, model: type[BodyT]) -> BodyT:
    """The bytes of a body as its model.

    Raises:
        ContractError: VALIDATION_ERROR with every reason.
    """
    strict_parse(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ContractError(
            ErrorCode.VALIDATION_ERROR,
            "the body does not satisfy its contract",
            violations_of(error),
        ) from None
