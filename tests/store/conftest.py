"""Stores for the tests: an address on each engine, empty or at the newest revision."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore
from tests.postgres import fresh_database, libpq


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Address of an empty store, on SQLite and on Postgres."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return request.getfixturevalue(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate.upgrade(f"sqlite:///{folder / 'ledger.sqlite'}", folder / "backups")
    return folder / "ledger.sqlite"


@pytest.fixture(scope="session")
def migrated_database(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a Postgres database at the newest revision, to be copied."""
    with fresh_database(postgres_dsn) as url:
        migrate.upgrade(url, tmp_path_factory.mktemp("backups"))
        yield str(make_url(url).database)


@pytest.fixture
def migrated_sqlite_url(migrated_file: Path, sqlite_url: str) -> str:
    """Address of a SQLite file at the newest revision."""
    shutil.copyfile(migrated_file, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def migrated_postgres_url(postgres_dsn: str, migrated_database: str) -> Iterator[str]:
    """Address of a Postgres database at the newest revision."""
    name = f"{migrated_database}_{secrets.token_hex(4)}"
    new, old = sql.Identifier(name), sql.Identifier(migrated_database)
    with psycopg.connect(libpq(postgres_dsn), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(new, old))
        yield make_url(postgres_dsn).set(database=name).render_as_string(hide_password=False)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(new))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Address of a store at the newest revision, on SQLite and on Postgres."""
    name = "migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
    return request.getfixturevalue(name)


@pytest.fixture
def store(migrated_url: str) -> Iterator[OperationalStore]:
    """A store at the newest revision, on SQLite and on Postgres."""
    store = OperationalStore(migrated_url, wait_seconds=0.2)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(migrated_sqlite_url: str) -> Iterator[OperationalStore]:
    """A SQLite store at the newest revision that waits only shortly for a lock."""
    store = OperationalStore(migrated_sqlite_url, wait_seconds=0.2)
    yield store
    store.close()


@pytest.fixture
def unprivileged() -> Iterator[Callable[[], None]]:
    """Call it to go on without the rights of root, to whom no file is read-only."""
    before = os.geteuid()

    def give_up() -> None:
        if before == 0:
            os.seteuid(65534)

    yield give_up
    os.seteuid(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def read_only_folder(open_folder: Path, unprivileged: Callable[[], None]) -> Path:
    """An empty folder that cannot be written."""
    open_folder.chmod(0o555)
    unprivileged()
    return open_folder
