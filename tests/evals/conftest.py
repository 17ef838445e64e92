"""Eval stores on each engine."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from helicarrier.evals.tables import ai_provider_configs
from helicarrier.store.operational import OperationalStore
from tests.ledger.stores import Ledger

INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(ledger: Ledger) -> Iterator[OperationalStore]:
    """An empty store with the providers of a new installation."""
    yield ledger.store
    with ledger.store.write() as connection:
        table = ai_provider_configs
        connection.execute(table.delete().where(table.c.id.not_in(["prod-openai", "prod-custom"])))
        for provider, default, weight in (("custom", 0, 10), ("openai", 1, 100)):
            connection.execute(
                update(table)
                .where(table.c.provider == provider)
                .values(enabled=1, is_default=default, weight=weight, updated_at=INSTALLED)
            )
