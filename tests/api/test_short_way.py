"""The short way: the same answers as the framework's own, to requests good and bad."""

import json
from collections.abc import Iterator

import pytest
from fastapi import Request, Response
from starlette.testclient import TestClient

from helicarrier.api.routes import ingest
from helicarrier.api.short_way import Direct
from helicarrier.api.tokens import Principal
from helicarrier.settings import Settings
from tests.api.services import ELSEWHERE, JSON, SESSION, SESSIONS, asking
from tests.ingest import logs

GOOD = logs.v2(logs.run(sessionId="s-1"), calls=[logs.call(callId="c-1")])
OTHER = logs.v2(logs.run(sessionId="s-1", title="Other"), calls=[logs.call(callId="c-1")])
BAD = logs.v2(logs.run(sessionId=""))
REQUESTS: list[tuple[str, bytes, dict[str, str]]] = [
    (SESSION, json.dumps(GOOD).encode(), JSON),
    (SESSION, json.dumps(GOOD).encode(), JSON),
    (SESSION, json.dumps(OTHER).encode(), JSON),
    (SESSION, json.dumps(BAD).encode(), JSON),
    (SESSION, b"{", JSON),
    (SESSION, json.dumps(GOOD).encode(), {"content-type": "text/plain"}),
    (SESSION, b"", JSON | {"content-length": str(10**9)}),
    (SESSION, json.dumps(GOOD).encode(), JSON | {"authorization": "Bearer wrong"}),
    (SESSION, json.dumps(GOOD).encode(), JSON | {"sec-fetch-site": "cross-site"}),
    (SESSION, json.dumps(GOOD).encode(), JSON | {"host": "elsewhere.example"}),
    (SESSIONS, json.dumps([GOOD]).encode(), JSON),
    (SESSIONS, json.dumps([GOOD, BAD, OTHER]).encode(), JSON),
    (SESSIONS, b"[]", JSON),
]


@pytest.fixture
def clients(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, TestClient]]:
    """A running service with the short way, and its like without."""
    short = asking(settings)
    monkeypatch.setattr(ingest, "DIRECT", {})
    long = asking(settings)
    with short, long:
        yield short, long


def answers(client: TestClient) -> list[tuple[int, dict[str, str], bytes]]:
    """To all requests, in order."""
    found = []
    for path, body, headers in REQUESTS:
        answer = client.post(path, content=body, headers=headers)
        told = {name: value for name, value in answer.headers.items() if name != "date"}
        found.append((answer.status_code, told, answer.content))
    return found


def test_both_ways_give_the_same_answers(clients: tuple[TestClient, TestClient]) -> None:
    """Status, headers and bytes, whichever comes second: both have seen the envelopes before."""
    short, long = clients
    assert {status for status, _, _ in answers(short)} == {200, 400, 401, 403, 409, 413, 415}
    assert answers(long) == answers(short)


def test_a_stranger_is_turned_away_alike(settings: Settings) -> None:
    """The access rule of the route holds on both ways; other methods have one way only."""
    with asking(settings):
        stranger = asking(settings, ELSEWHERE)
        refused = stranger.post(SESSION, json=GOOD)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="helicarrier"'
        assert stranger.post(f"{SESSION}?mode=whole", json=GOOD).content == refused.content
        assert stranger.get(SESSION).status_code == 405


def test_what_nobody_foresaw_is_a_problem_without_a_word_of_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 in the one form, with the headers that every answer has."""

    async def broken(request: Request, principal: Principal) -> Response:
        raise ValueError("a secret of the service")

    route = ingest.DIRECT[SESSION]
    monkeypatch.setitem(ingest.DIRECT, SESSION, Direct(access=route.access, answer=broken))
    with asking(settings) as client:
        answer = client.post(SESSION, json=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
