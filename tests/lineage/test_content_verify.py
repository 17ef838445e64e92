"""Verification: each promise that is broken behind the store's back is found and named."""

import pytest

from helicarrier.lineage.content.enums import DocType
from helicarrier.lineage.content.repository import ContentRepository
from helicarrier.lineage.content.tables import CARRIED_OVER
from helicarrier.lineage.content.verify import Promise, State, verify
from helicarrier.store.warehouse import WarehouseStore
from tests.lineage.conftest import DRAFTS, MESSAGE, NOW, POST, REMARK, changed


@pytest.fixture
def filled(repository: ContentRepository, warehouse: WarehouseStore) -> WarehouseStore:
    """A store with something of everything, all of it sound."""
    repository.save_all([*DRAFTS.values(), changed(POST)], run_id=CARRIED_OVER)
    repository.save_messages([MESSAGE], run_id=CARRIED_OVER, now=NOW)
    repository.annotate([REMARK], run_id="known")
    return warehouse


def broken(warehouse: WarehouseStore) -> list[tuple[str, str, str]]:
    """What is broken: promise, subject, detail."""
    report = verify(warehouse, {"known"})
    assert report.as_json()["state"] == report.state.value
    return [
        (finding.promise.value, finding.subject, finding.detail)
        for finding in report.findings
        if finding.state is State.BROKEN
    ]


def test_a_sound_store_keeps_every_promise(filled: WarehouseStore) -> None:
    """Each type of document is looked at by itself."""
    report = verify(filled, {"known"})
    assert report.state is State.KEPT
    rules = {f.subject: f.checked for f in report.findings if f.promise is Promise.RULES}
    assert rules == {
        **{doc_type.value: 1 + (doc_type is DocType.POST) for doc_type in DocType},
        "messages": 1,
        "annotations": 1,
        "content_quarantine": 0,
    }
    assert {f.promise for f in report.findings} == set(Promise)


def test_an_empty_store_is_no_pass(warehouse: WarehouseStore) -> None:
    """Its constraints hold, of its rows nothing is known."""
    report = verify(warehouse, {"known"})
    assert report.state is State.NO_DATA
    states = {f.promise: f.state for f in report.findings}
    assert states[Promise.RULES] is State.NO_DATA
    assert (states[Promise.CONSTRAINTS], states[Promise.PROBES]) == (State.KEPT, State.KEPT)


DETACHED = (
    "CREATE TABLE copy AS FROM annotations; DROP TABLE annotations; "
    "ALTER TABLE copy RENAME TO annotations; UPDATE annotations SET parent_id = 'gone@1'"
)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            "UPDATE messages SET run_id = 'nobody'",
            ("orphans", "messages", "run_unknown (1)"),
        ),
        ("UPDATE messages SET attrs = '{'", ("json", "messages", "attrs (1)")),
        ("UPDATE messages SET pii_flags = '{}'", ("json", "messages", "pii_flags (1)")),
        (
            "UPDATE annotations SET parent_type = 'document'",
            ("orphans", "annotations", "parent_type_wrong (1)"),
        ),
        (
            "DROP INDEX ix_messages_ts",
            ("constraints", "messages", "index ix_messages_ts"),
        ),
        (
            "DELETE FROM documents WHERE id = 'post/hello@1'",
            ("versions", "documents", ""),
        ),
        (
            DETACHED,
            ("orphans", "annotations", "parent_missing (1)"),
        ),
    ],
)
def test_what_was_changed_by_hand_is_found(
    change: str, wanted: tuple[str, str, str], filled: WarehouseStore
) -> None:
    """Whatever it is, its table and rule are named."""
    with filled.write() as connection:
        connection.execute(change)
    assert wanted in broken(filled)


def test_documents_without_their_constraints_are_found_by_rows_and_by_probes(
    warehouse: WarehouseStore, repository: ContentRepository
) -> None:
    """A post without a title, a type that nobody knows, and a table that would take more."""
    repository.save_all(list(DRAFTS.values()), run_id=CARRIED_OVER)
    with warehouse.write() as connection:
        connection.execute(
            "CREATE TABLE copy AS SELECT * FROM documents; DROP TABLE annotations; "
            "DROP VIEW current_documents; DROP TABLE documents; "
            "ALTER TABLE copy RENAME TO documents; "
            "CREATE TABLE annotations AS SELECT 'a' AS id, 'post/hello@1' AS parent_id, "
            "'post' AS parent_type, 'x' AS author_id, 'c' AS content, 's' AS source_checksum, "
            "now() AS created_at, 'migration:content' AS run_id; "
            "UPDATE documents SET title = NULL WHERE doc_type = 'post'; "
            "UPDATE documents SET doc_type = 'book' WHERE doc_type = 'note'"
        )
    found = broken(warehouse)
    assert ("rules", "post", "post_complete (1)") in found
    assert ("rules", "other", "doc_type_known (1)") in found
    promises = {(promise, subject) for promise, subject, _ in found}
    assert {("constraints", "documents"), ("constraints", "annotations")} <= promises
    assert {("probes", "documents"), ("probes", "annotations")} <= promises
