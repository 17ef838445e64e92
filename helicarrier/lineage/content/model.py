"""Content in memory: what a source says, and what is stored of it.

A draft is what was read; storing it gives it a version, an id and the run that wrote it. Mappings
hold JSON values; all times are aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from helicarrier.canonical import JSONValue
from helicarrier.errors import ErrorCode
from helicarrier.lineage.content.enums import (
    DocStatus,
    DocType,
    MediaType,
    Outcome,
    ParentType,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """A document as its source has it. `source_checksum` is the SHA-256 of that source."""

    doc_key: str
    doc_type: DocType
    source_checksum: str
    created_at: datetime
    title: str | None = None
    slug: str | None = None
    content: str | None = None
    summary: str | None = None
    status: DocStatus | None = None
    subject_uuid: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    filename: str | None = None
    mime_type: str | None = None
    media_type: MediaType | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    extensions: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(DocumentDraft):
    """A stored version of a document; `id` is `doc_key@version`."""

    id: str
    version: int
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as its source has it."""

    event_id: str
    tenant_id: str
    source: str
    thread_id: str
    msg_id: str
    ts: datetime
    author_raw: str
    author_uuid: str | None = None
    text: str | None = None
    media_url: str | None = None
    media_type: MediaType | None = None
    attrs: Mapping[str, JSONValue] = field(default_factory=dict)
    pii_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage(Message):
    """A message in the store."""

    created_at: datetime
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationDraft:
    """A remark; `parent` is the id of a version, or the key of a document (its newest version)."""

    parent: str
    author_id: str
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A stored remark on one version of a document."""

    id: str
    parent_id: str
    parent_type: ParentType
    author_id: str
    content: str
    source_checksum: str
    created_at: datetime
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedDocument:
    """The newest version of a document with the remarks on all of its versions, oldest first."""

    document: Document
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of one record: the id it has in the store, and the reason of a refusal."""

    id: str
    outcome: Outcome
    code: ErrorCode | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A record that was not taken. `line` counts from 1; 0 is the whole file."""

    uri: str
    line: int
    code: ErrorCode
    message: str
    raw: bytes
