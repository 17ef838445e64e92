"""The repositories of the reports, each on a snapshot of what the ledger holds now."""

from collections.abc import Iterator
from contextlib import contextmanager

from helicarrier.store.query import open_query
from helicarrier.usage.repository import SqlPerformanceRepository, SqlUsageRepository
from tests.usage.conftest import Usage


@contextmanager
def reading(usage: Usage) -> Iterator[SqlUsageRepository]:
    """The usage repository."""
    with open_query(usage.ledger.url) as query:
        yield SqlUsageRepository(query)


@contextmanager
def measuring(usage: Usage) -> Iterator[SqlPerformanceRepository]:
    """The performance repository."""
    with open_query(usage.ledger.url) as query:
        yield SqlPerformanceRepository(query)
