"""Where the V3 surface reads and writes: the database, or the legacy store in its place.

The routes know the Protocols alone. What the legacy store cannot do is refused before it is tried,
with one problem that is always the same.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from helicarrier.alerts.desk import AlertDesk, SqlAlertDesk
from helicarrier.errors import ErrorCode, RequestRefused
from helicarrier.ledger.repository import LedgerRepository, SqlLedgerRepository
from helicarrier.legacy.alerts import LegacyAlertDesk
from helicarrier.legacy.file import LegacyFile
from helicarrier.legacy.ledger import LegacyLedgerRepository
from helicarrier.legacy.usage import LegacyPerformance, LegacyUsage
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.usage.analytics import SqlUsageAnalytics, UsageAnalytics
from helicarrier.usage.repository import PerformanceRepository, SqlPerformanceRepository

_CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Usage and performance of one snapshot."""

    usage: UsageAnalytics
    performance: PerformanceRepository


class Backend(Protocol):
    """The repositories of a service."""

    @property
    def ledger(self) -> LedgerRepository:
        """Sessions."""
        ...

    @property
    def alerts(self) -> AlertDesk:
        """Rules and what fires."""
        ...

    def figures(self) -> AbstractContextManager[Figures]:
        """Usage and performance, from one snapshot."""
        ...


class DatabaseBackend:
    """Everything in the database."""

    def __init__(self, store: OperationalStore, url: str) -> None:
        """Args: the store and its URL."""
        self.ledger: LedgerRepository = SqlLedgerRepository(store)
        self.alerts: AlertDesk = SqlAlertDesk(store)
        self._url = url

    @contextmanager
    def figures(self) -> Iterator[Figures]:
        """See `Backend.figures`."""
        with open_query(self._url) as query:
            yield Figures(
                usage=SqlUsageAnalytics(query), performance=SqlPerformanceRepository(query)
            )


class LegacyBackend:
    """Everything in the legacy store."""

    def __init__(self, file: LegacyFile) -> None:
        """Args: file."""
        self.ledger: LedgerRepository = LegacyLedgerRepository(file)
        self.alerts: AlertDesk = LegacyAlertDesk(file)
        self._file = file

    @contextmanager
    def figures(self) -> Iterator[Figures]:
        """See `Backend.figures`."""
        book = self._file.book()
        yield Figures(usage=LegacyUsage(book), performance=LegacyPerformance(book))


def require_database(settings: Settings) -> None:
    """Passes while the database is on.

    Raises:
        RequestRefused: DATABASE_DISABLED.
    """
    if not settings.enable_sqlite:
        raise RequestRefused(
            _CONFLICT,
            ErrorCode.DATABASE_DISABLED,
            "the service works on the legacy store, which has no such thing",
        )
