"""Sound rows: for each table of content rows that obey every rule, from which probes are made.

There is a document of each type with everything that its type needs; the annotation is about the
first. They are tried in memory alone and never stored.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from helicarrier.lineage.content.enums import DocStatus, DocType, MediaType, ParentType
from helicarrier.lineage.content.tables import (
    ANNOTATIONS,
    CONTENT_QUARANTINE,
    DOCUMENTS,
    MESSAGES,
)

_AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
_STORED = {"created_at": _AT, "run_id": "probe"}


def _document(doc_type: DocType, **said: object) -> Mapping[str, object]:
    empty: dict[str, object] = dict.fromkeys(DOCUMENTS.column_names)
    key = f"{doc_type.value}/probe"
    return (
        empty
        | {"id": f"{key}@1", "doc_key": key, "version": 1, "doc_type": doc_type.value}
        | {"authors": "[]", "tags": "[]", "extensions": "{}", "source_checksum": "0" * 64}
        | _STORED
        | said
    )


SOUND: Mapping[str, Sequence[Mapping[str, object]]] = {
    DOCUMENTS.name: [
        _document(DocType.POST, title="Probe", slug="probe", status=DocStatus.DRAFT.value),
        _document(DocType.PROFILE, title="Probe", subject_uuid="probe"),
        _document(DocType.JOURNAL, title="Probe", window_start=_AT, window_end=_AT),
        _document(DocType.MEDIA, filename="probe.png", media_type=MediaType.IMAGE.value),
        _document(DocType.NOTE),
    ],
    MESSAGES.name: [
        {
            "event_id": "probe",
            "tenant_id": "probe",
            "source": "probe",
            "thread_id": "probe",
            "msg_id": "probe",
            "ts": _AT,
            "author_raw": "probe",
            "author_uuid": None,
            "text": "probe",
            "media_url": None,
            "media_type": MediaType.IMAGE.value,
            "attrs": "{}",
            "pii_flags": "[]",
            **_STORED,
        }
    ],
    ANNOTATIONS.name: [
        {
            "id": "probe",
            "parent_id": "post/probe@1",
            "parent_type": ParentType.POST.value,
            "author_id": "probe",
            "content": "probe",
            "source_checksum": "0" * 64,
            **_STORED,
        }
    ],
    CONTENT_QUARANTINE.name: [
        {
            "source_uri": "probe",
            "source_line": 1,
            "sha256": "0" * 64,
            "raw": b"probe",
            "error_code": "VALIDATION_ERROR",
            "error_message": "probe",
            "first_seen": _AT,
            "attempts": 1,
            "run_id": "probe",
        }
    ],
}
