"""The content repository: versions, idempotency, listings, and deletes that lose no remark."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from helicarrier.errors import Conflict, ErrorCode, InputRejected, NotReady
from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository
from helicarrier.lineage.content.enums import DocType, Outcome, ParentType
from helicarrier.lineage.content.model import DocumentDraft, Refusal
from helicarrier.lineage.content.repository import ContentRepository
from helicarrier.store.warehouse import WarehouseStore
from tests.lineage.conftest import DRAFTS, MESSAGE, NOW, POST, REMARK, RUN, changed


@pytest.mark.parametrize("doc_type", DocType)
def test_a_document_comes_back_as_it_was_saved(
    doc_type: DocType, repository: ContentRepository
) -> None:
    """Of each type, value for value, with its version, id and run."""
    draft = DRAFTS[doc_type]
    saved = repository.save(draft, run_id=RUN)
    found = repository.get(saved.id)
    assert found is not None
    for field in fields(DocumentDraft):
        assert getattr(found, field.name) == getattr(draft, field.name)
    assert (found.id, found.version, found.run_id) == (f"{draft.doc_key}@1", 1, RUN)


def test_saving_the_same_again_writes_nothing(repository: ContentRepository) -> None:
    """The checksum decides; other metadata under the same checksum is the same source."""
    repository.save(POST, run_id=RUN)
    again = repository.save(replace(POST, created_at=NOW + timedelta(days=1)), run_id="run-2")
    assert (again.id, again.outcome) == ("post/hello@1", Outcome.DUPLICATE)
    assert [one.run_id for one in repository.versions(POST.doc_key)] == [RUN]


def test_a_change_is_a_new_version_and_so_is_its_return(repository: ContentRepository) -> None:
    """Nothing is overwritten: one, two and one again are three versions."""
    second = changed(POST, title="Hello, again")
    outcomes = repository.save_all([POST, second, second, POST], run_id=RUN)
    assert [saved.outcome.value for saved in outcomes] == [
        "written",
        "written",
        "duplicate",
        "written",
    ]
    titles = [(one.version, one.title) for one in repository.versions(POST.doc_key)]
    assert titles == [(1, "Hello"), (2, "Hello, again"), (3, "Hello")]
    current = repository.get(POST.doc_key)
    assert current is not None
    assert current.version == 3
    assert [one.id for one in repository.documents()] == ["post/hello@3"]


def test_a_batch_with_a_row_that_breaks_a_rule_is_refused_whole(
    repository: ContentRepository,
) -> None:
    """The message names the table and no value; the store goes on working."""
    with pytest.raises(InputRejected) as caught:
        repository.save_all([DRAFTS[DocType.NOTE], changed(POST, title=None)], run_id=RUN)
    assert caught.value.code is ErrorCode.GOVERNANCE_BREACH
    assert "hello" not in caught.value.message.lower()
    assert repository.documents() == []
    assert repository.save(POST, run_id=RUN).outcome is Outcome.WRITTEN


def test_documents_are_listed_by_type_and_day(repository: ContentRepository) -> None:
    """Both days included, the newest first, cut to the limit."""
    for n in range(4):
        repository.save(
            changed(POST, doc_key=f"post/{n}", slug=f"s{n}", created_at=NOW + timedelta(days=n)),
            run_id=RUN,
        )
    repository.save(DRAFTS[DocType.NOTE], run_id=RUN)
    day = NOW.date()

    def keys(**asked: object) -> list[str]:
        return [one.doc_key for one in repository.documents(**asked)]  # type: ignore[arg-type]

    assert keys(doc_type=DocType.POST) == ["post/3", "post/2", "post/1", "post/0"]
    assert keys(doc_type=DocType.NOTE) == ["note/n"]
    assert keys(first=day + timedelta(days=1), last=day + timedelta(days=2)) == ["post/2", "post/1"]
    assert keys(first=day + timedelta(days=3)) == ["post/3"]
    assert keys(last=day) == ["note/n", "post/0"]
    assert keys(limit=2) == ["post/3", "post/2"]


def test_iterating_gives_each_document_once(
    repository: ContentRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over page borders, in the order of the keys; a write fits in between two pages."""
    monkeypatch.setattr("helicarrier.lineage.content.duckdb_repository._PAGE", 2)
    drafts = [changed(POST, doc_key=f"post/{n}") for n in range(5)]
    repository.save_all([*drafts, DRAFTS[DocType.NOTE]], run_id=RUN)
    seen = []
    for one in repository.iterate(doc_type=DocType.POST):
        seen.append(one.doc_key)
        repository.save(
            changed(POST, doc_key="post/0", source_checksum=f"v{len(seen)}"), run_id=RUN
        )
    assert seen == [f"post/{n}" for n in range(5)]
    assert len(list(repository.iterate())) == 6


class _Counting:
    """A connection that counts what is executed on it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seen: list[str]) -> None:
        self._connection, self._seen = connection, seen

    def execute(self, query: str, params: object = None) -> duckdb.DuckDBPyConnection:
        self._seen.append(query)
        return self._connection.execute(query, params)


class _CountingWarehouse(WarehouseStore):
    """A warehouse whose readers are counted."""

    seen: list[str]

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with super().read() as connection:
            yield _Counting(connection, self.seen)  # type: ignore[misc]


@pytest.mark.parametrize("documents", [1, 30])
def test_a_listing_with_annotations_takes_two_queries(
    documents: int, repository: ContentRepository, warehouse: WarehouseStore
) -> None:
    """However many documents and annotations there are."""
    drafts = [changed(POST, doc_key=f"post/{n}") for n in range(documents)]
    repository.save_all(drafts, run_id=RUN)
    remarks = [
        replace(REMARK, parent=draft.doc_key, content=f"{n}") for draft in drafts for n in range(3)
    ]
    repository.annotate(remarks, run_id=RUN)
    counting = _CountingWarehouse(warehouse.path)
    counting.seen = []
    found = DuckDbContentRepository(counting).annotated()
    assert [len(one.annotations) for one in found] == [3] * documents
    assert len(counting.seen) == 2


def test_remarks_stay_with_the_document_over_its_versions(repository: ContentRepository) -> None:
    """Each says which version it is about; the newest unless it names one."""
    repository.save_all([POST, changed(POST)], run_id=RUN)
    repository.annotate(
        [REMARK, replace(REMARK, parent="post/hello@1", content="On the first.")], run_id=RUN
    )
    (listed,) = repository.annotated()
    assert listed.document.id == "post/hello@2"
    assert {one.content: one.parent_id for one in listed.annotations} == {
        "Yes.": "post/hello@2",
        "On the first.": "post/hello@1",
    }
    assert {one.parent_type for one in listed.annotations} == {ParentType.POST}


def test_the_same_remark_again_is_one(repository: ContentRepository) -> None:
    """Also on a later version; another author's is another."""
    repository.save(POST, run_id=RUN)
    repository.annotate([REMARK], run_id=RUN)
    repository.save(changed(POST), run_id=RUN)
    later = [REMARK, replace(REMARK, author_id="ada")]
    assert [saved.outcome.value for saved in repository.annotate(later, run_id=RUN)] == [
        "duplicate",
        "written",
    ]
    assert len(repository.annotations("post/hello")) == 2


def test_a_remark_on_nothing_is_refused_alone(repository: ContentRepository) -> None:
    """The others of its batch are written; of a document that is no post it says so."""
    repository.save(DRAFTS[DocType.NOTE], run_id=RUN)
    refused, written = repository.annotate([REMARK, replace(REMARK, parent="note/n")], run_id=RUN)
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, ErrorCode.NOT_FOUND)
    assert written.outcome is Outcome.WRITTEN
    assert [one.parent_type for one in repository.annotations("note/n")] == [ParentType.DOCUMENT]


def test_an_annotated_document_is_not_deleted(repository: ContentRepository) -> None:
    """Not even when the remark is on an old version; without it all versions go."""
    repository.save(POST, run_id=RUN)
    (remark,) = repository.annotate([REMARK], run_id=RUN)
    repository.save(changed(POST), run_id=RUN)
    with pytest.raises(Conflict) as caught:
        repository.delete(POST.doc_key)
    assert caught.value.code is ErrorCode.STILL_REFERENCED
    assert len(repository.versions(POST.doc_key)) == 2
    repository.delete_annotation(remark.id)
    assert repository.delete(POST.doc_key) == 2
    assert repository.get(POST.doc_key) is None


def test_the_foreign_key_has_the_last_word(
    repository: ContentRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remark that the look before the delete did not see keeps its document."""
    repository.save(POST, run_id=RUN)
    repository.annotate([REMARK], run_id=RUN)
    monkeypatch.setattr(
        "helicarrier.lineage.content.duckdb_repository._REMARKED", "SELECT 0 WHERE $key <> ''"
    )
    with pytest.raises(Conflict):
        repository.delete(POST.doc_key)
    assert repository.get(POST.doc_key) is not None


def test_deleting_what_is_not_there_is_told(repository: ContentRepository) -> None:
    """A document and an annotation."""
    with pytest.raises(InputRejected) as caught:
        repository.delete("post/none")
    assert caught.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(InputRejected):
        repository.delete_annotation("none")


def test_messages_are_written_once(repository: ContentRepository) -> None:
    """The same again is a duplicate, in a batch and later; other words under the id are refused."""
    other = replace(MESSAGE, text="Goodbye")
    outcomes = repository.save_messages([MESSAGE, MESSAGE, other], run_id=RUN, now=NOW)
    assert [saved.outcome.value for saved in outcomes] == ["written", "duplicate", "refused"]
    assert outcomes[2].code is ErrorCode.IDEMPOTENCY_CONFLICT
    (again,) = repository.save_messages([MESSAGE], run_id="run-2", now=NOW)
    assert again.outcome is Outcome.DUPLICATE
    (stored,) = repository.messages()
    assert (stored.text, stored.run_id, stored.created_at) == ("Hello", RUN, NOW)
    assert (stored.attrs, stored.pii_flags, stored.ts) == ({"n": 1}, ("email",), NOW)


def test_messages_are_listed_by_conversation(repository: ContentRepository) -> None:
    """The newest first."""
    repository.save_messages(
        [
            replace(MESSAGE, event_id=f"e{n}", thread_id=f"t{n % 2}", ts=NOW + timedelta(hours=n))
            for n in range(4)
        ],
        run_id=RUN,
        now=NOW,
    )
    assert [one.event_id for one in repository.messages(thread_id="t1")] == ["e3", "e1"]
    assert [one.event_id for one in repository.messages(limit=1)] == ["e3"]


def test_what_was_refused_is_kept_once_and_counted(repository: ContentRepository) -> None:
    """With its bytes in the store and without them in the list."""
    refusal = Refusal(
        uri="/a.jsonl", line=3, code=ErrorCode.VALIDATION_ERROR, message="why", raw=b"secret"
    )
    for run in (RUN, "run-2"):
        repository.keep_refused([refusal, refusal], run_id=run, now=NOW)
    (entry,) = repository.refused()
    assert (entry["attempts"], entry["bytes"], entry["sourceLine"]) == (2, 6, 3)
    assert "secret" not in str(entry)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM messages WHERE event_id = 'e7'",
        "SELECT * FROM messages WHERE thread_id = 'th7'",
        "SELECT * FROM messages WHERE ts = TIMESTAMPTZ '2026-01-01 00:00:07Z'",
        "SELECT * FROM documents WHERE id = 'note/7@1'",
        "SELECT * FROM documents WHERE slug = 's7'",
    ],
)
def test_an_index_serves_each_lookup(query: str, many: WarehouseStore) -> None:
    """Of a version, an address, a message, a conversation, a moment."""
    with many.read() as connection:
        plan = str(connection.execute(f"EXPLAIN ANALYZE {query}").fetchall())
    assert "Index Scan" in plan


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseStore]:
    """Enough rows that DuckDB cares."""
    with closing(WarehouseStore(tmp_path_factory.mktemp("many") / "w.duckdb")) as store:
        with store.write() as connection:
            connection.execute(
                "INSERT INTO messages BY NAME SELECT 'e' || i AS event_id, 't' AS tenant_id, "
                "'s' AS source, 'th' || i AS thread_id, '1' AS msg_id, 'a' AS author_raw, "
                "TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(i) AS ts, now() AS created_at, "
                "'r' AS run_id FROM range(20000) r(i)"
            )
            connection.execute(
                "INSERT INTO documents BY NAME SELECT 'note/' || i || '@1' AS id, "
                "'note/' || i AS doc_key, 1 AS version, 'note' AS doc_type, 's' || i AS slug, "
                "'c' AS source_checksum, now() AS created_at, 'r' AS run_id FROM range(20000) r(i)"
            )
        yield store


def test_reading_before_the_first_write_is_pending(tmp_path: Path) -> None:
    """A missing store is no empty one."""
    repository = DuckDbContentRepository(WarehouseStore(tmp_path / "none.duckdb"))
    with pytest.raises(NotReady):
        repository.documents()
