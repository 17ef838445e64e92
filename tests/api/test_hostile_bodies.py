"""Hostile bodies over a real connection: refused alike every time, without a trace and cheaply.

What the application's own client cannot show is shown here: bytes that a server parses, a body that
never ends, memory that comes back, and clients that race each other over sockets.
"""

import gzip
import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from helicarrier.api.bodies import BODY_LIMIT
from helicarrier.settings import Settings
from tests.api.services import JSON, SESSION, SESSIONS, sessions
from tests.api.serving import PLAIN
from tests.api.test_ingest import envelope
from tests.api.threaded import serving
from tests.core.test_canonical import HOSTILE
from tests.ledger.stores import Ledger

TIMES = 10
MEGABYTES = 50
REFUSALS = {400, 413, 415, 422}
BOMB = gzip.compress(b"0" * 10_000_000)
OTHERS: dict[str, tuple[bytes, dict[str, str], int]] = {
    "bidirectional text as a name": ('{"\u202eegassem": 1}'.encode(), JSON, 400),
    "bidirectional text as a state": (
        '{"envelope_version":"v2","payload":{"run":{"state":"\u202edone"}}}'.encode(),
        JSON,
        400,
    ),
    "version of the future": (b'{"envelope_version":"v9","payload":{}}', JSON, 422),
    "compressed bomb": (BOMB, JSON | {"content-encoding": "gzip"}, 415),
    "compressed bomb, twice": (BOMB, JSON | {"content-encoding": "gzip, gzip"}, 415),
    "compressed bomb that does not say so": (BOMB, JSON, 400),
    "too long": (b" " * (BODY_LIMIT + 1), JSON, 413),
    "text": (b"{}", {"content-type": "text/plain"}, 415),
    "form": (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
    "parts": (b"--x--", {"content-type": "multipart/form-data; boundary=x"}, 415),
    "no type": (b"{}", {}, 415),
    "other characters": (b"{}", {"content-type": "application/json; charset=utf-16"}, 415),
}


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """Where a service listens."""
    wanted = Settings(data_dir=settings.data_dir, db_url=settings.db_url, rate_limit=1_000_000)
    with serving(wanted) as found:
        yield found


def resident_megabytes() -> float:
    """Memory of this process, in which the service runs."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    pytest.skip("this system does not tell the memory of a process")


def test_hostile_bodies_are_refused_alike_and_leave_nothing(address: str, ledger: Ledger) -> None:
    """Ten times each at both routes: the same bytes, no row, and memory that does not grow."""
    bodies = OTHERS | {name: (body, JSON, 400) for name, (body, _) in HOSTILE.items()}
    with httpx.Client(base_url=address, verify=PLAIN) as client:
        for body, headers, _ in bodies.values():
            client.post(SESSION, content=body, headers=headers)
        before = resident_megabytes()
        for name, (body, headers, status) in bodies.items():
            for path in (SESSION, SESSIONS):
                answers = [client.post(path, content=body, headers=headers) for _ in range(TIMES)]
                assert len({answer.content for answer in answers}) == 1, (path, name)
                assert {answer.status_code for answer in answers} <= REFUSALS, (path, name)
                if path == SESSION:
                    assert answers[0].status_code == status, name
    assert resident_megabytes() - before < MEGABYTES
    assert sessions(ledger.store) == 0


def test_a_body_without_an_end_is_cut_off(address: str, ledger: Ledger) -> None:
    """The answer comes while the client still sends, soon after the limit."""
    before = resident_megabytes()
    answers = [endless(address) for _ in range(TIMES)]
    assert {status for status, _ in answers} == {413}
    assert max(sent for _, sent in answers) < 4 * BODY_LIMIT
    assert resident_megabytes() - before < MEGABYTES
    assert sessions(ledger.store) == 0


def endless(address: str) -> tuple[int, int]:
    """The status of an answer to chunks without an end, and the bytes that were sent until then."""
    place = urlsplit(address)
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    head = (
        f"POST {SESSION} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    with socket.create_connection((place.hostname, place.port), timeout=300) as connection:
        connection.sendall(head.encode())
        while not select.select([connection], [], [], 0)[0] and sent < 16 * BODY_LIMIT:
            connection.sendall(chunk)
            sent += len(chunk)
        status = connection.recv(64).split(b" ")[1]
    return int(status), sent


def test_clients_that_race_one_key_store_one_truth(address: str, ledger: Ledger) -> None:
    """Sixteen connections: one of different bodies wins; of the same, one is new."""

    def race(bodies: list[dict[str, object]]) -> Counter[str]:
        found: list[str] = []
        start = threading.Barrier(len(bodies))

        def send(body: dict[str, object]) -> None:
            with httpx.Client(base_url=address, verify=PLAIN) as client:
                client.get("/healthz")
                start.wait(timeout=300)
                answer = client.post(SESSION, json=body)
            refused = answer.status_code == httpx.codes.CONFLICT
            found.append("conflict" if refused else answer.json()["status"])

        threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Counter(found)

    divergent = [envelope("d", title=f"Title {number}") for number in range(16)]
    assert race(divergent) == {"created": 1, "conflict": 15}
    assert race([envelope("i")] * 16) == {"created": 1, "duplicate": 15}
    assert sessions(ledger.store) == 2
