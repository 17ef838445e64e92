"""What a person does to single records: remark on a document, delete one; each under a run.

A dry run reads and judges by the same rules as the store, and writes nothing, not even a run.
"""

from collections.abc import Callable
from datetime import datetime

from helicarrier import times
from helicarrier.errors import InputRejected
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository
from helicarrier.lineage.content.enums import Outcome
from helicarrier.lineage.content.importing import rehearsal
from helicarrier.lineage.content.model import AnnotationDraft, Saved
from helicarrier.settings import Settings
from helicarrier.store.run_model import Edge
from helicarrier.store.warehouse import WarehouseStore

ANNOTATE = "content_annotate"
DELETE = "content_delete"


def annotate(
    settings: Settings,
    name: str,
    text: str,
    author: str,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime] = times.now,
) -> Saved:
    """Store a remark on the document or version of that name.

    Raises:
        InputRejected: there is no such document (NOT_FOUND), or text or author is empty.
    """
    if not text.strip() or not author.strip():
        raise InputRejected("an annotation needs a text and an author")
    draft = AnnotationDraft(parent=name, author_id=author, content=text, created_at=clock())
    if dry_run:
        with rehearsal(settings.warehouse_path) as copy:
            return _taken(DuckDbContentRepository(copy).annotate([draft], run_id="dry-run")[0])
    warehouse = WarehouseStore(settings.warehouse_path)
    with run_store(settings, warehouse).run(ANNOTATE, config={"parent": name}) as run:
        saved = _taken(DuckDbContentRepository(warehouse).annotate([draft], run_id=run.run_id)[0])
        run.rows_in = 1
        run.rows_out = int(saved.outcome is Outcome.WRITTEN)
        run.writes(Edge(dataset="annotations", rows=run.rows_out))
    return saved


def delete(
    settings: Settings, name: str, *, annotation: bool = False, dry_run: bool = False
) -> int:
    """Delete a document by its key, or an annotation by its id; gives the rows that went.

    Raises:
        Conflict: the document has annotations.
        InputRejected: there is no such thing (NOT_FOUND).
    """
    if dry_run:
        with rehearsal(settings.warehouse_path) as copy:
            return _delete(DuckDbContentRepository(copy), name, annotation=annotation)
    warehouse = WarehouseStore(settings.warehouse_path)
    with run_store(settings, warehouse).run(
        DELETE, config={"name": name, "annotation": annotation}
    ) as run:
        rows = _delete(DuckDbContentRepository(warehouse), name, annotation=annotation)
        run.note(deleted=rows)
    return rows


def _delete(repository: DuckDbContentRepository, name: str, *, annotation: bool) -> int:
    if not annotation:
        return repository.delete(name)
    repository.delete_annotation(name)
    return 1


def _taken(saved: Saved) -> Saved:
    if saved.code is None:
        return saved
    raise InputRejected(
        f"the annotation was refused: {saved.message}",
        code=saved.code,
        hint="`helicarrier content list` shows the keys.",
    )
