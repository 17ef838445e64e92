"""The service: ready when its store is, alive without it, and finished before it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from helicarrier.settings import Settings
from helicarrier.store.run_model import RunStatus
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore
from tests.api.services import SESSION, asking
from tests.api.serving import PLAIN
from tests.api.test_ingest import envelope


def test_it_makes_its_store_and_is_ready(tmp_path: Path) -> None:
    """Migrations run before it says so."""
    with asking(Settings(data_dir=tmp_path)) as client:
        assert client.get("/readyz").json() == {"ok": True}
        assert client.post(SESSION, json=envelope()).status_code == 200


def test_without_a_store_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    """A folder in the place of the database: the same code each time, and no stray file."""
    place = tmp_path / "folder"
    place.mkdir()
    with asking(Settings(data_dir=tmp_path, db_path=place)) as client:
        answers = {client.get("/readyz").content for _ in range(3)}
        assert client.get("/readyz").json()["code"] == "DB_PATH_INVALID"
        assert client.get("/healthz").status_code == 200
        refused = client.post(SESSION, json=envelope())
    assert len(answers) == 1
    assert (refused.status_code, refused.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
    assert refused.headers["retry-after"] == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_store_that_appears_needs_no_restart(tmp_path: Path) -> None:
    """The service tries again."""
    place = tmp_path / "folder"
    place.mkdir()
    with asking(Settings(data_dir=tmp_path, db_path=place)) as client:
        assert client.get("/readyz").status_code == 503
        place.rmdir()
        deadline = time.monotonic() + 300
        while client.get("/readyz").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.post(SESSION, json=envelope()).status_code == 200


def test_what_it_wrote_has_a_run(tmp_path: Path) -> None:
    """One from its start to its end, with the number of rows."""
    settings = Settings(data_dir=tmp_path)
    with asking(settings) as client:
        client.post(SESSION, json=envelope())
    (run,) = RunStore(WarehouseStore(settings.warehouse_path)).runs_for("http_ingest", None)
    assert (run.status, run.rows_out) == (RunStatus.COMPLETED, 2)


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


def test_a_signal_finishes_what_was_begun(tmp_path: Path, port: int) -> None:
    """While requests run: not ready first, everything acknowledged is stored, exit code 0."""
    settings = Settings(data_dir=tmp_path)
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "helicarrier", "serve", "--port", str(port)],
        env=os.environ
        | {"HELICARRIER_DATA_DIR": str(tmp_path), "HELICARRIER_DRAIN_SECONDS": "0.3"},
        stderr=subprocess.DEVNULL,
    )
    acknowledged: list[str] = []
    seen: list[int] = []

    def send(worker: int) -> None:
        with httpx.Client(base_url=address, verify=PLAIN) as client:
            for number in range(10_000):
                name = f"s-{worker}-{number}"
                try:
                    answer = client.post(SESSION, json=envelope(name))
                except httpx.HTTPError:
                    return
                if answer.status_code == 200:
                    acknowledged.append(name)

    def watch() -> None:
        with httpx.Client(base_url=address, verify=PLAIN) as client:
            while True:
                try:
                    seen.append(client.get("/readyz").status_code)
                except httpx.HTTPError:
                    return
                time.sleep(0.02)

    try:
        _wait_until_ready(address)
        threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
        threads.append(threading.Thread(target=watch))
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 300
        while not (seen and acknowledged) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=300)
        for thread in threads:
            thread.join(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert (code, seen[0], seen[-1]) == (0, 200, 503)
    with asking(settings) as client:
        answers = {
            client.post(SESSION, json=envelope(name)).json()["status"] for name in acknowledged
        }
    assert acknowledged
    assert answers == {"duplicate"}


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/readyz", verify=PLAIN).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    pytest.fail("the service did not become ready")
