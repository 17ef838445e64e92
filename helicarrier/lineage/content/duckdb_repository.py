"""Content in the warehouse file.

Reads are short: each takes the file for one query and lets go, also between two pages of an
iteration. A delete looks for remarks first and leaves the last word to the foreign key, so that a
remark that arrives in between is not lost.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from helicarrier import times
from helicarrier.errors import Conflict, ErrorCode, InputRejected
from helicarrier.lineage.content import duckdb_writes as writes
from helicarrier.lineage.content.enums import DocType, Outcome
from helicarrier.lineage.content.model import (
    AnnotatedDocument,
    Annotation,
    AnnotationDraft,
    Document,
    DocumentDraft,
    Message,
    Refusal,
    Saved,
    StoredMessage,
)
from helicarrier.lineage.content.repository import LIMIT
from helicarrier.lineage.content.rows import Row, annotation_of, document_of, message_of
from helicarrier.lineage.content.tables import ANNOTATIONS, DOCUMENTS, MESSAGES
from helicarrier.store import warehouse_markers
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PAGE = 500

_DOCUMENT_COLUMNS = ", ".join(DOCUMENTS.column_names)
_BY_NAME = f"""
SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE id = $name OR doc_key = $name
ORDER BY id = $name DESC, version DESC LIMIT 1
"""  # noqa: S608 - names of the contract, here and below
_VERSIONS = f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE doc_key = $key ORDER BY version"  # noqa: S608
_LISTED = f"""
SELECT {_DOCUMENT_COLUMNS} FROM current_documents
WHERE ($doc_type IS NULL OR doc_type = $doc_type)
  AND ($since IS NULL OR created_at >= $since) AND ($until IS NULL OR created_at < $until)
ORDER BY created_at DESC, doc_key LIMIT $limit
"""  # noqa: S608
_NEXT = f"""
SELECT {_DOCUMENT_COLUMNS} FROM current_documents
WHERE ($doc_type IS NULL OR doc_type = $doc_type) AND doc_key > $after
ORDER BY doc_key LIMIT $limit
"""  # noqa: S608
_MESSAGES = f"""
SELECT {", ".join(MESSAGES.column_names)} FROM messages
WHERE $thread_id IS NULL OR thread_id = $thread_id
ORDER BY ts DESC, event_id LIMIT $limit
"""  # noqa: S608
_ANNOTATIONS = f"""
SELECT {", ".join(f"annotations.{name}" for name in ANNOTATIONS.column_names)}, documents.doc_key
FROM annotations JOIN documents ON documents.id = annotations.parent_id
WHERE documents.doc_key IN (SELECT UNNEST($keys))
ORDER BY annotations.created_at, annotations.id
"""  # noqa: S608
_REFUSED = """
SELECT
  source_uri, source_line, error_code, error_message, first_seen, attempts, octet_length(raw)
FROM content_quarantine ORDER BY first_seen DESC, source_uri, source_line LIMIT $limit
"""
_REMARKED = """
SELECT COUNT(*) FROM annotations
WHERE parent_id IN (SELECT id FROM documents WHERE doc_key = $key)
"""
_DELETE = "DELETE FROM documents WHERE doc_key = $key"
_DELETE_REMARK = "DELETE FROM annotations WHERE id = $id"


class DuckDbContentRepository:
    """See `ContentRepository`."""

    def __init__(self, warehouse: WarehouseStore) -> None:
        """Args: the owner of the file."""
        self._warehouse = warehouse

    def save(self, draft: DocumentDraft, *, run_id: str) -> Saved:
        """See `ContentRepository.save`."""
        return self.save_all([draft], run_id=run_id)[0]

    def save_all(self, drafts: Sequence[DocumentDraft], *, run_id: str) -> list[Saved]:
        """See `ContentRepository.save_all`."""
        with self._warehouse.write() as connection:
            return _marked(
                connection, "documents", run_id, writes.write_documents(connection, drafts, run_id)
            )

    def save_messages(
        self, messages: Sequence[Message], *, run_id: str, now: datetime
    ) -> list[Saved]:
        """See `ContentRepository.save_messages`."""
        with self._warehouse.write() as connection:
            return _marked(
                connection,
                "messages",
                run_id,
                writes.write_messages(connection, messages, run_id, now),
            )

    def annotate(self, drafts: Sequence[AnnotationDraft], *, run_id: str) -> list[Saved]:
        """See `ContentRepository.annotate`."""
        with self._warehouse.write() as connection:
            return _marked(
                connection,
                "annotations",
                run_id,
                writes.write_annotations(connection, drafts, run_id),
            )

    def keep_refused(self, refusals: Sequence[Refusal], *, run_id: str, now: datetime) -> None:
        """See `ContentRepository.keep_refused`."""
        with self._warehouse.write() as connection:
            writes.write_refusals(connection, refusals, run_id, now)

    def finish(self, *, run_id: str) -> None:
        """See `ContentRepository.finish`."""
        with self._warehouse.write() as connection:
            warehouse_markers.mark(connection, run_id, {}, last=True)

    def get(self, name: str) -> Document | None:
        """See `ContentRepository.get`."""
        found = self._documents(_BY_NAME, {"name": name})
        return found[0] if found else None

    def versions(self, doc_key: str) -> list[Document]:
        """See `ContentRepository.versions`."""
        return self._documents(_VERSIONS, {"key": doc_key})

    def documents(
        self,
        *,
        doc_type: DocType | None = None,
        first: date | None = None,
        last: date | None = None,
        limit: int = LIMIT,
    ) -> list[Document]:
        """See `ContentRepository.documents`."""
        return self._documents(
            _LISTED,
            {
                "doc_type": doc_type and doc_type.value,
                "since": _midnight(first),
                "until": _midnight(last and last + timedelta(days=1)),
                "limit": limit,
            },
        )

    def annotated(
        self,
        *,
        doc_type: DocType | None = None,
        first: date | None = None,
        last: date | None = None,
        limit: int = LIMIT,
    ) -> list[AnnotatedDocument]:
        """See `ContentRepository.annotated`."""
        listed = self.documents(doc_type=doc_type, first=first, last=last, limit=limit)
        remarks = self._remarks([document.doc_key for document in listed])
        return [
            AnnotatedDocument(
                document=document, annotations=tuple(remarks.get(document.doc_key, ()))
            )
            for document in listed
        ]

    def iterate(self, *, doc_type: DocType | None = None) -> Iterator[Document]:
        """See `ContentRepository.iterate`."""
        after = ""
        while True:
            page = self._documents(
                _NEXT,
                {"doc_type": doc_type and doc_type.value, "after": after, "limit": _PAGE},
            )
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].doc_key

    def messages(self, *, thread_id: str | None = None, limit: int = LIMIT) -> list[StoredMessage]:
        """See `ContentRepository.messages`."""
        rows = self._rows(_MESSAGES, {"thread_id": thread_id, "limit": limit})
        return [message_of(row, MESSAGES.column_names) for row in rows]

    def annotations(self, doc_key: str) -> list[Annotation]:
        """See `ContentRepository.annotations`."""
        return self._remarks([doc_key]).get(doc_key, [])

    def refused(self, *, limit: int = LIMIT) -> list[dict[str, object]]:
        """See `ContentRepository.refused`."""
        names = ("sourceUri", "sourceLine", "errorCode", "errorMessage", "firstSeen")
        return [
            dict(zip(names, row[:5], strict=True))
            | {"firstSeen": times.utc_text(row[4]), "attempts": row[5], "bytes": row[6]}
            for row in self._rows(_REFUSED, {"limit": limit})
        ]

    def delete(self, doc_key: str) -> int:
        """See `ContentRepository.delete`."""
        import duckdb

        with self._warehouse.write() as connection:
            found = connection.execute(_REMARKED, {"key": doc_key}).fetchone()
            if found and found[0]:
                raise _remarked(doc_key, f"{found[0]} annotations")
            try:
                counted = connection.execute(_DELETE, {"key": doc_key}).fetchone()
            except duckdb.ConstraintException as error:
                raise _remarked(doc_key, "annotations") from error
            if not counted or not counted[0]:
                raise not_found(f"no document has the key {doc_key}")
            return int(counted[0])

    def delete_annotation(self, annotation_id: str) -> None:
        """See `ContentRepository.delete_annotation`."""
        with self._warehouse.write() as connection:
            counted = connection.execute(_DELETE_REMARK, {"id": annotation_id}).fetchone()
            if not counted or not counted[0]:
                raise not_found(f"no annotation has the id {annotation_id}")

    def _documents(self, query: str, params: Mapping[str, object]) -> list[Document]:
        return [document_of(row, DOCUMENTS.column_names) for row in self._rows(query, params)]

    def _remarks(self, keys: list[str]) -> dict[str, list[Annotation]]:
        """The remarks by the key of their document."""
        found: dict[str, list[Annotation]] = {}
        for row in self._rows(_ANNOTATIONS, {"keys": keys}) if keys else []:
            remark = annotation_of(row[:-1], ANNOTATIONS.column_names)
            found.setdefault(row[-1], []).append(remark)
        return found

    def _rows(self, query: str, params: Mapping[str, object]) -> Sequence[Row]:
        with self._warehouse.read() as connection:
            return connection.execute(query, dict(params)).fetchall()


def _marked(
    connection: "DuckDBPyConnection", table: str, run_id: str, saved: list[Saved]
) -> list[Saved]:
    """The answers, after the run was marked with what it has written."""
    rows = sum(one.outcome is Outcome.WRITTEN for one in saved)
    if rows:
        warehouse_markers.mark(connection, run_id, {(table, ""): rows})
    return saved


def not_found(message: str) -> InputRejected:
    """The refusal of who names something that is not there."""
    return InputRejected(
        message,
        code=ErrorCode.NOT_FOUND,
        hint="`helicarrier content list` shows the keys, `content show KEY` the annotations.",
    )


def _remarked(doc_key: str, by: str) -> Conflict:
    return Conflict(
        f"{doc_key} is not deleted: it has {by}",
        code=ErrorCode.STILL_REFERENCED,
        hint="Delete them first: `helicarrier content delete --annotation ID`.",
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
