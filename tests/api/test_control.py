"""Control over HTTP: V1 and V2 shapes, scopes, and the sample agent as a real process."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from helicarrier import logs
from helicarrier.api.tokens import Scope
from helicarrier.control.commands import PROMPT_LENGTH
from helicarrier.control.folder import folders_in
from helicarrier.evals.enums import EvalEnvironment
from helicarrier.evals.routing.repository import SqlRoutingRepository
from helicarrier.evals.tables import ai_provider_configs
from helicarrier.ledger.tables import audit_log, session_ledger, session_usage
from helicarrier.settings import Settings
from tests.api.services import ELSEWHERE, JSON, asking
from tests.api.shapes import digest, shape
from tests.api.test_access import make
from tests.api.test_ingest import envelope
from tests.control.conftest import eventually
from tests.ledger.stores import Ledger

AGENT = Path(__file__).resolve().parents[2] / "examples" / "agent.py"
SPAWN, KILL, MODEL = "/api/control/spawn", "/api/control/kill", "/api/control/model"
FROZEN = {
    "v1/status": "106b12d29d6a9a7f",
    "v1/logs": "4941b993b05c2d67",
    "v2/spawn": "fb82ee7d0b901c22",
    "v2/kill": "c39308434ed97d6f",
    "v2/model": "2334d27121c89865",
}


def fixture(name: str) -> object:
    """An answer as clients know it."""
    path = Path(__file__).parent / "fixtures" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def agents(*options: str) -> str:
    """The setting that allows the sample agent."""
    return json.dumps({"sample": [sys.executable, str(AGENT), *options]})


@pytest.fixture
def controlling(sqlite_ledger: Ledger, tmp_path: Path) -> Iterator[TestClient]:
    """A client with a control token of a service that may start the sample agent."""
    settings = Settings(
        data_dir=tmp_path,
        db_url=sqlite_ledger.url,
        control_agents=agents("--steps", "600", "--seconds", "0.1"),
        control_processes=1,
    )
    secret = make(sqlite_ledger, Scope.CONTROL).secret
    with asking(settings, ELSEWHERE) as client:
        client.headers["authorization"] = f"Bearer {secret}"
        eventually(lambda: client.post(KILL, json={"sessionId": "none"}).status_code == 404)
        yield client
    for folder in folders_in(settings.control_dir / "processes"):
        folder.stop()
        eventually(lambda folder=folder: not folder.is_alive())


def status_of(client: TestClient, session_id: str) -> str:
    """How a session stands in the ledger."""
    store = client.app.state.service.store  # type: ignore[attr-defined]
    query = select(session_ledger.c.status).where(session_ledger.c.session_id == session_id)
    with store.read() as connection:
        return str(connection.execute(query).scalar_one())


@pytest.mark.parametrize("name", FROZEN)
def test_shapes_are_frozen(name: str) -> None:
    """Clients of V1 and V2 were written against them."""
    assert digest(fixture(name)) == FROZEN[name]


def test_an_agent_runs_and_is_ended(controlling: TestClient, sqlite_ledger: Ledger) -> None:
    """With the answers that V1 and V2 clients know; each step is audited under the token."""
    answer = controlling.post(SPAWN, json={"agentId": "sample", "prompt": "tidy the attic"})
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(fixture("v2/spawn"))
    session_id = answer.json()["sessionId"]
    status = controlling.get("/api/system/status").json()
    assert shape(status) == shape(fixture("v1/status"))
    assert [(one["id"], one["status"]) for one in status["agents"]] == [("sample", "running")]
    full = controlling.post(SPAWN, json={"agentId": "sample", "prompt": "more"})
    assert (full.status_code, full.headers["retry-after"]) == (429, "1")
    killed = controlling.post(KILL, json={"sessionId": session_id})
    assert (killed.status_code, shape(killed.json())) == (200, shape(fixture("v2/kill")))
    assert status_of(controlling, session_id) == "killed"
    assert controlling.post(KILL, json={"sessionId": session_id}).status_code == 404
    actions = [
        (str(one["action"]), str(one["actor"]).partition(":")[0])
        for one in sorted(sqlite_ledger.rows(audit_log), key=lambda one: str(one["occurred_at"]))
        if one["subject"] == session_id
    ]
    assert actions == [("control.spawn", "token"), ("control.kill", "token")]


def test_the_agents_own_record_brings_its_calls(
    controlling: TestClient, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """What it wrote when it was ended is imported into the same session."""
    answer = controlling.post(SPAWN, json={"agentId": "sample", "prompt": "tidy the attic"})
    session_id = answer.json()["sessionId"]
    process = tmp_path / "control" / "processes" / session_id
    eventually(lambda: "step 2" in (process / "log").read_text(encoding="utf-8"))
    controlling.post(KILL, json={"sessionId": session_id})
    sqlite_ledger.read(tmp_path / "control" / "sessions")
    (session,) = sqlite_ledger.rows(session_ledger)
    assert (session["session_id"], session["status"]) == (session_id, "killed")
    assert (session["source"], session["revision"]) == ("sample_agent", 2)
    assert sqlite_ledger.rows(session_usage)


def test_the_default_model_changes(controlling: TestClient, sqlite_ledger: Ledger) -> None:
    """Of production, for an enabled provider."""
    repository = SqlRoutingRepository(sqlite_ledger.store)
    (before,) = [one for one in repository.configs(EvalEnvironment.PROD) if one.is_default]
    wanted = {"provider": before.provider, "model": "a-newer-model"}
    answer = controlling.post(MODEL, json=wanted)
    assert (answer.status_code, answer.json()) == (200, {"ok": True} | wanted)
    assert shape(answer.json()) == shape(fixture("v2/model"))
    (after,) = [one for one in repository.configs(EvalEnvironment.PROD) if one.is_default]
    assert (after.provider, after.model) == (before.provider, "a-newer-model")
    unknown = controlling.post(MODEL, json={"provider": "nobody", "model": "m"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
    with sqlite_ledger.store.write() as connection:
        key = ai_provider_configs.c.provider == before.provider
        connection.execute(ai_provider_configs.update().where(key).values(model=before.model))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SPAWN, {"agentId": "sample", "prompt": "x"}),
        (KILL, {"sessionId": "x"}),
        (MODEL, {"provider": "openai", "model": "x"}),
    ],
)
def test_control_needs_its_scope_and_a_command(
    settings: Settings, ledger: Ledger, path: str, body: dict[str, str]
) -> None:
    """401 without a token, 403 with another one, 403 CONTROL_DISABLED as long as it is off."""
    with asking(settings) as client:
        open_to_loopback = client.post(path, json=body)
        assert (open_to_loopback.status_code, open_to_loopback.json()["code"]) == (403, "FORBIDDEN")
        secrets = {scope: make(ledger, scope).secret for scope in Scope}
        client.app.state.service.authenticator._read_at = float("-inf")
        assert client.post(path, json=body).status_code == 401
        codes = {}
        for scope, secret in secrets.items():
            headers = {"authorization": f"Bearer {secret}"}

            def settled(headers: dict[str, str] = headers) -> bool:
                return client.post(path, json=body, headers=headers).status_code != 503

            eventually(settled)
            answer = client.post(path, json=body, headers=headers)
            codes[scope] = (answer.status_code, answer.json()["code"])
    assert codes == {
        Scope.READ: (403, "FORBIDDEN"),
        Scope.INGEST: (403, "FORBIDDEN"),
        Scope.CONTROL: (403, "CONTROL_DISABLED"),
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agentId": "sample"},
        {"agentId": "sample", "prompt": ""},
        {"agentId": "sample", "prompt": "p" * (PROMPT_LENGTH + 1)},
        {"agentId": "sample", "prompt": 1},
        {"agentId": "sample", "prompt": "p", "command": ["rm"]},
        {"agentId": "", "prompt": "p"},
    ],
)
def test_what_is_no_order_is_refused(controlling: TestClient, body: dict[str, object]) -> None:
    """With every reason, and nothing of it repeated."""
    answer = controlling.post(SPAWN, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert "ppp" not in answer.text


def test_a_prompt_is_never_in_an_error(controlling: TestClient) -> None:
    """Neither the agent's id."""
    for body in ({"agentId": "their-agent", "prompt": "my-secret"},):
        answer = controlling.post(SPAWN, json=body)
        assert answer.status_code == 404
        assert "my-secret" not in answer.text
        assert "their-agent" not in answer.text
    assert controlling.post(SPAWN, content=b"[", headers=JSON).status_code == 400


def test_each_agent_stands_by_its_newest_session(settings: Settings, ledger: Ledger) -> None:
    """On both engines; an agent that may be started and never was is unknown."""
    asked = msgspec.structs.replace(settings, control_agents='{"never": ["x"]}')
    with asking(asked) as client:
        for number, (agent, state) in enumerate(
            [("a", "failed"), ("a", "success"), ("b", "failed"), ("c", "running"), ("c", "success")]
        ):
            times = {"startedAt": f"2026-10-05T0{number}:00:00Z", "endedAt": None}
            one = envelope(f"s-{number}", agentId=agent, state=state, **times)
            assert client.post("/api/v3/ingest/session", json=one).status_code == 200
        answer = client.get("/api/system/status").json()
    assert {one["id"]: one["status"] for one in answer["agents"]} == {
        "a": "idle",
        "b": "failed",
        "c": "running",
        "never": "unknown",
    }
    assert answer["gateway"] == {"connected": True, "healthy": True}
    assert answer["agents"][0]["lastActivityAt"] == "2026-10-05T01:00:00.000000Z"


def test_a_status_without_a_store_says_so(tmp_path: Path) -> None:
    """Not connected, and nothing is claimed of the agents."""
    (tmp_path / "folder").mkdir()
    asked = Settings(data_dir=tmp_path, db_path=tmp_path / "folder", secret="s")
    with asking(asked) as client:
        answer = client.get("/api/system/status", headers={"x-secret-key": "s"}).json()
    assert answer["gateway"] == {"connected": False, "healthy": False}
    assert answer["agents"] == []


def test_the_log_has_a_bound_and_no_secrets(settings: Settings) -> None:
    """The newest events, whatever the log level; what looks like a secret is taken out."""
    with asking(settings) as client:
        assert shape(client.get("/api/logs").json()) == shape(fixture("v1/logs"))
        service = client.app.state.service
        for number in range(600):
            service.recent.add("info", "made.up", {"number": number})
        logs.info("told", at="postgresql://me:hidden1@host/db", by="hc_0123456789ab_hidden2")
        logs.info("told", header="Authorization: Bearer hidden3", more="api_key=hidden4")
        told = client.get("/api/logs").json()["logs"]
        assert len(told) == 500
        assert not [n for n in range(1, 5) if f"hidden{n}" in str(told)]
        assert [one["msg"][:4] for one in told[-2:]] == ["told", "told"]
        assert len(client.get("/api/logs?limit=1").json()["logs"]) == 1
        assert client.get("/api/logs?limit=0").status_code == 400
