"""Ledgers for the tests: a migrated store on each engine, fast to make empty, easy to compare.

Migrating costs a second, so it is done once for each engine and process: the SQLite file is
copied for each test, the Postgres database is emptied. `Ledger` is a store with an importer and a
writer under a fixed clock; its dumps leave out what differs from run to run.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Table, select

from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.ingest.importer import Importer, discover
from helicarrier.ingest.report import Progress
from helicarrier.ledger.model import Batch
from helicarrier.ledger.outcomes import BatchOutcome, Tally
from helicarrier.ledger.tables import (
    call_copies,
    dirty_days,
    import_files,
    ingest_quarantine,
    session_events,
    session_ledger,
    session_tellings,
    session_usage,
    usage_cost_history,
)
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.parity import ledger_parity
from tests import core_tables
from tests.postgres import fresh_database

NOW = "2026-11-01T12:00:00.000000Z"
LEDGER = (session_ledger, session_events, session_usage)
EVERYTHING = (
    *LEDGER,
    session_tellings,
    call_copies,
    ingest_quarantine,
    dirty_days,
    usage_cost_history,
)
_OF_THE_RUN = {
    "run_id",
    "ingested_at",
    "computed_at",
    "marked_at",
    "generation",
    "imported_at",
    "first_seen",
}
Dump = dict[str, list[tuple[object, ...]]]
Contents = dict[Table, list[dict[str, object]]]


class Ledger:
    """A migrated store with an importer and a writer under a fixed clock."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = OperationalStore(url)
        self.pricer = Pricer(PriceBook())

    def importer(self, run_id: str = "run", now: str = NOW) -> Importer:
        """An importer of one run."""
        return Importer(store=self.store, run_id=run_id, pricer=self.pricer, clock=lambda: now)

    def read(self, *paths: Path, run_id: str = "run", now: str = NOW) -> Progress:
        """Import files and folders; every record of them must be accounted for."""
        progress = self.importer(run_id, now).run(discover(paths))
        records = progress.records
        assert records.read == (
            records.written
            + records.duplicate
            + records.skipped
            + records.quarantined
            + records.deferred
        ), records
        assert min(getattr(records, name) for name in records.__slots__) >= 0, records
        return progress

    def write(
        self, *batches: Batch, run_id: str = "run", now: str = NOW
    ) -> tuple[Tally, list[BatchOutcome]]:
        """Write batches in one transaction."""
        writer = LedgerWriter(run_id=run_id, now=now, pricer=self.pricer)
        with self.store.write() as connection:
            return writer.write(connection, batches)

    def rows(self, table: Table) -> list[dict[str, object]]:
        """All rows of a table in the order of its key."""
        with self.store.read() as connection:
            found = connection.execute(select(table).order_by(*table.primary_key.columns))
            return [dict(row._mapping) for row in found]

    def row(self, table: Table) -> dict[str, object]:
        """The one row of a table."""
        (row,) = self.rows(table)
        return row

    def dump(
        self,
        tables: Sequence[Table] = (*LEDGER, ingest_quarantine),
        *,
        leave_out: set[str] = frozenset(),
    ) -> Dump:
        """Tables without what tells of the run and not of the sessions."""
        assert ledger_parity(self.store, None) == [], "the writers' totals are those of the rows"
        left_out = _OF_THE_RUN | leave_out
        return {
            table.name: sorted(
                (
                    tuple(value for name, value in row.items() if name not in left_out)
                    for row in self.rows(table)
                ),
                key=repr,
            )
            for table in tables
        }

    def whole_dump(self) -> Dump:
        """Everything an import may write but its register, to the last column."""
        return {
            table.name: [tuple(row.values()) for row in self.rows(table)] for table in EVERYTHING
        }

    def marked(self) -> set[tuple[str, str]]:
        """The dirty days as (dataset, day)."""
        return {(str(r["dataset"]), str(r["bucket_date"])) for r in self.rows(dirty_days)}

    def clean(self) -> None:
        """Forget the dirty days, as refreshing them all would."""
        with self.store.write() as connection:
            connection.execute(dirty_days.delete())

    def forget_files(self) -> None:
        """Forget what was imported from where: the next import reads everything again."""
        with self.store.write() as connection:
            connection.execute(import_files.delete())

    def contents(self) -> Contents:
        """Every row of every table that has some, to be put into another ledger by `fill`."""
        found = {table: self.rows(table) for table in core_tables.IN_ORDER}
        return {table: rows for table, rows in found.items() if rows}

    def fill(self, contents: Contents) -> None:
        """Put rows of another ledger into this empty one, whichever engine either is on."""
        with self.store.write() as connection:
            for table, rows in contents.items():
                if table.name not in core_tables.SEEDED:
                    connection.execute(table.insert(), rows)

    def wipe(self) -> None:
        """Empty every table, so that no test sees what another one left in a shared database."""
        with self.store.write() as connection:
            core_tables.empty(connection)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store at the newest revision, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    path = folder / "ledger.sqlite"
    migrate.upgrade(f"sqlite:///{path}", folder)
    return path


@pytest.fixture(scope="session")
def migrated_postgres(
    postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A Postgres database at the newest revision, shared by the tests of this process."""
    with fresh_database(postgres_dsn) as url:
        migrate.upgrade(url, tmp_path_factory.mktemp("backups"))
        ledger = Ledger(url)
        yield ledger
        ledger.store.close()


@pytest.fixture
def sqlite_ledger(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on SQLite."""
    path = tmp_path / "ledger.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    ledger = Ledger(f"sqlite:///{path}")
    yield ledger
    ledger.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """An empty ledger, on SQLite and on Postgres."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_ledger")
    ledger: Ledger = request.getfixturevalue("migrated_postgres")
    ledger.wipe()
    return ledger
