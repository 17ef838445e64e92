"""Storage that fails under a running service: said so, nothing lost, no restart needed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from helicarrier.errors import StorageUnavailable
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.tables import session_usage
from helicarrier.settings import Settings
from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.parity import ledger_parity
from tests.api.services import SESSION, asking, sessions
from tests.api.serving import Serving, check_invariants
from tests.api.test_ingest import envelope
from tests.control.conftest import eventually
from tests.ingest.corpora import make_corpus
from tests.ledger.stores import Ledger
from tests.postgres import Cluster, PostgresUnavailableError, private_folder, start_cluster

SHIM = Path(__file__).with_name("failing_disk.c")


def send(running: Serving, name: str) -> httpx.Response:
    """One session."""
    return httpx.post(f"{running.address}{SESSION}", json=envelope(name), timeout=60)


def assert_unavailable(answer: httpx.Response) -> None:
    """The one answer for a store that cannot be used."""
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "STORAGE_UNAVAILABLE"


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the failing disk needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "failing_disk.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SHIM), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


@pytest.mark.parametrize("fault", ["sync 1", "write 4"])
def test_a_failing_disk_refuses_and_recovers(
    fault: str, failing_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO at the flush of a commit, ENOSPC in the middle of its pages."""
    switch = tmp_path / "switch"
    monkeypatch.setenv("LD_PRELOAD", str(failing_disk))
    monkeypatch.setenv("FAILING_PATH", "helicarrier.sqlite")
    monkeypatch.setenv("FAILING_SWITCH", str(switch))
    with Serving(tmp_path) as running:
        assert send(running, "s-1").status_code == 200
        switch.write_text(fault, encoding="ascii")
        assert_unavailable(send(running, "s-2"))
        assert_unavailable(send(running, "s-3"))
        switch.unlink()
        again = send(running, "s-2")
        assert (again.status_code, again.json()["status"]) == (200, "created")
        running.kill()
        check_invariants(tmp_path, {"s-1", "s-2"}, {"s-1", "s-2"})


def test_a_full_database_refuses_and_recovers(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """What does not fit is not acknowledged; with space again it is taken."""
    settings = Settings(data_dir=tmp_path, db_url=sqlite_ledger.url, drain_seconds=0)
    with asking(settings) as client:
        store: OperationalStore = client.app.state.service.store  # type: ignore[attr-defined]
        client.post(SESSION, json=envelope("s-1"))
        with store.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        long = envelope("s-2", task="x" * 100_000)
        refused = client.post(SESSION, json=long)
        assert (refused.status_code, refused.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
        assert sessions(sqlite_ledger.store) == 1
        with store.write() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages * 10}")
        assert client.post(SESSION, json=long).json()["status"] == "created"
    assert sessions(sqlite_ledger.store) == 2


@pytest.fixture
def cluster(postgres_dsn: str) -> Iterator[Cluster]:
    """A server of this test's own. Where the session has none, there is none for it."""
    del postgres_dsn
    folder = private_folder()
    try:
        started = start_cluster(folder)
    except PostgresUnavailableError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(str(error))
    yield started
    started.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_goes_and_comes_back_needs_no_restart(
    cluster: Cluster, tmp_path: Path
) -> None:
    """While it is away the service says so; afterwards it goes on, with all that it had taken."""
    url = address_of(cluster)
    with Serving(tmp_path, db_url=url) as running:
        assert send(running, "s-1").status_code == 200
        cluster.stop()
        assert_unavailable(send(running, "s-2"))
        eventually(lambda: httpx.get(f"{running.address}/readyz").status_code == 503)
        cluster.start()
        eventually(lambda: send(running, "s-2").status_code == 200)
        eventually(lambda: httpx.get(f"{running.address}/readyz").status_code == 200)
    store = OperationalStore(url)
    try:
        assert sessions(store) == 2
    finally:
        store.close()


def test_an_import_whose_server_goes_is_completed_by_the_next(
    cluster: Cluster, tmp_path: Path
) -> None:
    """It ends with the code of storage; what it had committed stays and comes once."""
    corpus = make_corpus(tmp_path / "corpus", 12)
    undisturbed = import_sessions(Settings(data_dir=tmp_path / "undisturbed"), [corpus])
    settings = Settings(data_dir=tmp_path / "data", db_url=address_of(cluster))
    migrate.upgrade(settings.url, settings.backups_dir)
    command = [sys.executable, "-m", "helicarrier", "import", str(corpus), "--workers", "1"]
    process = subprocess.Popen(
        command,
        env=os.environ
        | {"HELICARRIER_DATA_DIR": str(settings.data_dir), "HELICARRIER_DB_URL": settings.url},
        stderr=subprocess.PIPE,
        text=True,
    )
    store = OperationalStore(settings.url)
    try:
        eventually(lambda: calls(store) > 0 or process.poll() is not None, 120)
        cluster.stop()
        _, said = process.communicate(timeout=120)
        assert process.returncode == StorageUnavailable.exit_code, said
        assert "Traceback" not in said
        cluster.start()
        completed = import_sessions(settings, [corpus])
        again = import_sessions(settings, [corpus])
        assert (completed.outcome, again.progress.rows.total) == ("completed", 0)
        assert calls(store) == undisturbed.progress.rows.calls_new
        assert ledger_parity(store, None) == []
    finally:
        store.close()


def address_of(cluster: Cluster) -> str:
    """As the settings take it."""
    return cluster.url.render_as_string(hide_password=False)


def calls(store: OperationalStore) -> int:
    """Calls in the ledger; a connection that died with its server is made anew."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(session_usage)).scalar_one()
