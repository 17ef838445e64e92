"""Resolution stores on each engine."""

import pytest

from helicarrier.store.operational import OperationalStore
from tests.ledger.stores import Ledger, ledger, migrated_postgres, migrated_sqlite, sqlite_ledger

__all__ = ["ledger", "migrated_postgres", "migrated_sqlite", "sqlite_ledger", "store"]


@pytest.fixture
def store(ledger: Ledger) -> OperationalStore:
    """An empty store, on SQLite and on Postgres."""
    return ledger.store
