"""Opening stores for commands: ready or an error that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from helicarrier.settings import Settings

if TYPE_CHECKING:
    from helicarrier.store.operational import OperationalStore


@contextmanager
def ready_store(settings: Settings, *, make: bool = False) -> Iterator["OperationalStore"]:
    """The operational store at the newest schema, closed after the block.

    Args: settings; make: bring one into being where there is none.

    Raises:
        NotReady: there is none, or its schema is not that of this version.
        StorageUnavailable: it cannot be reached.
    """
    from helicarrier.store import migrate
    from helicarrier.store.operational import OperationalStore
    from helicarrier.store.query import open_query

    if make and migrate.readiness(settings.url).current is None:
        migrate.upgrade(settings.url, settings.backups_dir)
    with open_query(settings.url) as query:
        query.ready()
    store = OperationalStore(settings.url)
    try:
        yield store
    finally:
        store.close()
