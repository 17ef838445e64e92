"""Hostile texts at every route that takes one: text and never syntax, 200 or 400 and no other."""

from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from helicarrier.settings import Settings
from tests.api.services import asking
from tests.api.test_ledger import HOSTILE, names, send

SECRET = "s3cret-of-the-test"
TEXTS = {
    "/api/v3/analytics/usage": ("agent", "model", "task", "from", "to"),
    "/api/v3/analytics/performance": ("from", "to", "minSample"),
    "/api/v3/alerts/active": ("suppressed",),
    "/sessions": ("q", "agent", "model", "status", "sort", "offset"),
    "/api/logs": ("limit",),
}
ANSWERS = {200, 400}


def test_texts_of_reading_routes_are_never_syntax(client: TestClient) -> None:
    """In every parameter; a page repeats them only escaped, and the ledger is as it was."""
    send(client, "s-1", title="Plain words")
    for text in [*HOSTILE, "\x00", "\udcff"]:
        for path, parameters in TEXTS.items():
            for name in parameters:
                answer = client.get(path, params={name: text.encode("utf-8", "surrogateescape")})
                assert answer.status_code in ANSWERS, (path, name, text, answer.text)
                assert "<script>\n" not in answer.text
                assert "<script></" not in answer.text
    assert names(client) == ["s-1"]


@pytest.mark.parametrize("action", ["suppress", "resolve", ""])
def test_texts_of_alert_routes_are_never_syntax(settings: Settings, action: str) -> None:
    """As the id in the address and in every text of a body: refused, or not found."""
    wanted = Settings(data_dir=settings.data_dir, db_url=settings.db_url, secret=SECRET)
    rule = {"metric": "daily_cost_usd", "warnThreshold": 1, "criticalThreshold": 2}
    with asking(wanted) as client:
        client.headers["x-secret-key"] = SECRET
        made = client.post("/api/v3/alerts/rules", json=rule | {"ruleId": "kept"})
        assert made.status_code == 201
        before = client.get("/api/v3/alerts/rules").json()
        method = "POST" if action else "PATCH"
        for text in [*HOSTILE, "\x00"]:
            for rule_id, scope in ((text, "global"), ("kept", text)):
                path = address_of(rule_id, action)
                answer = client.request(method, path, json={"scopeKey": scope, "minutes": 5})
                assert answer.status_code in {400, 404}, (path, text, answer.text)
                refused = client.post("/api/v3/alerts/rules", json=rule | {"ruleId": text + " "})
                assert refused.status_code == 400
        assert client.get("/api/v3/alerts/rules").json() == before


def address_of(rule_id: str, action: str) -> str:
    """The address of a rule, or of what is done to it."""
    return "/".join(filter(None, ("/api/v3/alerts/rules", quote(rule_id, safe=""), action)))
