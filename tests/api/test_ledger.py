"""The V3 ledger: every combination of filters, stable shapes, nothing that is not understood."""

import itertools
import json

import pytest
from starlette.testclient import TestClient

from tests.api.services import SESSION
from tests.api.shapes import digest
from tests.ingest import logs

LEDGER = "/api/v3/ledger"
HOSTILE = [
    "'",
    '"',
    "' OR 1=1 --",
    "%",
    "_",
    "*",
    "a AND",
    "NEAR(a b)",
    "title:x",
    "^a",
    "(",
    "{x}",
    "\\",
    ";DROP TABLE session_ledger",
    "\u202e",
    "ﷺ",
    "a" * 200,
    "-",
    "--",
    "claude-sonnet",
    "$1",
    ":name",
    "%(name)s",
    "{{7*7}}",
    "<script>",
]


def send(client: TestClient, name: str, *, cost: float | None = 0.5, **run: object) -> None:
    """A session with one call and one event."""
    call = logs.call(callId=name, provider="openai", runtimeMs=900)
    if cost is not None:
        call["costUsd"] = cost
    envelope = logs.v2(logs.run(name, **run), calls=[call], timeline=[logs.happened()])
    answer = client.post(SESSION, json=envelope)
    assert answer.status_code == 200, answer.text


def names(client: TestClient, **params: object) -> list[str]:
    """The session ids of a page."""
    answer = client.get(LEDGER, params=params)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [row["sessionId"] for row in answer.json()["rows"]]


@pytest.fixture
def client(v3_client: TestClient) -> TestClient:
    """SQLite, Postgres and the legacy store answer alike."""
    return v3_client


@pytest.fixture
def ledger_client(client: TestClient) -> TestClient:
    """Eight sessions: two agents, two models, two states, each once, an hour and a day apart."""
    cuts = itertools.product(("a", "b"), ("m-1", "m-2"), ("done", "failed"))
    for number, (agent, model, state) in enumerate(cuts):
        send(
            client,
            f"s-{number}",
            cost=0.5 * number,
            agentId=agent,
            modelId=model,
            state=state,
            title=f"Mend bridge {number}",
            startedAt=f"2026-10-{number + 1:02}T09:00:00Z",
            endedAt=f"2026-10-{number + 1:02}T09:{59 - number:02}:00Z",
        )
    return client


def test_newest_come_first_in_pages(ledger_client: TestClient) -> None:
    """The total counts all that match, whatever the page."""
    answer = ledger_client.get(LEDGER, params={"page": 2, "pageSize": 3}).json()
    assert [row["sessionId"] for row in answer["rows"]] == ["s-4", "s-3", "s-2"]
    assert (answer["total"], answer["page"], answer["pageSize"]) == (8, 2, 3)
    assert names(ledger_client, page=4, pageSize=3) == []


FILTERS = {
    "agent": "a",
    "model": "m-2",
    "status": "failed",
    "from": "2026-10-02",
    "to": "2026-10-07",
    "q": "bridge",
}


@pytest.mark.parametrize("size", range(len(FILTERS) + 1))
def test_filters_combine_in_every_way(ledger_client: TestClient, size: int) -> None:
    """Each combination gives the sessions that pass each of its filters alone."""
    alone = {name: set(names(ledger_client, **{name: value})) for name, value in FILTERS.items()}
    everyone = set(names(ledger_client))
    for chosen in itertools.combinations(FILTERS, size):
        found = names(ledger_client, **{name: FILTERS[name] for name in chosen})
        assert set(found) == everyone.intersection(*(alone[name] for name in chosen))


@pytest.mark.parametrize(
    ("sort", "first"), [("newest", "s-7"), ("runtime", "s-0"), ("cost", "s-7")]
)
def test_orders(ledger_client: TestClient, sort: str, first: str) -> None:
    """The newest, the longest or the dearest session comes first."""
    assert names(ledger_client, sort=sort)[0] == first


def test_unknown_cost_is_null_and_comes_last(client: TestClient) -> None:
    """Not zero, and not dearer than anything."""
    send(client, "known", cost=0.01)
    send(client, "unknown", cost=None, modelId="nobody-knows")
    rows = client.get(LEDGER, params={"sort": "cost"}).json()["rows"]
    shown = {row["sessionId"]: row["costUsd"] for row in rows}
    assert shown["known"] == 0.01
    detail = client.get(f"{LEDGER}/unknown").json()
    assert (shown["unknown"] is None) == bool(detail["usage"]["unknownCostCalls"])


def test_session_has_its_usage_calls_and_events(client: TestClient) -> None:
    """With the provenance of each number, and dollars to the last digit."""
    send(client, "s/1 ü", cost=0.123456789)
    answer = client.get(f"{LEDGER}/s%2F1%20%C3%BC")
    assert answer.status_code == 200
    found = answer.json()
    (call,), (event,) = found["calls"], found["events"]
    assert found["ledger"]["sessionId"] == call["sessionId"] == event["sessionId"] == "s/1 ü"
    assert b'"costUsd":0.123456789' in answer.content
    assert (call["pricingVersion"], call["costSource"]) == ("provider_native", "provider_reported")
    assert found["usage"]["totalTokens"] == call["totalTokens"] == 110
    assert found["usage"]["costConfidence"] == "high"
    assert isinstance(event["payload"], dict)


def test_unknown_session_is_not_found(client: TestClient) -> None:
    """With the same bytes every time and without an echo."""
    answers = [client.get(f"{LEDGER}/absent") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["code"] == "NOT_FOUND"
    assert answers[0].content == answers[1].content
    assert b"absent" not in answers[0].content


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("pageSize=501", "/query/pageSize"),
        ("page=0", "/query/page"),
        ("page=1&page=2", "/query/page"),
        ("status=asleep", "/query/status"),
        ("sort=best", "/query/sort"),
        ("from=yesterday", "/query/from"),
        ("from=1700000000", "/query/from"),
        ("from=2026-10-02&to=2026-10-01", "/query/from"),
        ("q=" + "a" * 201, "/query/q"),
        ("q=", "/query/q"),
        ("q=%00", "/query/q"),
        ("agnet=a", "/query"),
    ],
)
def test_what_is_not_understood_is_refused(client: TestClient, query: str, pointer: str) -> None:
    """Rather than answering another question; the problem points at the parameter."""
    answer = client.get(f"{LEDGER}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("text", HOSTILE)
def test_searches_and_filters_are_text_and_never_syntax(client: TestClient, text: str) -> None:
    """200 or 400 for anything, and the ledger is as it was."""
    send(client, "s-1", title="Plain words")
    for name in ("q", "agent", "model"):
        answer = client.get(LEDGER, params={name: text})
        assert answer.status_code == 200, answer.text
        assert answer.json()["rows"] == []
    assert names(client) == ["s-1"]


SHAPES = {
    "/api/v3/ledger": "1a9a2d30a28d64a7",
    "/api/v3/ledger/s-1": "9d3e5d5976edb826",
    "/api/v3/analytics/usage": "376dbd0c7d0eb84c",
    "/api/v3/analytics/performance?from=2026-01-01&to=2026-12-31": "a7876b9eecfe6f71",
}


@pytest.mark.parametrize("address", SHAPES)
def test_shapes_are_frozen(client: TestClient, address: str) -> None:
    """Clients rely on every member and its type; new ones may be added, and are named here."""
    send(client, "s-1", endedAt=logs.at(2), taskCategory="triage")
    assert digest(client.get(address).json()) == SHAPES[address], json.dumps(
        client.get(address).json(), indent=1
    )


def test_restart_leaves_every_answer_as_it_was(client: TestClient) -> None:
    """Byte for byte: nothing of an answer lives in the process."""
    send(client, "s-1", endedAt=logs.at(2))
    before = [client.get(address).content for address in SHAPES]
    again = TestClient(
        client.app,
        base_url="http://127.0.0.1",
        client=("127.0.0.1", 50_000),
        headers=dict(client.headers),
    )
    assert [again.get(address).content for address in SHAPES] == before
