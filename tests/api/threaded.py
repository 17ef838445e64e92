"""A real server for the tests: uvicorn on a free port of this machine, in a thread of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from helicarrier.api.app import create_app
from helicarrier.api.server import Server
from helicarrier.settings import Settings
from tests.api.serving import PLAIN

_READY_SECONDS = 300


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The address of a service that is ready, until the block is left."""
    server = Server(create_app(settings), host="127.0.0.1", port=0, drain_seconds=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{_port(server)}"
        _wait_until_ready(address)
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=_READY_SECONDS)


def _port(server: Server) -> int:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if server.started:
            port: int = server.servers[0].sockets[0].getsockname()[1]
            return port
        time.sleep(0.01)
    pytest.fail("the server did not start")


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with httpx.Client(base_url=address, verify=PLAIN) as client:
        while time.monotonic() < deadline:
            if client.get("/readyz").status_code == httpx.codes.OK:
                return
            time.sleep(0.02)
    pytest.fail("the service did not become ready")
