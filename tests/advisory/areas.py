"""Stores with the advisory tables for the tests, and dumps of schemas to compare.

Migrating costs a second, so it is done once for each engine and process: the SQLite file is copied
for each test, the Postgres database is emptied.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, insert, select, text

from helicarrier.advisory import switch
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.advisory.tables import FEATURE, TABLES, p3_feature_state
from helicarrier.matches.model import MatchResult
from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore
from helicarrier.store.versions import P3
from tests import core_tables
from tests.postgres import fresh_database

__all__ = ["area", "installed_postgres", "installed_sqlite", "sqlite_area"]

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)

RESULT = MatchResult(
    result_id="m1",
    resume_id="17ef78e3-fde4-5652-8fcf-04b76e4e5b73",
    job_posting_id="6fcf2afd-cf15-5616-96a1-5707349da062",
    match_score=53,
    qualifications_met=9,
    qualifications_missing=3,
    provider="own",
    model="m",
    created_at=NOW,
    application_deadline=NOW + timedelta(days=2),
)
"""Of which every model has something to say."""

_SCHEMA = {
    "sqlite": """
        SELECT type || ' ' || name || ' ' || tbl_name || ' ' || COALESCE(sql, '') AS line
        FROM sqlite_master ORDER BY type, name
    """,
    "postgresql": """
        SELECT 'column ' || table_name || '.' || column_name || ' ' || ordinal_position || ' '
          || data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '')
          || ' ' || COALESCE(numeric_precision, 0) || ' ' || COALESCE(numeric_scale, 0) AS line
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL
        SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' '
          || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
        UNION ALL
        SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT 'trigger ' || pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger
        WHERE NOT tgisinternal
        UNION ALL
        SELECT 'view ' || viewname || definition FROM pg_views WHERE schemaname = 'public'
        UNION ALL
        SELECT 'comment ' || objoid::regclass || ' ' || objsubid || ' ' || description
        FROM pg_description WHERE classoid = 'pg_class'::regclass
          AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
        ORDER BY line
    """,
}


@dataclass(frozen=True)
class Area:
    """A store at the newest schema with empty advisory tables, switched off."""

    url: str
    store: AdvisoryStore

    def turn(self, percent: int = 100) -> None:
        """Turn it on."""
        switch.enable(self.url, Path("/nowhere"), percent=percent, actor="test", now=BEFORE)

    def turn_off(self) -> None:
        """Turn it off."""
        switch.disable(self.url, actor="test", now=BEFORE)

    def rows(self, table: Table) -> list[dict[str, object]]:
        """The rows of a table in the order of its key."""
        with self.store.read() as connection:
            found = connection.execute(select(table).order_by(*table.primary_key.columns))
            return [dict(row._mapping) for row in found]

    def lines(self) -> list[str]:
        """The schema of everything, a line each."""
        with self.store.read() as connection:
            return list(connection.execute(text(_SCHEMA[self.store.dialect])).scalars())

    def others(self) -> bytes:
        """The schema of everything that is not the area's, as bytes."""
        kept = [line for line in self.lines() if "p3_" not in line and "_p3" not in line]
        return "\n".join(kept).encode()

    def empty(self) -> None:
        """Bring back the tables where a test dropped them, and empty all of them."""
        migrate.upgrade(self.url, Path("/nowhere"), environment=P3)
        plain = OperationalStore(self.url)
        with plain.write() as connection:
            for table in TABLES:
                connection.execute(table.delete())
            connection.execute(
                insert(p3_feature_state).values(feature_name=FEATURE, updated_at=BEFORE)
            )
            core_tables.empty(connection)
        plain.close()


@pytest.fixture(scope="session")
def installed_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store with the advisory tables, to be copied."""
    folder = tmp_path_factory.mktemp("installed")
    path = folder / "store.sqlite"
    for environment in (migrate.CORE, P3):
        migrate.upgrade(f"sqlite:///{path}", folder, environment=environment)
    return path


@pytest.fixture(scope="session")
def installed_postgres(
    postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Area]:
    """A Postgres database with the advisory tables, shared by the tests of this process."""
    with fresh_database(postgres_dsn) as url:
        for environment in (migrate.CORE, P3):
            migrate.upgrade(url, tmp_path_factory.mktemp("backups"), environment=environment)
        store = AdvisoryStore(url)
        yield Area(url, store)
        store.close()


@pytest.fixture
def sqlite_area(installed_sqlite: Path, tmp_path: Path) -> Iterator[Area]:
    """An area on SQLite."""
    path = tmp_path / "store.sqlite"
    shutil.copyfile(installed_sqlite, path)
    store = AdvisoryStore(f"sqlite:///{path}")
    yield Area(store.url, store)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def area(request: pytest.FixtureRequest) -> Area:
    """An area on SQLite and on Postgres."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_area")
    found: Area = request.getfixturevalue("installed_postgres")
    found.empty()
    return found
