"""Services for the tests: the real application over a migrated store, asked as a client would."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from helicarrier.api.app import create_app
from helicarrier.ledger.tables import session_ledger
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from tests.ledger.stores import Ledger

__all__ = ["client", "settings", "v3_client"]

SECRET = "legacy-secret"
LOOPBACK = ("127.0.0.1", 50_000)
ELSEWHERE = ("192.0.2.7", 50_000)
SESSION = "/api/v3/ingest/session"
SESSIONS = "/api/v3/ingest/sessions"
JSON = {"content-type": "application/json"}


@pytest.fixture
def settings(ledger: Ledger, tmp_path: Path) -> Settings:
    """Settings of a service over the ledger."""
    return _over(ledger, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql", "legacy"])
def v3_client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a running service over each place where the V3 surface can live."""
    ledger: Ledger
    match request.param:
        case "sqlite":
            ledger = request.getfixturevalue("sqlite_ledger")
        case "postgresql":
            ledger = request.getfixturevalue("migrated_postgres")
            ledger.wipe()
        case _:
            with legacy_service(tmp_path) as client:
                yield client
            return
    with asking(
        Settings(data_dir=tmp_path, db_url=ledger.url, drain_seconds=0, alerts_every_seconds=0)
    ) as client:
        yield client


def _over(ledger: Ledger, folder: Path) -> Settings:
    """A service that judges no rule by itself: a test says when."""
    return Settings(data_dir=folder, db_url=ledger.url, drain_seconds=0, alerts_every_seconds=0)


@contextmanager
def legacy_service(folder: Path) -> Iterator[TestClient]:
    """A client, with the secret, of a service over the legacy store of a folder."""
    settings = Settings(data_dir=folder, enable_sqlite=False, secret=SECRET, drain_seconds=0)
    with asking(settings) as client:
        client.headers["x-secret-key"] = SECRET
        yield client


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of a running service."""
    with asking(settings) as client:
        yield client


def asking(
    settings: Settings, address: tuple[str, int] = LOOPBACK, host: str = "127.0.0.1"
) -> TestClient:
    """A client at an address; used as a context it starts and stops the service."""
    return TestClient(
        create_app(settings),
        base_url=f"http://{host}",
        client=address,
        raise_server_exceptions=False,
    )


def sessions(store: OperationalStore) -> int:
    """Sessions in the ledger."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(session_ledger)).scalar_one()
