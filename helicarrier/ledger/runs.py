"""The run store of a project: where its settings put it, with the operational store as witness.

One call for whoever does work that leaves rows: `with run_store(settings).run("asset") as run:`.
With SQLite runs are in the warehouse file, with Postgres beside the ledger, so that all machines of
a team share them. The witness keeps anchors in the audit log and reads the markers of the writers.
"""

import weakref
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import select

from helicarrier import settings as configuration
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.ledger import audit, run_markers
from helicarrier.ledger.tables import audit_log
from helicarrier.settings import Settings
from helicarrier.store import warehouse_markers
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.store.run_database import PostgresRuns
from helicarrier.store.run_model import Anchor, Written
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore

_T = TypeVar("_T")

ANCHORED = "run_store.anchored"
SUBJECT = "run_events"


_NOTHING = Written(complete=False, outputs=())


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
    file = warehouse or WarehouseStore(settings.warehouse_path)
    database = PostgresRuns(settings.url) if isinstance(address, PostgresDatabase) else file
    return RunStore(database, witness=LedgerWitness(settings.url, file), config=config)


class LedgerWitness:
    """The operational store as the witness of runs (`RunWitness`).

    Of runs that wrote content or git history the markers of the warehouse file tell.
    """

    def __init__(self, url: str, warehouse: WarehouseStore | None = None) -> None:
        """Args: url of the operational store; warehouse, the owner of the file.

        A connection stays open between calls (the last to close a SQLite file rewrites it, which
        takes longer than a transaction) and is closed when this object goes.
        """
        self._store = OperationalStore(url)
        self._warehouse = warehouse
        self._ready = False
        weakref.finalize(self, self._store.close)

    def written(self, run_id: str) -> Written:
        """See `RunWitness.written`: a run writes the one store or the other."""
        here, there = self._in_ledger(run_id), self._in_warehouse(run_id)
        return Written(
            complete=here.complete or there.complete, outputs=here.outputs + there.outputs
        )

    def _in_ledger(self, run_id: str) -> Written:
        def read() -> Written:
            with self._store.read() as connection:
                return run_markers.written(connection, run_id)

        return _read_if_there(read, _NOTHING)

    def _in_warehouse(self, run_id: str) -> Written:
        file = self._warehouse
        if file is None:
            return _NOTHING

        def read() -> Written:
            with file.read() as connection:
                return warehouse_markers.written(connection, run_id)

        return _read_if_there(read, _NOTHING)

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

        def read() -> Sequence[Anchor]:
            with self._store.read() as connection:
                rows = connection.execute(query).all()
            return [_anchor(row.occurred_at, row.details_json) for row in rows]

        return _read_if_there(read, ())


def _read_if_there(read: Callable[[], _T], nothing: _T) -> _T:
    """What a store says; a store that is not there yet holds nothing."""
    try:
        return read()
    except NotReady as error:
        if error.code is not ErrorCode.MIGRATION_PENDING:
            raise
        return nothing


def _anchor(at: datetime, details: str) -> Anchor:
    """An anchor that cannot be read is one that nothing can agree with."""
    try:
        found = msgspec.json.decode(details, type=_Details)
    except msgspec.DecodeError:
        found = _Details(count=1, head="")
    return Anchor(count=found.count, head=found.head, anchored_at=at)
