"""Content as JSON for machines: camelCase names, times as canonical UTC text."""

from dataclasses import fields
from datetime import datetime

from helicarrier import times
from helicarrier.canonical import JSONValue
from helicarrier.lineage.content.model import Annotation, Document, StoredMessage

_FIRST = ("id", "doc_key", "version", "doc_type")


def document(stored: Document) -> dict[str, object]:
    """A version of a document, what identifies it first."""
    names = [field.name for field in fields(stored)]
    ordered = [*_FIRST, *(name for name in names if name not in _FIRST)]
    return {_camel(name): _wire(getattr(stored, name)) for name in ordered}


def version(stored: Document) -> dict[str, object]:
    """What tells a version from the others."""
    return {
        _camel(name): _wire(getattr(stored, name))
        for name in ("id", "version", "source_checksum", "created_at", "run_id")
    }


def annotation(stored: Annotation) -> dict[str, object]:
    """A remark."""
    return {_camel(field.name): _wire(getattr(stored, field.name)) for field in fields(stored)}


def message(stored: StoredMessage) -> dict[str, object]:
    """A message."""
    return {_camel(field.name): _wire(getattr(stored, field.name)) for field in fields(stored)}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _wire(value: object) -> JSONValue | object:
    match value:
        case datetime():
            return times.utc_text(value)
        case tuple():
            return list(value)
        case _:
            return value
