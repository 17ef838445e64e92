"""Resolution stores on each engine."""

import pytest

from helicarrier.store.operational import OperationalStore
from tests.ledger.stores import Ledger


@pytest.fixture
def store(ledger: Ledger) -> OperationalStore:
    """An empty store, on SQLite and on Postgres."""
    return ledger.store
