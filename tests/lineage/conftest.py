"""A content store of each test's own, and values to put into it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository
from helicarrier.lineage.content.enums import DocStatus, DocType, MediaType
from helicarrier.lineage.content.model import AnnotationDraft, DocumentDraft, Message
from helicarrier.lineage.content.repository import ContentRepository
from helicarrier.store.warehouse import WarehouseStore

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
RUN = "run-1"

POST = DocumentDraft(
    doc_key="post/hello",
    doc_type=DocType.POST,
    source_checksum="one",
    created_at=NOW,
    title="Hello",
    slug="hello",
    content="It's a text — 🚢\n",
    status=DocStatus.DRAFT,
    authors=("ada", "o'neil"),
    tags=("x",),
    extensions={"nested": {"list": ["1", None]}},
)
DRAFTS = {
    DocType.POST: POST,
    DocType.PROFILE: DocumentDraft(
        doc_key="profile/p",
        doc_type=DocType.PROFILE,
        source_checksum="p",
        created_at=NOW,
        title="P",
        subject_uuid="7d6b1f52-4c55-4b8c-9a06-0d8f3f6f1c21",
    ),
    DocType.JOURNAL: DocumentDraft(
        doc_key="journal/j",
        doc_type=DocType.JOURNAL,
        source_checksum="j",
        created_at=NOW,
        title="J",
        window_start=NOW,
        window_end=NOW,
    ),
    DocType.MEDIA: DocumentDraft(
        doc_key="media/m.png",
        doc_type=DocType.MEDIA,
        source_checksum="m",
        created_at=NOW,
        filename="m.png",
        mime_type="image/png",
        media_type=MediaType.IMAGE,
    ),
    DocType.NOTE: DocumentDraft(
        doc_key="note/n", doc_type=DocType.NOTE, source_checksum="n", created_at=NOW
    ),
}
MESSAGE = Message(
    event_id="e1",
    tenant_id="acme",
    source="chat",
    thread_id="t1",
    msg_id="1",
    ts=NOW,
    author_raw="Ada",
    text="Hello",
    attrs={"n": 1},
    pii_flags=("email",),
)
REMARK = AnnotationDraft(parent="post/hello", author_id="grace", content="Yes.", created_at=NOW)


def changed(draft: DocumentDraft, **values: object) -> DocumentDraft:
    """The draft with other values and, unless given, another checksum."""
    return replace(draft, **{"source_checksum": f"{draft.source_checksum}+", **values})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def _empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("content") / "warehouse.duckdb"
    with closing(WarehouseStore(path)) as store, store.write():
        pass
    return path


@pytest.fixture
def warehouse(_empty_file: Path, tmp_path: Path) -> Iterator[WarehouseStore]:
    """A warehouse file at the newest version."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(_empty_file.read_bytes())
    with closing(WarehouseStore(path, wait_seconds=0.2)) as store:
        yield store


@pytest.fixture
def repository(warehouse: WarehouseStore) -> ContentRepository:
    """An empty content store."""
    return DuckDbContentRepository(warehouse)
