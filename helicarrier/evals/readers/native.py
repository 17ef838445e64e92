"""Eval records as JSON Lines: one record a line, exactly the fields that are known.

A missing outcome, a value of another type, a negative latency, an unknown field, an id that was
there before and a line that is not JSON are problems of that line.
"""

import re
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import msgspec

from helicarrier.canonical import MAX_INTEGER, strict_parse
from helicarrier.errors import ContractError
from helicarrier.evals.enums import ALL, RouteStrategy, SliceKey
from helicarrier.evals.model import EvalRecord
from helicarrier.evals.readers.base import Gathering, shown

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Latency = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
_START = re.compile(rb"\s*(\{|$)")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TAKEN = {ALL, *(key.value for key in SliceKey)}


class _Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    record_id: Text
    schema_valid: bool
    patch_apply_success: bool
    edited_after_generate: bool
    published_within_7d: bool
    safety_html_tailwind_compliant: bool
    fallback_used: bool | None = None
    latency_ms: Latency | None = None
    requested_provider: Text | None = None
    selected_provider: Text | None = None
    route_strategy: RouteStrategy | None = None
    request_id: UUID | None = None
    tenant_id: Text | None = None
    route_id: Text | None = None
    model_id: Text | None = None
    model_version_id: Text | None = None
    item_id: Text | None = None
    slices: dict[str, Text] = {}


class NativeReader:
    """The project's own eval records."""

    name = "records"

    def recognises(self, start: bytes) -> bool:
        """Objects, or nothing at all; asked last."""
        return _START.match(start) is not None

    def read(self, body: bytes, outcomes: Mapping[str, str]) -> list[EvalRecord]:
        """See `Reader.read`; the outcomes have their own fields here."""
        found = Gathering()
        lines = body.split(b"\n")
        if not lines[-1]:
            lines.pop()  # what follows the last line's end is no line
        for number, line in enumerate(lines, start=1):
            place = f"line {number}"
            try:
                found.add(record_of(line), number, place)
            except ValueError as error:
                found.wrong(number, place, str(error))
        return found.done()


def record_of(line: bytes) -> EvalRecord:
    """One line as a record.

    Raises:
        ValueError: what is wrong with it.
    """
    if not line.strip():
        raise ValueError("the line is empty")
    try:
        parsed = strict_parse(line).value
    except ContractError as error:
        raise ValueError(error.violations[0].message) from None
    try:
        fields = msgspec.convert(parsed, _Line)
    except msgspec.ValidationError as error:
        raise ValueError(_reason(str(error))) from None
    for name in fields.slices:
        if not _LABEL.fullmatch(name) or name in _TAKEN:
            raise ValueError("a slice label is not a new name in lower case")
    values = msgspec.structs.asdict(fields)
    values["request_id"] = None if fields.request_id is None else str(fields.request_id)
    return EvalRecord(**values)


_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_AT = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`", re.DOTALL)


def _reason(message: str) -> str:
    """Msgspec's words with the field first; values are not repeated."""
    if unknown := _UNKNOWN.match(message):
        return f"there is no field {shown(unknown[1])}"
    if missing := _MISSING.match(message):
        return f"{missing[1]} is missing"
    if (at := _AT.match(message)) and at[2]:
        field = at[2].partition("[")[0]
        what = "the value is not one of those allowed" if "Invalid enum" in at[1] else at[1]
        return f"{field}: {what[0].lower()}{what[1:]}"
    return "the line is not an object"
