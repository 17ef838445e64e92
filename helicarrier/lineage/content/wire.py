"""The strict contracts of content at the boundary: front matter, message lines, annotation lines.

Nothing is coerced and nothing unknown is let through. What a type of document must have is not
said here a second time: it is read from the rules of the table.
"""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from helicarrier import times
from helicarrier.canonical import JSONValue
from helicarrier.errors import ContractError, ErrorCode, Violation
from helicarrier.governance.contract import RequiredFor
from helicarrier.ingest.envelope_models import Id, LongText, ShortText, Time
from helicarrier.ingest.violations import violations_of
from helicarrier.lineage.content.enums import DocStatus, DocType, MediaType
from helicarrier.lineage.content.tables import DOCUMENTS


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise PydanticCustomError("uuid_invalid", "expected a UUID") from None


Filled = Annotated[str, Field(min_length=1, max_length=2_000)]
Words = Annotated[list[Id], Field(max_length=1_000)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=256)]
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._/-]*$", max_length=256)]
MimeType = Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=256)]
Uuid = Annotated[str, AfterValidator(_uuid)]
Lax = Field(strict=False)  # a StrEnum from its text


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FrontMatter(_Strict):
    """What stands before the text of a document; every scalar is the text that was written."""

    type: Annotated[DocType, Lax]
    key: Key | None = None
    title: Filled | None = None
    slug: Slug | None = None
    summary: ShortText | None = None
    status: Annotated[DocStatus | None, Lax] = None
    subject_uuid: Uuid | None = None
    window_start: Time | None = None
    window_end: Time | None = None
    filename: Id | None = None
    mime_type: MimeType | None = None
    media_type: Annotated[MediaType | None, Lax] = None
    authors: Words = []
    tags: Words = []
    created_at: Time | None = None
    extensions: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _window_in_order(self) -> Self:
        if self.window_start and self.window_end and self.window_end < self.window_start:
            raise PydanticCustomError("window_order", "the window ends before it starts")
        return self


class MessageLine(_Strict):
    """One line of a file of messages."""

    event_id: Id
    tenant_id: Id
    source: Id
    thread_id: Id
    msg_id: Id
    ts: Time
    author_raw: ShortText
    author_uuid: Uuid | None = None
    text: LongText | None = None
    media_url: ShortText | None = None
    media_type: Annotated[MediaType | None, Lax] = None
    attrs: dict[str, JsonValue] = {}
    pii_flags: Words = []


class AnnotationLine(_Strict):
    """One line of a file of annotations; `parent` is the key or the id of a document."""

    parent: Id
    author_id: Id
    content: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    created_at: Time | None = None


def front_matter(value: JSONValue) -> FrontMatter:
    """A parsed front matter -> its contract.

    Raises:
        ContractError: VALIDATION_ERROR with every violation, those of its type included.
    """
    try:
        found = FrontMatter.model_validate(value)
    except ValidationError as error:
        raise refused("front matter", violations_of(error)) from None
    missing = [
        Violation(pointer=f"/{name}", code="REQUIRED", message=f"a {found.type.value} needs it")
        for rule in DOCUMENTS.rules
        if isinstance(rule, RequiredFor) and rule.value == found.type.value
        for name in rule.others
        if getattr(found, name) is None
    ]
    if missing:
        raise refused("front matter", missing)
    return found


def line(value: JSONValue) -> MessageLine | AnnotationLine:
    """A parsed line -> a message, or an annotation where it names a `parent`.

    Raises:
        ContractError: VALIDATION_ERROR with every violation.
    """
    model = AnnotationLine if isinstance(value, dict) and "parent" in value else MessageLine
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refused("line", violations_of(error)) from None


def refused(what: str, violations: list[Violation]) -> ContractError:
    """The refusal of a record that breaks its contract."""
    return ContractError(
        ErrorCode.VALIDATION_ERROR, f"the {what} does not satisfy its contract", violations
    )


def instant(text: str | None) -> datetime | None:
    """A canonical time of the contract as a datetime."""
    return None if text is None else times.parse(text)
