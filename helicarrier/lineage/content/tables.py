"""The tables of content as contracts: what each column holds and what every row obeys.

Documents are append-only, one row for each version: DuckDB refuses to update an indexed column of
a row that others refer to, and the history is wanted anyway. An id is the key of the document, `@`
and the version, so a version exists once and an annotation says which text it is about. Lists are
JSON: a LIST column of a referenced row could never change either.
"""

from helicarrier.governance.columns import choice, count, instant, run_id, text
from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    JoinedOf,
    NotBefore,
    RequiredFor,
    TableContract,
    values_of,
)
from helicarrier.lineage.content.enums import DocStatus, DocType, MediaType, ParentType
from helicarrier.store.duckdb_schema import ForeignKey, WarehouseTable

_MEND = "Correct the source and import it again; a version that is stored never changes."


def _filled(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A text that is not empty."""
    return Column(name=name, kind=ColumnKind.TEXT, meaning=meaning, nullable=nullable, filled=True)


def _json(name: str, meaning: str, default: str) -> Column:
    return Column(name=name, kind=ColumnKind.JSON, meaning=meaning, default=default)


def _needs(doc_type: DocType, *others: str) -> RequiredFor:
    return RequiredFor(
        name=f"{doc_type.value}_complete",
        flag="doc_type",
        value=doc_type.value,
        others=others,
        remedy=f"A {doc_type.value} needs {' and '.join(others)}. {_MEND}",
    )


DOCUMENTS = TableContract(
    name="documents",
    grain="version of a document",
    primary_key=("id",),
    columns=(
        text("id", "The version: `doc_key@version`."),
        _filled("doc_key", "Stable identity over all versions, `doc_type/name` unless given."),
        Column(
            name="version",
            kind=ColumnKind.INTEGER,
            meaning="Counts the versions of the document from 1, without gaps.",
            at_least=1,
        ),
        choice("doc_type", values_of(DocType), "What the document is."),
        _filled("title", "Title; posts, profiles and journals have one.", nullable=True),
        _filled("slug", "Name in addresses; posts have one.", nullable=True),
        text("content", "The text, Markdown as it was written.", nullable=True),
        text("summary", "A few sentences about it.", nullable=True),
        choice("status", values_of(DocStatus), "How far it is published.", nullable=True),
        _filled("subject_uuid", "The person or thing a profile is of.", nullable=True),
        instant("window_start", "Begin of the time a journal covers.", nullable=True),
        instant("window_end", "End of the time a journal covers.", nullable=True),
        _filled("filename", "The file that a media document describes.", nullable=True),
        text("mime_type", "Its media type (RFC 6838).", nullable=True),
        choice("media_type", values_of(MediaType), "What kind of medium it is.", nullable=True),
        _json("authors", "Who wrote it: a list of names.", "[]"),
        _json("tags", "What it is about: a list of words.", "[]"),
        _filled("source_checksum", "SHA-256 of the source as it was read."),
        _json("extensions", "What the source says beside the contract, and where it was.", "{}"),
        instant("created_at", "When the source says it was made, else when it was stored."),
        run_id(),
    ),
    rules=(
        JoinedOf(
            name="id_of_version",
            column="id",
            parts=("doc_key", "version"),
            separator="@",
            remedy="An id is the document's key, `@` and the version.",
        ),
        _needs(DocType.POST, "title", "slug", "status"),
        _needs(DocType.PROFILE, "title", "subject_uuid"),
        _needs(DocType.JOURNAL, "title", "window_start", "window_end"),
        _needs(DocType.MEDIA, "filename", "media_type"),
        NotBefore(name="window_order", earlier="window_start", later="window_end", remedy=_MEND),
    ),
)

MESSAGES = TableContract(
    name="messages",
    grain="message",
    primary_key=("event_id",),
    columns=(
        _filled("event_id", "Identity of the message, given by its source."),
        _filled("tenant_id", "Whose message it is."),
        _filled("source", "The system it was said in."),
        _filled("thread_id", "The conversation it belongs to."),
        _filled("msg_id", "Its name within the source."),
        instant("ts", "When it was said."),
        text("author_raw", "The author as the source has it."),
        text("author_uuid", "The author, where known.", nullable=True),
        text("text", "What was said.", nullable=True),
        text("media_url", "Where a medium lies that was sent with it.", nullable=True),
        choice("media_type", values_of(MediaType), "What kind of medium it is.", nullable=True),
        _json("attrs", "What else the source says: an object.", "{}"),
        _json("pii_flags", "Kinds of personal data that its source found in it: a list.", "[]"),
        instant("created_at", "When it was stored."),
        run_id(),
    ),
)

ANNOTATIONS = TableContract(
    name="annotations",
    grain="remark on a version of a document",
    primary_key=("id",),
    columns=(
        _filled("id", "Identity; made from what was said by whom about which document."),
        text("parent_id", "The version of the document it is about."),
        choice("parent_type", values_of(ParentType), "Whether that is a post."),
        _filled("author_id", "Who remarks."),
        _filled("content", "The remark."),
        _filled("source_checksum", "SHA-256 of document, author and remark; the same is one."),
        instant("created_at", "When it was said, else when it was stored."),
        run_id(),
    ),
)

CONTENT_QUARANTINE = TableContract(
    name="content_quarantine",
    grain="refused record, once for each place and content",
    primary_key=("source_uri", "source_line", "sha256"),
    columns=(
        _filled("source_uri", "File, or `legacy:table` for a row of an earlier layout."),
        count("source_line", "Line in the file from 1; 0 for a whole file."),
        text("sha256", "SHA-256 of the refused bytes."),
        Column(name="raw", kind=ColumnKind.BYTES, meaning="The record as it was read."),
        _filled("error_code", "Why it was refused, for programs."),
        text("error_message", "Why it was refused, for people; it holds nothing of the record."),
        instant("first_seen", "When it was refused first."),
        Column(name="attempts", kind=ColumnKind.INTEGER, meaning="How often it came.", at_least=1),
        run_id(),
    ),
)

TABLES = (
    WarehouseTable(contract=DOCUMENTS, indexes=(("doc_type",), ("slug",), ("created_at",))),
    WarehouseTable(contract=MESSAGES, indexes=(("thread_id",), ("ts",))),
    WarehouseTable(
        contract=ANNOTATIONS,
        foreign_keys=(ForeignKey(column="parent_id", parent="documents", parent_column="id"),),
        indexes=(("source_checksum",),),
    ),
    WarehouseTable(contract=CONTENT_QUARANTINE),
)
"""In an order in which they can be made: parents first."""

CONTRACTS = tuple(table.contract for table in TABLES)

CARRIED_OVER = "migration:content"
"""`run_id` of rows that were there before rows named their run."""
