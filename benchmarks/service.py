"""The HTTP service on this machine: durable ingest, and reads of a ledger of a million calls.

    python -m benchmarks.service --calls 1000000 --json service.json

The service runs as `helicarrier serve` in a process of its own; this one asks over keep-alive
connections of its own making, since a general client would cost more than the service. Beside the
rates and latencies stands the processor time of the service for each request, which a shared
machine disturbs least. Floors of the same run: a bare ASGI endpoint that reads the body and
answers, and for the reads the same question over the same rows as objects in memory, which is what
a JSON file gives once it is loaded.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks import harness, large_ledger
from benchmarks.provider_latency import postgres as a_database
from helicarrier.store.operational import OperationalStore

CONNECTIONS = 16
BATCH = 100
_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_SECRET = "benchmark"  # noqa: S105 - the legacy store has no tokens, so there has to be one
_SINGLE, _BATCH = "/api/v3/ingest/session", "/api/v3/ingest/sessions"
_BARE = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"11")]})
    await send({"type": "http.response.body", "body": b'{"ok":true}'})
"""
_SESSIONS = """
SELECT session_id, agent_id, model_id, status, started_at, runtime_ms, task_title, task_text
FROM session_ledger
"""
_CALLS = "SELECT session_id, occurred_at, total_tokens, cost_usd FROM session_usage"
READS = {
    "ledger, newest": "/api/v3/ledger",
    "ledger, agent": "/api/v3/ledger?agent=agent-3",
    "ledger, agent and status": "/api/v3/ledger?agent=agent-0&status=failed",
    "ledger, a month, by runtime": "/api/v3/ledger?from=2026-10-01&to=2026-10-31&sort=runtime",
    "ledger, a month, by cost": "/api/v3/ledger?from=2026-10-01&to=2026-10-31&sort=cost",
    "ledger, everything by cost": "/api/v3/ledger?sort=cost",
    "ledger, everything by runtime": "/api/v3/ledger?sort=runtime",
    "search, one word in a hundred": "/api/v3/ledger?q=aqueduct",
    "search, every session": "/api/v3/ledger?q=" + quote("mend the"),
    "one session": "/api/v3/ledger/s-777",
    "usage, a year": "/api/v3/analytics/usage",
    "usage, 30 days": "/api/v3/analytics/usage?from=2026-10-02&to=2026-10-31",
    "usage, 30 days of an agent": "/api/v3/analytics/usage?from=2026-10-02&to=2026-10-31"
    "&agent=agent-3",
    "usage, a year of an agent": "/api/v3/analytics/usage?agent=agent-3",
    "alerts that are active": "/api/v3/alerts/active",
    "performance, 30 days": "/api/v3/analytics/performance?from=2026-09-30&to=2026-10-29",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one kind of request gave. `units` are envelopes where a request carries several."""

    name: str
    requests: int
    units: int
    seconds: float
    cpu_seconds: float
    latencies_ms: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of the service for each unit, in microseconds."""
        return self.cpu_seconds / self.units * 1e6

    def quantile(self, hundredths: int) -> float:
        """A latency in milliseconds, by nearest rank."""
        ordered = sorted(self.latencies_ms)
        return ordered[max(0, -(-len(ordered) * hundredths // 100) - 1)]


class Server:
    """A process that serves, and the time that it has used."""

    def __init__(self, command: Sequence[str], port: int, environ: dict[str, str]) -> None:
        """Start it. Args: command, port that it listens on, additions to the environment."""
        self.port = port
        self._process = subprocess.Popen(
            command, env=os.environ | environ, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = "the server did not start"
                raise RuntimeError(message)
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        user, system = fields.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(60)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                return b" 200 " in connection.recv(64)
        except OSError:
            return False


@contextmanager
def serving(folder: Path | None, **settings: str) -> Iterator[Server]:
    """The service over a data folder; without one the bare endpoint. `settings`: more of them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if folder is None:
        start = _BARE + f"\nimport uvicorn\nuvicorn.run(app, port={port}, log_level='error')"
        server = Server([sys.executable, "-c", start], port, {})
    else:
        environ = {"HELICARRIER_DATA_DIR": str(folder), "HELICARRIER_RATE_LIMIT": "10000000"} | {
            f"HELICARRIER_{name.upper()}": value for name, value in settings.items()
        }
        command = [sys.executable, "-m", "helicarrier", "serve", "--port", str(port)]
        server = Server(command, port, environ)
    try:
        yield server
    finally:
        server.stop()


async def _ask(port: int, requests: Iterator[bytes], until: float, latencies: list[float]) -> None:
    """One connection: request after request, until the time is over or there are no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    for request in requests:
        begun = time.perf_counter()
        if begun > until:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            message = f"{head[:40]!r} {body[:200]!r}"
            raise RuntimeError(message)
        latencies.append((time.perf_counter() - begun) * 1e3)
    writer.close()


def load(
    server: Server,
    name: str,
    requests: Iterator[bytes],
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    units: int = 1,
) -> Load:
    """Send what comes of `requests` over some connections, for so long at most."""

    async def all_of_them() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(
            *(_ask(server.port, requests, until, latencies) for _ in range(connections))
        )

    latencies: list[float] = []
    begun, cpu_begun = time.perf_counter(), server.cpu_seconds()
    asyncio.run(all_of_them())
    return Load(
        name=name,
        requests=len(latencies),
        units=len(latencies) * units,
        seconds=time.perf_counter() - begun,
        cpu_seconds=server.cpu_seconds() - cpu_begun,
        latencies_ms=tuple(latencies),
    )


def envelope(number: int, *, events: int, calls: int) -> dict[str, object]:
    """A v2 envelope: 300 bytes without events and calls, 2.3 KB with nine and two.

    As agents send them: ids are random, one session begins shortly after the other.
    """
    at = (_FIRST + timedelta(seconds=number)).isoformat()
    session_id = str(UUID(bytes=md5(b"%d" % number, usedforsecurity=False).digest()))
    return {
        "envelope_version": "v2",
        "payload": {
            "run": {
                "sessionId": session_id,
                "state": "done",
                "agentId": f"agent-{number % 10}",
                "modelId": "gpt-5",
                "startedAt": at,
                "title": "Mend the bridge",
                "promptTokens": 1000,
                "completionTokens": 200,
            }
            | ({} if calls else {"provider": "openai"}),
            "timeline": [
                {"eventType": "tool_call", "eventTs": at, "payload": {"name": "x" * 80, "n": n}}
                for n in range(events)
            ],
            "calls": [
                {
                    "callId": f"{session_id}-{n}",
                    "occurredAt": at,
                    "modelId": "gpt-5",
                    "provider": "openai",
                    "promptTokens": 500,
                    "completionTokens": 100,
                }
                for n in range(calls)
            ],
        },
    }


def post(path: str, body: object) -> bytes:
    """A request with a JSON body."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def get(path: str) -> bytes:
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-secret-key: {_SECRET}\r\n\r\n".encode()


def singles(first: int, count: int) -> Iterator[bytes]:
    """Small envelopes, one in each request."""
    return iter([post(_SINGLE, envelope(first + n, events=0, calls=0)) for n in range(count)])


def batches(first: int, count: int, *, events: int, calls: int) -> Iterator[bytes]:
    """Batches of envelopes."""
    return iter(
        [
            post(
                _BATCH,
                [envelope(first + n * BATCH + k, events=events, calls=calls) for k in range(BATCH)],
            )
            for n in range(count)
        ]
    )


def ingest(seconds: float) -> list[Load]:
    """Durable ingest into an empty SQLite ledger, and the bare endpoint beside it."""
    found = []
    many = int(seconds * 6000)
    with serving(None) as bare:
        found.append(load(bare, "floor: bare endpoint, single", singles(0, many), seconds=seconds))
    with TemporaryDirectory() as folder, serving(Path(folder)) as server:
        load(server, "warm", singles(0, 500), seconds=seconds)
        found += [
            load(server, "single envelopes", singles(100_000, many), seconds=seconds),
            load(
                server,
                f"batches of {BATCH}, small",
                batches(1_000_000, int(seconds * 150), events=0, calls=0),
                seconds=seconds,
                connections=4,
                units=BATCH,
            ),
            load(
                server,
                f"batches of {BATCH}, 2.3 KB with events and calls",
                batches(3_000_000, int(seconds * 60), events=9, calls=2),
                seconds=seconds,
                connections=4,
                units=BATCH,
            ),
        ]
    return found


def reads(folder: Path, times: int, **settings: str) -> list[Load]:
    """Each question some times, one after the other."""
    with serving(folder, secret=_SECRET, **settings) as server:
        found = []
        for name, path in READS.items():
            load(server, name, iter([get(path)] * 2), seconds=60, connections=1)
            found.append(load(server, name, iter([get(path)] * times), seconds=60, connections=1))
    return found


def postgres_reads(calls: int, times: int) -> list[Load]:
    """The same questions of a service over a cluster of its own."""
    with TemporaryDirectory() as made, a_database() as url:
        large_ledger.make(url, Path(made), calls).close()
        return reads(Path(made), times, db_url=url)


def in_memory(store: OperationalStore, times: int) -> dict[str, float]:
    """Median milliseconds of the same questions over rows in memory, as of a loaded JSON file."""
    with store.read() as connection:
        sessions = [dict(row) for row in connection.execute(text(_SESSIONS)).mappings()]
        calls = [dict(row) for row in connection.execute(text(_CALLS)).mappings()]

    def newest(keep: Callable[[dict[str, object]], bool]) -> object:
        rows = sorted((s for s in sessions if keep(s)), key=lambda s: str(s["started_at"]))
        return rows[-50:]

    def usage() -> object:
        days: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for call in calls:
            day = days[call["occurred_at"][:10]]
            day[0] += 1
            day[1] += call["total_tokens"]
            day[2] += call["cost_usd"]
        return days

    questions: dict[str, Callable[[], object]] = {
        "ledger, newest": lambda: newest(lambda _: True),
        "ledger, agent": lambda: newest(lambda s: s["agent_id"] == "agent-3"),
        "ledger, agent and status": lambda: newest(
            lambda s: s["agent_id"] == "agent-0" and s["status"] == "failed"
        ),
        "search, one word in a hundred": lambda: newest(
            lambda s: "aqueduct" in f"{s['task_title']} {s['task_text']}".lower()
        ),
        "usage, a year": usage,
    }
    found = {}
    for name, ask in questions.items():
        took = []
        for _ in range(times):
            begun = time.perf_counter()
            ask()
            took.append((time.perf_counter() - begun) * 1e3)
        found[name] = statistics.median(took)
    return found


def show(title: str, loads: Sequence[Load], beside: dict[str, float]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for heading in ("request", "a second", "p50 ms", "p95 ms", "cpu us each", "in memory ms"):
        table.add_column(heading, justify="left" if heading == "request" else "right")
    for one in loads:
        peer = beside.get(one.name)
        table.add_row(
            one.name,
            f"{one.rate:,.0f}",
            f"{one.quantile(50):.1f}",
            f"{one.quantile(95):.1f}",
            f"{one.cpu_us:,.0f}",
            "" if peer is None else f"{peer:.1f}",
        )
    Console(width=120).print(table)


@click.command()
@click.option("--calls", default=1_000_000, show_default=True, help="Calls of the ledger read.")
@click.option("--seconds", default=4.0, show_default=True, help="Of each kind of ingest.")
@click.option("--times", default=20, show_default=True, help="Each question is asked.")
@click.option("--postgres/--no-postgres", default=True, help="Also read the same from Postgres.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Data folder made earlier.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(
    *,
    calls: int,
    seconds: float,
    times: int,
    postgres: bool,
    ledger: Path | None,
    file: Path | None,
) -> None:
    """Measure the service."""
    load_before = os.getloadavg()[0]
    written = ingest(seconds)
    show("durable ingest, SQLite", written, {})
    with TemporaryDirectory() as made:
        folder = ledger or Path(made)
        url = f"sqlite:///{folder / 'helicarrier.sqlite'}"
        if not (folder / "helicarrier.sqlite").exists():
            large_ledger.make(url, folder, calls).close()
        read = reads(folder, times)
        store = OperationalStore(url)
        beside = in_memory(store, 3)
        store.close()
    show(f"reads, {calls:,} calls, SQLite", read, beside)
    if postgres:
        on_postgres = postgres_reads(calls, times)
        show(f"reads, {calls:,} calls, Postgres", on_postgres, {})
        read += [replace(one, name=f"{one.name}, Postgres") for one in on_postgres]
    about = harness.machine("fastapi", "uvicorn") | {"load": round(load_before)}
    click.echo(", ".join(f"{name} {value}" for name, value in about.items()))
    if file is not None:
        document = {"machine": about, "loads": [asdict(one) for one in (*written, *read)]}
        file.write_text(json.dumps(document | {"in_memory_ms": beside}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
