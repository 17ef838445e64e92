"""Rows of content: the file they came from, what is said about them, the run."""

from helicarrier.lineage.content.tables import CARRIED_OVER
from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import Row, Sources, text
from helicarrier.lineage.explain.tree import Node

_MOST = 5

_VERSIONS = """
SELECT version, created_at, run_id FROM documents WHERE doc_key = $doc_key ORDER BY version
"""
_REMARKS = """
SELECT id, author_id, created_at FROM annotations WHERE parent_id = $id ORDER BY created_at, id
"""
_DOCUMENT = "SELECT doc_type, title, status, version FROM documents WHERE id = $parent_id"


def of_document(sources: Sources, row: Row) -> list[Node]:
    """A version of a document: its source, the other versions, the remarks, the run."""
    versions = sources.warehouse.rows(_VERSIONS, {"doc_key": row["doc_key"]})
    remarks = sources.warehouse.rows(_REMARKS, {"id": row["id"]})
    return [
        *_source(sources, row),
        Node(
            title=f"versions of the document: {len(versions)}",
            facts={
                f"version {one['version']}": f"{text(one, 'created_at')} by {text(one, 'run_id')}"
                for one in versions[-_MOST:]
            },
        ),
        Node(
            title=f"remarks about this version: {len(remarks)}",
            facts={text(one, "id"): f"by {text(one, 'author_id')}" for one in remarks[:_MOST]},
        ),
        _run(sources, row),
    ]


def of_message(sources: Sources, row: Row) -> list[Node]:
    """A message: the run that read it, with its files."""
    return [_run(sources, row)]


def of_annotation(sources: Sources, row: Row) -> list[Node]:
    """A remark: the version it is about, the run."""
    found = sources.warehouse.rows(_DOCUMENT, {"parent_id": row["parent_id"]})
    about = [
        Node(
            title=f"document {text(row, 'parent_id')}",
            facts={name: str(value) for name, value in one.items() if value is not None},
        )
        for one in found
    ]
    return [*about, _run(sources, row)]


def _source(sources: Sources, row: Row) -> list[Node]:
    """The file of the run whose content is that of the row; a line has no such file."""
    inputs, _ = sources.runs.edges(text(row, "run_id"))
    return [
        Node(title=f"source {edge.partition_key}", facts={"sha256": edge.fingerprint})
        for edge in inputs
        if edge.fingerprint == row["source_checksum"]
    ]


def _run(sources: Sources, row: Row) -> Node:
    run_id = text(row, "run_id")
    if run_id == CARRIED_OVER:
        told = "carried over from an earlier layout, whose rows did not name their run"
        return Node(title=f"run {run_id}", facts={"known": told})
    return run_node(sources.runs, run_id)
