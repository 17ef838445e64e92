"""Rows of the tables of content to values and back.

Instants come out of DuckDB as aware times of its session's zone, which is UTC; lists and objects
are canonical JSON texts, so equal content has equal bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from helicarrier.canonical import JSONValue, canonical_bytes
from helicarrier.lineage.content.enums import DocStatus, DocType, MediaType, ParentType
from helicarrier.lineage.content.model import Annotation, Document, StoredMessage

Row = Sequence[Any]
"""A row as DuckDB gives it, in the order of its table's contract."""
_T = TypeVar("_T", Document, StoredMessage, Annotation)

_ENUMS = {
    "doc_type": DocType,
    "status": DocStatus,
    "media_type": MediaType,
    "parent_type": ParentType,
}
_LISTS = {"authors", "tags", "pii_flags"}
_OBJECTS = {"extensions", "attrs"}


def values_of(stored: Document | StoredMessage | Annotation) -> dict[str, object]:
    """A stored value -> column name -> what the column holds."""
    return {field.name: _cell(getattr(stored, field.name)) for field in fields(stored)}


def document_of(row: Row, columns: Sequence[str]) -> Document:
    """A row of `documents`."""
    return _read(Document, row, columns)


def message_of(row: Row, columns: Sequence[str]) -> StoredMessage:
    """A row of `messages`."""
    return _read(StoredMessage, row, columns)


def annotation_of(row: Row, columns: Sequence[str]) -> Annotation:
    """A row of `annotations`."""
    return _read(Annotation, row, columns)


def json_text(value: JSONValue) -> str:
    """The canonical form of a JSON value."""
    return canonical_bytes(value).decode()


def _read(kind: type[_T], row: Row, columns: Sequence[str]) -> _T:
    cells = zip(columns, row, strict=True)
    return kind(**{name: _value(name, cell) for name, cell in cells})


def _value(name: str, cell: Any) -> Any:  # noqa: ANN401 - a cell of any column
    if cell is None:
        return None
    if name in _ENUMS:
        return _ENUMS[name](cell)
    if name in _LISTS:
        return tuple(json.loads(cell))
    if name in _OBJECTS:
        return json.loads(cell)
    return cell.astimezone(UTC) if isinstance(cell, datetime) else cell


def _cell(value: object) -> object:
    match value:
        case tuple():
            return json_text(list(value))
        case Mapping():
            return json_text(dict(value))
        case _:
            return value
