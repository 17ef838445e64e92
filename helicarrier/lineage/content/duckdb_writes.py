"""What a write of content becomes: plans over what is stored, and their rows put into DuckDB.

A plan looks up what is there in one query for the whole batch and says record by record what it
becomes; then all new rows go in at once, as Arrow, which is hundreds of times faster than row by
row. The caller holds the transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING

from helicarrier.canonical import canonical_bytes, sha256
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.governance.contract import TableContract
from helicarrier.lineage.content.enums import DocType, Outcome, ParentType
from helicarrier.lineage.content.model import (
    Annotation,
    AnnotationDraft,
    Document,
    DocumentDraft,
    Message,
    Refusal,
    Saved,
    StoredMessage,
)
from helicarrier.lineage.content.rows import message_of, values_of
from helicarrier.lineage.content.tables import ANNOTATIONS, CONTENT_QUARANTINE, DOCUMENTS, MESSAGES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CURRENT = """
SELECT doc_key, MAX(version), MAX_BY(source_checksum, version) FROM documents
WHERE doc_key IN (SELECT UNNEST($keys)) GROUP BY doc_key
"""
_PARENTS = """
SELECT parents.name, MAX_BY(id, version), MAX_BY(doc_key, version), MAX_BY(doc_type, version)
FROM documents
JOIN (SELECT UNNEST($names) AS name) AS parents
  ON parents.name = documents.id OR parents.name = documents.doc_key
GROUP BY parents.name
"""
_REMARKS = """
SELECT source_checksum, MIN(id) FROM annotations
WHERE source_checksum IN (SELECT UNNEST($checksums)) GROUP BY source_checksum
"""
_MESSAGE_COLUMNS = ", ".join(MESSAGES.column_names)
_EVENTS = f"""
SELECT {_MESSAGE_COLUMNS} FROM messages WHERE event_id IN (SELECT UNNEST($ids))
"""  # noqa: S608 - names of the contract
_INSERT = {
    DOCUMENTS.name: "INSERT INTO documents BY NAME SELECT * FROM incoming",
    MESSAGES.name: "INSERT INTO messages BY NAME SELECT * FROM incoming",
    ANNOTATIONS.name: "INSERT INTO annotations BY NAME SELECT * FROM incoming",
    CONTENT_QUARANTINE.name: """
INSERT INTO content_quarantine BY NAME SELECT * FROM incoming
ON CONFLICT (source_uri, source_line, sha256) DO UPDATE SET
  attempts = attempts + 1, error_code = excluded.error_code,
  error_message = excluded.error_message
""",
}
_SAID = tuple(field.name for field in fields(Message))


def write_documents(
    connection: "DuckDBPyConnection", drafts: Sequence[DocumentDraft], run_id: str
) -> list[Saved]:
    """New versions of what changed; see `ContentRepository.save_all`."""
    keys = sorted({draft.doc_key for draft in drafts})
    found = connection.execute(_CURRENT, {"keys": keys}).fetchall() if keys else []
    current: dict[str, tuple[int, str]] = {key: (int(n), str(s)) for key, n, s in found}
    answers, rows = [], []
    for draft in drafts:
        version, checksum = current.get(draft.doc_key, (0, ""))
        if checksum == draft.source_checksum:
            answers.append(Saved(id=_id(draft.doc_key, version), outcome=Outcome.DUPLICATE))
            continue
        document = _version(draft, version + 1, run_id)
        current[draft.doc_key] = (version + 1, draft.source_checksum)
        rows.append(values_of(document))
        answers.append(Saved(id=document.id, outcome=Outcome.WRITTEN))
    _insert(connection, DOCUMENTS, rows)
    return answers


def write_messages(
    connection: "DuckDBPyConnection", messages: Sequence[Message], run_id: str, now: datetime
) -> list[Saved]:
    """New messages; see `ContentRepository.save_messages`."""
    ids = sorted({message.event_id for message in messages})
    found = connection.execute(_EVENTS, {"ids": ids}).fetchall() if ids else []
    stored = (message_of(row, MESSAGES.column_names) for row in found)
    known: dict[str, Message] = {message.event_id: message for message in stored}
    answers, rows = [], []
    for message in messages:
        before = known.get(message.event_id)
        if before is None:
            known[message.event_id] = message
            said = {name: getattr(message, name) for name in _SAID}
            rows.append(values_of(StoredMessage(**said, created_at=now, run_id=run_id)))
            answers.append(Saved(id=message.event_id, outcome=Outcome.WRITTEN))
        elif _said(before) == _said(message):
            answers.append(Saved(id=message.event_id, outcome=Outcome.DUPLICATE))
        else:
            answers.append(
                Saved(
                    id=message.event_id,
                    outcome=Outcome.REFUSED,
                    code=ErrorCode.IDEMPOTENCY_CONFLICT,
                    message="its event_id belongs to a message that says something else",
                )
            )
    _insert(connection, MESSAGES, rows)
    return answers


def write_annotations(
    connection: "DuckDBPyConnection", drafts: Sequence[AnnotationDraft], run_id: str
) -> list[Saved]:
    """New remarks; see `ContentRepository.annotate`."""
    names = sorted({draft.parent for draft in drafts})
    found = connection.execute(_PARENTS, {"names": names}).fetchall() if names else []
    parents = {name: (parent_id, key, kind) for name, parent_id, key, kind in found}
    checksums = {
        draft: _checksum(draft, parents[draft.parent][1])
        for draft in drafts
        if draft.parent in parents
    }
    known = _known_remarks(connection, checksums.values())
    answers, rows = [], []
    for draft in drafts:
        if draft not in checksums:
            answers.append(
                Saved(
                    id="",
                    outcome=Outcome.REFUSED,
                    code=ErrorCode.NOT_FOUND,
                    message="there is no document that it is about",
                )
            )
            continue
        checksum = checksums[draft]
        if checksum in known:
            answers.append(Saved(id=known[checksum], outcome=Outcome.DUPLICATE))
            continue
        parent_id, _, kind = parents[draft.parent]
        remark = Annotation(
            id=checksum[:32],
            parent_id=parent_id,
            parent_type=ParentType.POST if kind == DocType.POST else ParentType.DOCUMENT,
            author_id=draft.author_id,
            content=draft.content,
            source_checksum=checksum,
            created_at=draft.created_at,
            run_id=run_id,
        )
        known[checksum] = remark.id
        rows.append(values_of(remark))
        answers.append(Saved(id=remark.id, outcome=Outcome.WRITTEN))
    _insert(connection, ANNOTATIONS, rows)
    return answers


def write_refusals(
    connection: "DuckDBPyConnection", refusals: Sequence[Refusal], run_id: str, now: datetime
) -> None:
    """See `ContentRepository.keep_refused`."""
    rows = {
        (refusal.uri, refusal.line, digest): {
            "source_uri": refusal.uri,
            "source_line": refusal.line,
            "sha256": digest,
            "raw": refusal.raw,
            "error_code": refusal.code.value,
            "error_message": refusal.message,
            "first_seen": now,
            "attempts": 1,
            "run_id": run_id,
        }
        for refusal in refusals
        for digest in (sha256(refusal.raw),)
    }
    _insert(connection, CONTENT_QUARANTINE, list(rows.values()))


def _insert(
    connection: "DuckDBPyConnection",
    contract: TableContract,
    rows: Sequence[Mapping[str, object]],
) -> None:
    if not rows:
        return
    import duckdb
    import pyarrow as pa

    from helicarrier.governance.arrow import arrow_schema

    incoming = pa.Table.from_pylist(list(rows), schema=arrow_schema(contract))
    connection.register("incoming", incoming)
    try:
        connection.execute(_INSERT[contract.name])
    except duckdb.ConstraintException as error:
        raise InputRejected(
            f"a row for {contract.name} breaks a rule of the table; nothing was written",
            code=ErrorCode.GOVERNANCE_BREACH,
            hint="docs/reference/tables.md has the rules of the table.",
        ) from error
    connection.unregister("incoming")


def _known_remarks(connection: "DuckDBPyConnection", checksums: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(checksums))
    if not wanted:
        return {}
    return dict(connection.execute(_REMARKS, {"checksums": wanted}).fetchall())


def _version(draft: DocumentDraft, version: int, run_id: str) -> Document:
    said = {field.name: getattr(draft, field.name) for field in fields(DocumentDraft)}
    return Document(**said, id=_id(draft.doc_key, version), version=version, run_id=run_id)


def _id(doc_key: str, version: int) -> str:
    return f"{doc_key}@{version}"


def _said(message: Message) -> tuple[object, ...]:
    return tuple(getattr(message, name) for name in _SAID)


def _checksum(draft: AnnotationDraft, doc_key: str) -> str:
    """What makes two remarks the same: the document, whoever said it, and what was said."""
    return sha256(
        canonical_bytes({"about": doc_key, "author": draft.author_id, "content": draft.content})
    )
