"""The rollback: the tables go, the record of their migration with them, and nothing else changes.

Each DROP is a transaction of its own, so it waits for one table at a time and cannot deadlock with
a worker that holds another. The switch goes first: from then on every decision finds that it is
off. On Postgres a waiting DROP makes everybody behind it wait, too, so it gives up after a moment
and tries again.
"""

import time
from datetime import datetime

from sqlalchemy import text

from helicarrier.advisory.tables import FEATURE
from helicarrier.errors import ErrorCode, StorageUnavailable
from helicarrier.ledger import audit
from helicarrier.store.operational import OperationalStore
from helicarrier.store.versions import P3

STATEMENTS = tuple(f"DROP TABLE IF EXISTS {name}" for name in (*P3.guests, P3.version_table))
"""In any order, as often as one likes; the switch first."""

WAIT_SECONDS = 60.0
"""How long each DROP tries to get its turn."""

_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', '1s', true)")


def roll_back(url: str, *, actor: str, now: datetime, wait_seconds: float = WAIT_SECONDS) -> None:
    """Drop what the area has in the store at `url`; workers may run meanwhile.

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be written, or STORAGE_BUSY after waiting; run it again.
    """
    store = OperationalStore(url, wait_seconds=wait_seconds)
    try:
        for statement in STATEMENTS:
            _drop(store, statement, wait_seconds)
        with store.write() as connection:
            audit.record(
                connection, actor=actor, action="advisory.rolled_back", subject=FEATURE, now=now
            )
    finally:
        store.close()


def _drop(store: OperationalStore, statement: str, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            with store.write() as connection:
                if store.dialect == "postgresql":
                    connection.execute(_LOCK_TIMEOUT)
                connection.execute(text(statement))
        except StorageUnavailable as error:
            if error.code is not ErrorCode.STORAGE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
