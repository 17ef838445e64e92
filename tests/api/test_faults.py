"""Faults: the service is killed, cut off and crowded, as a real process."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.api.services import SESSION
from tests.api.serving import PLAIN, CuttingProxy, Serving, check_invariants
from tests.api.test_ingest import envelope
from tests.control.conftest import eventually, script

PROBLEM = "application/problem+json"


def together(work: Callable[[int], None], workers: int) -> list[threading.Thread]:
    """Start threads that do the work with their numbers."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    return threads


def test_killed_and_cut_off_it_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL and cuts both ways; a client that tries again gets everything in, once."""
    seed = random.randrange(2**32)
    sys.stderr.write(f"seed {seed}\n")
    names = [[f"s-{worker}-{number}" for number in range(20)] for worker in range(4)]
    acknowledged: set[str] = set()
    wrong: list[str] = []

    with Serving(tmp_path) as running, CuttingProxy(running.port, random.Random(seed)) as proxy:

        def send(worker: int) -> None:
            deadline = time.monotonic() + 300
            for name in names[worker]:
                while name not in acknowledged and time.monotonic() < deadline:
                    try:
                        answer = httpx.post(
                            f"{proxy.address}{SESSION}", json=envelope(name), verify=PLAIN
                        )
                    except httpx.HTTPError:
                        time.sleep(0.02)
                        continue
                    if answer.status_code == 200:
                        acknowledged.add(name)
                    elif answer.headers["content-type"] != PROBLEM:
                        wrong.append(answer.text)

        threads = together(send, 4)
        eventually(lambda: len(acknowledged) >= 20, 300)
        running.kill()
        running.start()
        for thread in threads:
            thread.join()
        cuts = proxy.cuts
    everything = {name for part in names for name in part}
    assert wrong == []
    assert acknowledged == everything
    assert cuts
    check_invariants(tmp_path, acknowledged, everything)


def test_writers_of_several_processes_take_turns(tmp_path: Path) -> None:
    """Two services, two importers and readers: nothing is lost, and no client hears of a lock."""
    files = []
    for number in range(2):
        lines = [json.dumps(envelope(f"f-{number}-{line}")) for line in range(300)]
        files.append(tmp_path / f"file-{number}.jsonl")
        files[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    data_dir = tmp_path / "data"
    sent = {f"f-{number}-{line}" for number in range(2) for line in range(300)}
    acknowledged: set[str] = set()
    wrong: list[str] = []
    done = threading.Event()
    with Serving(data_dir) as one, Serving(data_dir) as other:

        def send(worker: int) -> None:
            address = (one, other)[worker % 2].address
            with httpx.Client(base_url=address, timeout=60, verify=PLAIN) as client:
                for number in range(40):
                    name = f"s-{worker}-{number}"
                    answer = client.post(SESSION, json=envelope(name))
                    if answer.status_code == 200:
                        acknowledged.add(name)
                    else:
                        wrong.append(answer.text)

        def read(worker: int) -> None:
            with httpx.Client(
                base_url=(one, other)[worker].address, timeout=60, verify=PLAIN
            ) as client:
                while not done.wait(0.05):
                    answer = client.get("/api/v3/ledger")
                    if answer.status_code != 200:
                        wrong.append(answer.text)

        readers = together(read, 2)
        importing = [
            subprocess.Popen(
                [sys.executable, "-m", "helicarrier", "import", str(path)],
                env=os.environ | {"HELICARRIER_DATA_DIR": str(data_dir)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for path in files
        ]
        for thread in together(send, 4):
            thread.join()
        told = [process.communicate(timeout=300)[1] for process in importing]
        codes = [process.returncode for process in importing]
        racing = race(one, other)
        done.set()
        for thread in readers:
            thread.join()
    assert (wrong, codes) == ([], [0, 0]), told
    assert racing == ["created"] + ["conflict"] * 15
    sent |= {f"s-{worker}-{number}" for worker in range(4) for number in range(40)}
    assert len(acknowledged) == 160
    check_invariants(data_dir, sent, sent | {"race"})


def race(one: Serving, other: Serving) -> list[str]:
    """Sixteen divergent bodies under one key, at two services at once."""
    outcomes: list[str] = []

    def send(number: int) -> None:
        address = (one, other)[number % 2].address
        body = envelope("race", title=f"Title {number}")
        answer = httpx.post(f"{address}{SESSION}", json=body, timeout=60, verify=PLAIN)
        outcomes.append(answer.json()["status"] if answer.status_code == 200 else "conflict")

    for thread in together(send, 16):
        thread.join()
    return sorted(outcomes, key=["created", "conflict"].index)


def test_a_kill_changes_no_answer_and_ends_no_agent(tmp_path: Path) -> None:
    """The next service answers byte for byte the same, and takes up what runs and what ended."""
    agents = {
        "long": script("import time; time.sleep(60)"),
        "short": script("import time; time.sleep(2); raise SystemExit(3)"),
    }
    paths = ("/api/v3/ledger?agent=triage", "/api/v3/ledger/s-1")
    variables = {"control_agents": json.dumps(agents), "secret": "s"}
    with Serving(tmp_path, **variables) as running, client_of(running) as client:

        def can_control() -> bool:
            return kill(client, "none").status_code == 404

        def spawn(agent: str) -> str:
            body = {"agentId": agent, "prompt": "x"}
            return str(client.post("/api/control/spawn", json=body).json()["sessionId"])

        def status(session_id: str) -> str:
            return str(client.get(f"/api/v3/ledger/{session_id}").json()["ledger"]["status"])

        for name in ("s-1", "s-2"):
            assert client.post(SESSION, json=envelope(name, agentId="triage")).status_code == 200
        eventually(can_control)
        long, short = spawn("long"), spawn("short")
        before = [client.get(path).content for path in paths]
        running.kill()
        eventually((tmp_path / "control" / "processes" / short / "end.json").exists)
        running.start()
        running.wait_until_ready()
        assert [client.get(path).content for path in paths] == before
        again = client.post(SESSION, json=envelope("s-1", agentId="triage"))
        assert again.json()["status"] == "duplicate"
        eventually(lambda: status(short) == "failed")
        assert status(long) == "running"
        eventually(can_control)
        assert (kill(client, long).status_code, status(long)) == (200, "killed")


def client_of(running: Serving) -> httpx.Client:
    """A client with the secret of the settings."""
    return httpx.Client(
        base_url=running.address, headers={"x-secret-key": "s"}, timeout=60, verify=PLAIN
    )


def kill(client: httpx.Client, session_id: str) -> httpx.Response:
    """Ask for the end of an agent."""
    return client.post("/api/control/kill", json={"sessionId": session_id})
