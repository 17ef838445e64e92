"""Markers of the warehouse file: with the rows or not at all, added up, let go in time."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from helicarrier.store import warehouse_markers
from helicarrier.store.run_model import Edge, Written
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[WarehouseStore]:
    """A file of its own."""
    with closing(WarehouseStore(tmp_path / "w.duckdb")) as store:
        yield store


def written(warehouse: WarehouseStore, run_id: str) -> Written:
    """What the markers of a run say."""
    with warehouse.read() as connection:
        return warehouse_markers.written(connection, run_id)


def test_markers_add_up_and_the_last_makes_the_run_complete(warehouse: WarehouseStore) -> None:
    """Over several transactions; a transaction that is rolled back marks nothing."""
    for last in (False, True):
        with warehouse.write() as connection:
            warehouse_markers.mark(connection, "r", {("documents", ""): 2}, last=last)
        output = Edge(dataset="documents", partition_key="", rows=4 if last else 2)
        assert written(warehouse, "r") == Written(complete=last, outputs=(output,))
    with suppress(RuntimeError), warehouse.write() as connection:
        warehouse_markers.mark(connection, "other", {("documents", ""): 2})
        raise RuntimeError
    assert written(warehouse, "other") == Written(complete=False, outputs=())


def test_markers_of_runs_that_have_ended_are_let_go(warehouse: WarehouseStore) -> None:
    """Those of a run in progress stay."""
    runs = RunStore(warehouse)
    with runs.run("content_import", new_id=lambda: "done"), warehouse.write() as connection:
        warehouse_markers.mark(connection, "done", {}, last=True)
    with runs.run("content_import", new_id=lambda: "busy"):
        with warehouse.write() as connection:
            warehouse_markers.mark(connection, "busy", {("messages", ""): 1})
        with warehouse.write() as connection:
            warehouse_markers.mark(connection, "next", {}, last=True)
        assert not written(warehouse, "done").complete
        assert written(warehouse, "busy").outputs
