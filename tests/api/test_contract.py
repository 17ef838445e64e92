"""The OpenAPI document, and the running service held against it from the outside."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from starlette.testclient import TestClient

from helicarrier.api.app import create_app
from helicarrier.api.contract import openapi
from helicarrier.settings import Settings
from tests.ingest import logs
from tests.ledger.stores import Ledger

SECRET = "a secret of the test"
PHASES = {"examples,coverage": ("--max-time", "10"), "fuzzing,stateful": ("--max-examples", "3")}
"""Each phase with its bound: a time for all of the one would be spent before the other begins."""
CONFIG = Path(__file__).parent / "schemathesis.toml"


@contextmanager
def serving(folder: Path, *, ready: bool = True, **settings: str) -> Iterator[str]:
    """The address of a service in its own process, which ends with 0; `ready` or just alive."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    named = {f"HELICARRIER_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "helicarrier", "serve", "--port", str(port)],
        env=os.environ | {"HELICARRIER_DATA_DIR": str(folder)} | named,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"{url}/{'readyz' if ready else 'healthz'}"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_every_refusal_has_the_one_problem_schema() -> None:
    """And every route but health says which secrets it takes."""
    document = openapi(create_app(Settings()))
    responses = document["components"]["responses"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == path.startswith("/api/")
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    shared = responses[answer["$ref"].rpartition("/")[2]]
                    assert list(shared["content"]) == ["application/problem+json"]


def test_links_lead_to_operations_with_parameters_that_they_take() -> None:
    """From what was sent to where it is read, from rules to what can be done about them."""
    document = openapi(create_app(Settings()))
    operations = {
        operation["operationId"]: {one["name"] for one in operation.get("parameters", ())}
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    links = [
        link
        for methods in document["paths"].values()
        for operation in methods.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) >= 12
    for link in links:
        assert link["parameters"].keys() <= operations[link["operationId"]]


def test_amounts_are_described_as_the_numbers_that_they_are(client: TestClient) -> None:
    """What the document says of dollars is what an answer has."""
    envelope = logs.v2(
        logs.run("s-1"), calls=[logs.call("c-1", promptTokens=1000, completionTokens=10)]
    )
    client.post("/api/v3/ingest/session", json=envelope)
    schemas = openapi(client.app)["components"]["schemas"]  # type: ignore[arg-type]
    assert schemas["SessionUsage"]["properties"]["knownCostUsd"] == {"type": "number"}
    assert {"type": "number"} in schemas["LedgerRow"]["properties"]["costUsd"]["anyOf"]
    usage = client.get("/api/v3/ledger/s-1").json()["usage"]
    assert isinstance(usage["knownCostUsd"], float)


def test_the_service_gives_its_own_document(client: TestClient) -> None:
    """Under the scope `read`."""
    assert client.get("/openapi.json").json() == json.loads(json.dumps(openapi(client.app)))  # type: ignore[arg-type]


def test_a_method_that_is_not_there_is_told_the_ones_that_are(client: TestClient) -> None:
    """All of the address, though they are several routes."""
    answer = client.put("/api/v3/alerts/rules")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_the_running_service_keeps_its_contract(ledger: Ledger, tmp_path: Path) -> None:
    """Made-up requests, good and bad ones and chains of them, find no answer that breaks it."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(openapi(create_app(Settings()))), encoding="utf-8")
    with serving(tmp_path / "data", db_url=ledger.url, secret=SECRET, rate_limit="100000") as url:
        for phases, bound in PHASES.items():
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
                    *("run", str(document), "--url", url, "--header", f"x-secret-key: {SECRET}"),
                    *("--checks", "all", "--phases", phases, *bound),
                    *("--no-shrink", "--seed", "20261101", "--warnings", "off"),
                ],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )
            assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
