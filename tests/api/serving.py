"""The service as a process to be killed, a proxy that cuts, and what must hold afterwards."""

import contextlib
import os
import random
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import httpx
import pytest

from helicarrier.store.operational import OperationalStore
from helicarrier.usage.parity import ledger_parity

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients without TLS: else each of them reads every authority there is, for 20 ms of work."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


class Serving:
    """`helicarrier serve` over a data folder; used as a context it ends with it."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        settings = {"data_dir": str(data_dir), "drain_seconds": "0.3"} | variables
        self._environment = os.environ | {
            f"HELICARRIER_{name.upper()}": text for name, text in settings.items()
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; it is not ready yet."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "helicarrier", "serve", "--port", str(self.port)],
            env=self._environment,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def wait_until_ready(self) -> None:
        """Until `/readyz` says so."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.address}/readyz", verify=PLAIN).status_code == 200:
                    return
            time.sleep(0.05)
        pytest.fail("the service did not become ready")


class CuttingProxy:
    """Passes bytes on to a port, and cuts about every other connection after some, either way."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._upstream = port
        self._rng = rng
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cuts = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        pumps: list[threading.Thread] = []
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                break
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:
                client.close()
                continue
            for source, target in ((client, server), (server, client)):
                budget = self._rng.choice([None, None, None, self._rng.randrange(20, 4_000)])
                pump = threading.Thread(target=self._pump, args=(source, target, budget))
                pumps.append(pump)
                pump.start()
        for pump in pumps:
            pump.join()

    def _pump(self, source: socket.socket, target: socket.socket, budget: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if budget is not None:
                    data, budget = data[:budget], budget - len(data)
                target.sendall(data)
                if budget is not None and budget <= 0:
                    self.cuts += 1
                    break
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def check_invariants(data_dir: Path, acknowledged: Iterable[str], sent: Iterable[str]) -> None:
    """What holds after every scenario.

    What was acknowledged is stored, nothing else than what was sent is, each once; the totals of
    the writers are those of the rows; the file is sound; no cost is without its provenance.
    """
    path = data_dir / "helicarrier.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        stored = [row[0] for row in connection.execute("SELECT session_id FROM session_ledger")]
        calls = [row[0] for row in connection.execute("SELECT session_id FROM session_usage")]
        sound = connection.execute("PRAGMA integrity_check").fetchall()
        dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
        bare = connection.execute(
            "SELECT COUNT(*) FROM session_usage WHERE cost_usd IS NOT NULL"
            " AND (pricing_version IS NULL OR cost_source = 'missing')"
        ).fetchone()
    lost, invented = set(acknowledged) - set(stored), set(stored) - set(sent)
    assert not lost, f"acknowledged and not stored: {sorted(lost)[:5]}, {len(lost)} in all"
    assert not invented, f"stored and never sent: {sorted(invented)[:5]}"
    assert sorted(calls) == sorted(set(stored)), "each session has its one call"
    assert (sound, dangling, bare) == ([("ok",)], [], (0,)), "the file is sound"
    store = OperationalStore(f"sqlite:///{path}")
    try:
        assert ledger_parity(store, None) == [], "the writers' totals are those of the rows"
    finally:
        store.close()
