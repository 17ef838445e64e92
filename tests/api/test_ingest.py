"""Ingest over HTTP: acknowledged is stored, refused leaves no row, repeated is the same answer."""

import json
import threading
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from helicarrier.api.bodies import BODY_LIMIT
from helicarrier.settings import Settings
from tests.api.services import JSON, SESSION, SESSIONS, asking, sessions
from tests.core.test_canonical import HOSTILE
from tests.ingest import logs
from tests.ledger.stores import Ledger


def envelope(session_id: str = "s-1", **run: object) -> dict[str, object]:
    """A v2 envelope with one call."""
    return logs.v2(logs.run(sessionId=session_id, **run), calls=[logs.call(callId=session_id)])


def test_an_acknowledged_session_is_stored_once(client: TestClient, ledger: Ledger) -> None:
    """The same envelope again is a duplicate and writes nothing."""
    first = client.post(SESSION, json=envelope())
    again = client.post(SESSION, json=envelope())
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == {"ok": True, "sessionId": "s-1", "status": "created"}
    assert again.json()["status"] == "duplicate"
    assert sessions(ledger.store) == 1


def test_other_content_under_a_lower_revision_is_a_conflict(client: TestClient) -> None:
    """In a copied file it is an old copy; who sends it means it."""
    assert client.post(SESSION, json=envelope() | {"revision": 3}).status_code == 200
    lower = client.post(SESSION, json=envelope(title="Other") | {"revision": 2})
    assert (lower.status_code, lower.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")


def test_other_content_under_a_key_is_a_conflict(client: TestClient, ledger: Ledger) -> None:
    """Nothing is written; a higher revision replaces."""
    client.post(SESSION, json=envelope())
    conflict = client.post(SESSION, json=envelope(title="Other"))
    assert (conflict.status_code, conflict.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    grown = client.post(SESSION, json=envelope(title="Other") | {"revision": 1})
    assert grown.json()["status"] == "updated"
    assert sessions(ledger.store) == 1


def test_a_hostile_body_is_refused_alike_ten_times(client: TestClient, ledger: Ledger) -> None:
    """400, the same bytes, no row."""
    for name, (body, code) in HOSTILE.items():
        answers = {client.post(SESSION, content=body, headers=JSON).content for _ in range(10)}
        (answer,) = answers
        assert (name, json.loads(answer)["errors"][0]["code"]) == (name, code)
    assert sessions(ledger.store) == 0


def test_a_problem_has_one_form_for_new_and_old_clients(client: TestClient) -> None:
    """RFC 9457 with a code and sorted errors, and the member `error` of the V3 API."""
    answer = client.post(SESSION, json={"envelope_version": "v9", "payload": {}})
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (422, 422)
    assert problem["code"] == problem["error"]["code"] == "UNSUPPORTED_CONTRACT_VERSION"
    assert problem["error"]["details"] == problem["errors"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        (JSON | {"content-encoding": "gzip"}, 415),
        ({}, 415),
        (JSON, 413),
    ],
)
def test_a_body_of_another_kind_or_size_is_refused(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    """Before a byte of it is parsed."""
    answer = client.post(SESSION, content=b"[" * (BODY_LIMIT + 1), headers=headers)
    assert answer.status_code == status


def test_an_endless_body_is_cut_off(client: TestClient) -> None:
    """Chunks without a length end at the limit."""

    def endless() -> Iterator[bytes]:
        for _ in range(2 * BODY_LIMIT // 65_536):
            yield b" " * 65_536

    answer = client.post(SESSION, content=endless(), headers=JSON)
    assert answer.status_code == 413


def test_a_batch_is_all_or_nothing(client: TestClient, ledger: Ledger) -> None:
    """One bad envelope, or one conflict, and none is written; the answer names the place."""
    good, bad = envelope("s-1"), envelope("s-2", state="asleep")
    refused = client.post(SESSIONS, json=[good, bad])
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/1/payload/run/state"
    client.post(SESSION, json=envelope("s-3"))
    taken = client.post(SESSIONS, json=[good, envelope("s-3", title="Other")])
    assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (409, "/1")
    assert sessions(ledger.store) == 1
    written = client.post(SESSIONS, json=[good, envelope("s-4")])
    assert [one["result"] for one in written.json()["results"]] == ["created", "created"]
    assert sessions(ledger.store) == 3


def test_a_partial_batch_answers_for_each(client: TestClient, ledger: Ledger) -> None:
    """207; what is good is written, what is not says why."""
    client.post(SESSION, json=envelope("s-3"))
    batch = [envelope("s-1"), {"a": 1}, envelope("s-3", title="Other"), envelope("s-3")]
    answer = client.post(SESSIONS, json=batch, params={"mode": "partial"})
    results = answer.json()["results"]
    assert (answer.status_code, answer.json()["ok"]) == (207, False)
    assert [one["status"] for one in results] == [200, 400, 409, 200]
    assert results[1]["problem"]["code"] == "VALIDATION_ERROR"
    assert sessions(ledger.store) == 2


@pytest.mark.parametrize("body", [b"{}", b"[]", b"[1", b'[{"a":1}] []', b"\xff"])
def test_what_is_no_batch_is_refused(client: TestClient, body: bytes) -> None:
    """Also in partial mode."""
    for mode in ("whole", "partial"):
        answer = client.post(SESSIONS, content=body, headers=JSON, params={"mode": mode})
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_racing_clients_store_one_truth(client: TestClient, ledger: Ledger) -> None:
    """Sixteen divergent bodies under one key: one 200; identical ones: one new, the rest known."""
    outcomes: list[str] = []

    def send(body: dict[str, object]) -> None:
        answer = client.post(SESSION, json=body)
        outcomes.append(answer.json()["status"] if answer.status_code == 200 else "conflict")

    def race(bodies: list[dict[str, object]]) -> list[str]:
        outcomes.clear()
        threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(outcomes)

    divergent = race([envelope("d", title=f"Title {number}") for number in range(16)])
    assert divergent == ["conflict"] * 15 + ["created"]
    assert race([envelope("i")] * 16) == ["created"] + ["duplicate"] * 15
    assert sessions(ledger.store) == 2


def test_bare_payloads_are_taken_where_the_contract_is_not_strict(
    settings: Settings, ledger: Ledger
) -> None:
    """As v1; with the contract strict they lack a version."""
    bare = logs.run(sessionId="bare") | {"events": []}
    loose = Settings(data_dir=settings.data_dir, db_url=settings.db_url, contract_strict=False)
    with asking(settings) as strict_client:
        assert strict_client.post(SESSION, json=bare).status_code == 400
    with asking(loose) as client:
        assert client.post(SESSION, json=bare).json()["status"] == "created"
        assert client.post(SESSION, json=envelope("s-9")).json()["status"] == "created"
    assert sessions(ledger.store) == 2


def test_what_was_acknowledged_is_known_after_a_restart(settings: Settings) -> None:
    """The key lives in the database."""
    with asking(settings) as client:
        client.post(SESSION, json=envelope())
    with asking(settings) as client:
        assert client.post(SESSION, json=envelope()).json()["status"] == "duplicate"
