"""The run store of a project: where its settings put it, with the operational store as witness.

One call for whoever does work that leaves rows: `with run_store(settings).run("asset") as run:`.
With SQLite runs are in the warehouse file, with Postgres beside the ledger, so that all machines of
a team share them. The witness keeps anchors in the audit log and reads the markers of the writers.
"""

import weakref
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from helicarrier import settings as configuration
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.ledger import audit, run_markers
from helicarrier.ledger.tables import audit_log
from helicarrier.settings import Settings
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.store.run_database import PostgresRuns
from helicarrier.store.run_model import Anchor, Written
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore

ANCHORED = "run_store.anchored"
SUBJECT = "run_events"


class _Details(msgspec.Struct, frozen=True):
    count: int
    head: str


def run_store(settings: Settings, warehouse: WarehouseStore | None = None) -> RunStore:
    """The run store that these settings mean.

    Args:
        settings: of this process; all but secrets count as configuration of its runs.
        warehouse: the owner of the warehouse file, where the process has one already.
    """
    address = parse_address(settings.url)
    config = configuration.public(settings, address.place)
    if isinstance(address, PostgresDatabase):
        database = PostgresRuns(settings.url)
        return RunStore(database, witness=LedgerWitness(settings.url), config=config)
    return RunStore(
        warehouse or WarehouseStore(settings.warehouse_path),
        witness=LedgerWitness(settings.url),
        config=config,
    )


class LedgerWitness:
    """The operational store as the witness of runs (`RunWitness`)."""

    def __init__(self, url: str) -> None:
        """Args: url of the operational store.

        A connection stays open between calls (the last to close a SQLite file rewrites it, which
        takes longer than a transaction) and is closed when this object goes.
        """
        self._store = OperationalStore(url)
        self._ready = False
        weakref.finalize(self, self._store.close)

    def written(self, run_id: str) -> Written:
        """See `RunWitness.written`."""
        with self._store.read() as connection:
            return run_markers.written(connection, run_id)

    def settle(self, run_id: str, anchor: Anchor) -> None:
        """See `RunWitness.settle`: both in one transaction."""
        if not self._ready:
            with open_query(self._store.url) as query:
                query.ready()
            self._ready = True
        with self._store.write() as connection:
            run_markers.remove(connection, [run_id])
            audit.record(
                connection,
                actor=f"run {run_id}",
                action=ANCHORED,
                subject=SUBJECT,
                now=anchor.anchored_at,
                details={"count": anchor.count, "head": anchor.head},
            )

    def anchors(self) -> Sequence[Anchor]:
        """See `RunWitness.anchors`."""
        query = (
            select(audit_log.c.occurred_at, audit_log.c.details_json)
            .where(audit_log.c.action == ANCHORED)
            .order_by(audit_log.c.occurred_at, audit_log.c.audit_id)
        )
        try:
            with self._store.read() as connection:
                rows = connection.execute(query).all()
        except NotReady as error:
            if error.code is not ErrorCode.MIGRATION_PENDING:
                raise
            return ()
        return [_anchor(row.occurred_at, row.details_json) for row in rows]


def _anchor(at: datetime, details: str) -> Anchor:
    """An anchor that cannot be read is one that nothing can agree with."""
    try:
        found = msgspec.json.decode(details, type=_Details)
    except msgspec.DecodeError:
        found = _Details(count=1, head="")
    return Anchor(count=found.count, head=found.head, anchored_at=at)
