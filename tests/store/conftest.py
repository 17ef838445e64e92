"""Stores for the tests: an address on each engine, empty or at the newest revision."""

from collections.abc import Iterator
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
