"""The ledger on each engine, and a run store beside it."""

import pytest

from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """A run store of this process: making its file takes longer than a test."""
    return RunStore(WarehouseStore(tmp_path_factory.mktemp("runs") / "warehouse.duckdb"))
