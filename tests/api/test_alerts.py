"""The alert routes on both engines: shapes that never change, strict bodies, who may do what."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from helicarrier import times
from helicarrier.alerts.enums import AlertScope
from helicarrier.alerts.evaluation import evaluate
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.alerts.tables import alert_transitions
from helicarrier.api import tokens
from helicarrier.api.tokens import Scope
from helicarrier.canonical import JSONValue, canonical_bytes, sha256
from helicarrier.ledger.tables import audit_log
from helicarrier.notify.model import Channel
from helicarrier.notify.tables import notifications
from helicarrier.settings import Settings
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore
from tests.alerts.making import ago, alert_rule, paid, session, store
from tests.api.services import JSON, asking
from tests.ledger.stores import Ledger

ALERTS = "/api/v3/alerts"
RULES = f"{ALERTS}/rules"
SHAPE = "49a844302c9e19042c8224c87c9e30696b06e1fd123ef0db2167f9c2292a1f92"
RULE = {
    "ruleId": "cost",
    "metric": "daily_cost_usd",
    "scope": "agent",
    "warnThreshold": 1,
    "criticalThreshold": 2.5,
}


@pytest.fixture
def operator(settings: Settings, ledger: Ledger) -> TestClient:
    """A client with a token that may control; its service runs for the length of the test."""
    return operator_of(settings, ledger)


@pytest.fixture
def sqlite_operator(sqlite_ledger: Ledger, tmp_path: Path) -> TestClient:
    """The same on SQLite alone, for what does not depend on the engine."""
    settings = Settings(data_dir=tmp_path, db_url=sqlite_ledger.url, drain_seconds=0)
    return operator_of(settings, sqlite_ledger)


def operator_of(settings: Settings, ledger: Ledger) -> TestClient:
    """A client of the service that these settings mean."""
    made = tokens.create(
        ledger.store, name="ops", scope=Scope.CONTROL, actor="test", now=times.now()
    )
    client = asking(settings)
    client.headers["authorization"] = f"Bearer {made.secret}"
    return client


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """A run store for evaluations."""
    return RunStore(WarehouseStore(tmp_path_factory.mktemp("runs") / "warehouse.duckdb"))


def fire(ledger: Ledger, runs: RunStore) -> None:
    """A rule of each agent, and one agent that costs too much."""
    rule = alert_rule(scope=AlertScope.AGENT)
    SqlAlertRepository(ledger.store).save_rule(rule)
    store(ledger, session("s", paid("a", 5, ago(minutes=1)), agentId="agent"))
    judge(ledger, runs)


def judge(ledger: Ledger, runs: RunStore, minutes: float = 0) -> None:
    """Evaluate some minutes after the session."""
    now = ago(minutes=-minutes)
    evaluate(ledger.store, runs=runs, channels=[Channel.LOG], now=now)


def shape(value: JSONValue) -> JSONValue:
    """Names and types of a JSON document."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def test_the_shape_of_an_active_alert_is_frozen(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """The members that clients of the V3 API know, by name and type; new ones are only added."""
    fire(ledger, runs)
    with operator:
        answer = operator.get(f"{ALERTS}/active").json()
    (row,) = answer["rows"]
    known = [
        *("ruleId", "metric", "scope", "value", "warnThreshold", "criticalThreshold"),
        *("status", "triggeredAt", "deduped"),
    ]
    assert list(answer) == ["rows"]
    assert list(row)[: len(known)] == known
    frozen = canonical_bytes({name: shape(row[name]) for name in known})
    assert sha256(frozen) == SHAPE
    assert {name: row[name] for name in known} == {
        "ruleId": "cost",
        "metric": "daily_cost_usd",
        "scope": "agent",
        "value": 5.0,
        "warnThreshold": 1.0,
        "criticalThreshold": 2.0,
        "status": "critical",
        "triggeredAt": "2026-10-05T12:00:00.000000Z",
        "deduped": False,
    }
    assert (row["scopeKey"], row["agentId"], row["modelId"]) == ("agent", "agent", None)


def test_a_repeat_within_the_cooldown_is_marked(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """The same severity again, of which nobody is told a second time."""
    fire(ledger, runs)
    judge(ledger, runs, 1)
    with operator:
        (row,) = operator.get(f"{ALERTS}/active").json()["rows"]
    assert row["deduped"] is True


def test_a_rule_is_made_listed_changed_and_audited(operator: TestClient, ledger: Ledger) -> None:
    """What is absent takes its default, and later stays; the id is a conflict afterwards."""
    with operator:
        made = operator.post(RULES, json=RULE)
        again = operator.post(RULES, json=RULE)
        changed = operator.patch(f"{RULES}/cost", json={"warnThreshold": 2, "timeWindow": "1h"})
        same = operator.patch(f"{RULES}/cost", json={"warnThreshold": 2})
        listed = operator.get(RULES).json()["rows"]
    assert (made.status_code, made.json()["ok"]) == (201, True)
    assert (again.status_code, again.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert listed == [changed.json()["rule"]] == [same.json()["rule"]]
    assert listed[0] == made.json()["rule"] | {
        "warnThreshold": 2.0,
        "timeWindow": "1h",
        "updatedAt": listed[0]["updatedAt"],
    }
    assert {name: type(value).__name__ for name, value in listed[0].items()} == {
        "ruleId": "str",
        "metric": "str",
        "scope": "str",
        "agentId": "NoneType",
        "modelId": "NoneType",
        "warnThreshold": "float",
        "criticalThreshold": "float",
        "timeWindow": "str",
        "comparison": "str",
        "dedupCooldownSec": "int",
        "enabled": "bool",
        "suppressedUntil": "NoneType",
        "createdAt": "str",
        "updatedAt": "str",
    }
    told = [
        (str(row["actor"])[:6], row["action"], row["subject"])
        for row in sorted(ledger.rows(audit_log), key=lambda row: str(row["occurred_at"]))
        if str(row["action"]).startswith("alert")
    ]
    assert told == [
        ("token:", "alert_rule.created", "cost"),
        ("token:", "alert_rule.changed", "cost"),
    ]


def test_a_rule_without_an_id_gets_one(sqlite_operator: TestClient) -> None:
    """A random one."""
    body = {name: value for name, value in RULE.items() if name != "ruleId"}
    with sqlite_operator:
        ids = {sqlite_operator.post(RULES, json=body).json()["rule"]["ruleId"] for _ in range(2)}
    assert len(ids) == 2


REFUSED: list[tuple[dict[str, object], list[tuple[str, str]]]] = [
    ({"metric": "speed"}, [("/metric", "INVALID_VALUE")]),
    ({"metric": None}, [("/metric", "INVALID_VALUE")]),
    ({"warnThreshold": "1"}, [("/warnThreshold", "INVALID_TYPE")]),
    ({"warnThreshold": -1}, [("/warnThreshold", "OUT_OF_RANGE")]),
    ({"criticalThreshold": 0.5}, [("", "INVALID_ORDER")]),
    ({"modelId": "m"}, [("", "INVALID_VALUE")]),
    ({"ruleId": "a/b"}, [("/ruleId", "INVALID_FORMAT")]),
    ({"agentId": ""}, [("/agentId", "TOO_SHORT")]),
    ({"enabled": 1, "x": 1}, [("/enabled", "INVALID_TYPE"), ("/x", "UNKNOWN_FIELD")]),
    ({"dedupCooldownSec": 1.5}, [("/dedupCooldownSec", "INVALID_TYPE")]),
]


def test_a_rule_that_breaks_the_contract_is_refused_alike(sqlite_operator: TestClient) -> None:
    """400 with every reason, the same bytes twice, and no rule."""
    with sqlite_operator:
        for change, violations in REFUSED:
            first, again = (sqlite_operator.post(RULES, json=RULE | change) for _ in range(2))
            assert first.content == again.content
            assert first.status_code == 400
            found = [(e["pointer"], e["code"]) for e in first.json()["errors"]]
            assert (change, found) == (change, violations)
        assert sqlite_operator.get(RULES).json() == {"rows": []}


def test_a_change_that_contradicts_the_rule_is_refused(sqlite_operator: TestClient) -> None:
    """Each value alone may be fine."""
    with sqlite_operator:
        sqlite_operator.post(RULES, json=RULE)
        answer = sqlite_operator.patch(f"{RULES}/cost", json={"warnThreshold": 100})
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
        assert (
            sqlite_operator.patch(f"{RULES}/cost", json={"metric": "failure_rate"}).status_code
            == 400
        )


def test_what_is_not_there_is_404(sqlite_operator: TestClient) -> None:
    """With the code that says so, and without the name that was asked for."""
    asked: list[tuple[str, str, dict[str, object]]] = [
        ("PATCH", "/none", {}),
        ("POST", "/none/suppress", {"minutes": 1}),
        ("POST", "/none/resolve", {}),
    ]
    with sqlite_operator:
        for method, path, body in asked:
            answer = sqlite_operator.request(method, RULES + path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
            assert "none" not in answer.text


def test_a_suppression_has_one_end_in_the_future(sqlite_operator: TestClient) -> None:
    """Anything else is refused."""
    bodies: list[dict[str, object]] = [
        {},
        {"minutes": 5, "end": True},
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "soon"},
        {"minutes": 0},
        {"minutes": 5, "scopeKey": ""},
    ]
    with sqlite_operator:
        sqlite_operator.post(RULES, json=RULE)
        for body in bodies:
            answer = sqlite_operator.post(f"{RULES}/cost/suppress", json=body)
            assert (body, answer.status_code) == (body, 400)


def test_a_suppressed_alert_is_not_active_until_it_ends(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """It can be asked for; ending the suppression brings it back."""
    fire(ledger, runs)
    with operator:
        answer = operator.post(f"{RULES}/cost/suppress", json={"minutes": 60}).json()
        assert operator.get(f"{ALERTS}/active").json() == {"rows": []}
        (row,) = operator.get(f"{ALERTS}/active?suppressed=true").json()["rows"]
        assert (row["lifecycle"], row["suppressedUntil"]) == (
            "suppressed",
            answer["suppressedUntil"],
        )
        operator.post(f"{RULES}/cost/suppress", json={"end": True})
        (row,) = operator.get(f"{ALERTS}/active").json()["rows"]
    assert (row["lifecycle"], row["suppressedUntil"]) == ("active", None)


def test_a_suppression_that_is_over_hides_nothing(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """Also when no evaluation has seen its end yet."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule(suppressed_until=ago(minutes=-1)))
    store(ledger, session("s", paid("a", 5, ago(minutes=1))))
    judge(ledger, runs)
    with operator:
        (row,) = operator.get(f"{ALERTS}/active").json()["rows"]
    assert row["lifecycle"] == "suppressed"


def test_one_scope_can_be_suppressed_alone(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """The others go on."""
    fire(ledger, runs)
    store(ledger, session("t", paid("b", 5, ago(minutes=1)), agentId="other"))
    judge(ledger, runs, 1)
    with operator:
        operator.post(f"{RULES}/cost/suppress", json={"minutes": 60, "scopeKey": "other"})
        (row,) = operator.get(f"{ALERTS}/active").json()["rows"]
    assert row["scopeKey"] == "agent"


def test_resolving_lets_go_and_is_told(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """A transition, a message and a line in the audit log; doing it again changes nothing."""
    fire(ledger, runs)
    with operator:
        first = operator.post(f"{RULES}/cost/resolve", json={}).json()
        again = operator.post(f"{RULES}/cost/resolve", json={}).json()
        assert operator.get(f"{ALERTS}/active").json() == {"rows": []}
    assert (first["resolved"], again["resolved"]) == (["agent"], [])
    reasons = [str(row["reason"]) for row in ledger.rows(alert_transitions)]
    assert any(reason.startswith("resolved by token:") for reason in reasons)
    subjects = sorted(str(row["subject"])[:8] for row in ledger.rows(notifications))
    assert subjects == ["critical", "resolved"]


def test_switching_a_rule_off_lets_go_of_what_fires(
    operator: TestClient, ledger: Ledger, runs: RunStore
) -> None:
    """Otherwise it would fire for ever: nobody judges it any more."""
    fire(ledger, runs)
    with operator:
        operator.patch(f"{RULES}/cost", json={"enabled": False})
        assert operator.get(f"{ALERTS}/active").json() == {"rows": []}
    (state,) = SqlAlertRepository(ledger.store).states()
    assert (state.status, state.lifecycle) == ("ok", "resolved")


def test_reading_and_changing_need_their_scopes(settings: Settings, ledger: Ledger) -> None:
    """`control` may read as well."""
    allowed = {Scope.READ: (200, 403), Scope.INGEST: (403, 403), Scope.CONTROL: (200, 201)}
    secrets = {
        scope: tokens.create(
            ledger.store, name="n", scope=scope, actor="test", now=times.now()
        ).secret
        for scope in allowed
    }
    with asking(settings) as client:
        for scope, (reads, changes) in allowed.items():
            headers = JSON | {"authorization": f"Bearer {secrets[scope]}"}
            assert client.get(f"{ALERTS}/active", headers=headers).status_code == reads
            assert client.post(RULES, json=RULE, headers=headers).status_code == changes
