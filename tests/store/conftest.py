"""Stores for the tests: an address on each engine, empty or at the newest revision."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Address of an empty store, on SQLite and on Postgres."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return request.getfixturevalue(name)


@pytest.fixture
def migrated_url(url: str, tmp_path: Path) -> str:
    """Address of a store at the newest revision, on SQLite and on Postgres."""
    migrate.upgrade(url, tmp_path / "backups")
    return url


@pytest.fixture
def store(migrated_url: str) -> Iterator[OperationalStore]:
    """A store at the newest revision, on SQLite and on Postgres."""
    store = OperationalStore(migrated_url, wait_seconds=0.2)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(sqlite_url: str, tmp_path: Path) -> Iterator[OperationalStore]:
    """A SQLite store at the newest revision that waits only shortly for a lock."""
    migrate.upgrade(sqlite_url, tmp_path / "backups")
    store = OperationalStore(sqlite_url, wait_seconds=0.2)
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
