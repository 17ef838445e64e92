"""The ledger on each engine, and a run store beside it."""

import pytest

from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore
from tests.ledger.stores import ledger, migrated_postgres, migrated_sqlite, sqlite_ledger

__all__ = ["ledger", "migrated_postgres", "migrated_sqlite", "runs", "sqlite_ledger"]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """A run store of this process: making its file takes longer than a test."""
    return RunStore(WarehouseStore(tmp_path_factory.mktemp("runs") / "warehouse.duckdb"))
