"""The whole chain on both engines: a session over HTTP becomes a message at a receiver."""

import json
import time
from pathlib import Path

from msgspec.structs import replace

from helicarrier import times
from helicarrier.alerts.evaluation import evaluate
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.explain import explain
from helicarrier.notify.dispatcher import channels_of
from helicarrier.notify.tables import notifications
from helicarrier.settings import Settings
from helicarrier.store.lake import Lake
from helicarrier.usage.refresh import Refresher
from helicarrier.usage.tables import daily_usage_agg
from tests.alerts.making import paid, session
from tests.api.services import SESSION, asking
from tests.ledger.stores import Ledger
from tests.notify.conftest import Receiver, receiver

__all__ = ["receiver"]

ALERTS = "/api/v3/alerts"
RULE = {
    "ruleId": "cost",
    "metric": "daily_cost_usd",
    "warnThreshold": 1,
    "criticalThreshold": 2,
}


def test_from_a_session_to_a_receiver_and_back(
    settings: Settings, ledger: Ledger, receiver: Receiver, tmp_path: Path
) -> None:
    """Ledger, aggregates, alert, webhook, API: each says the same of the same five dollars."""
    told = replace(
        settings,
        secret="s",
        notify_channels="webhook",
        notify_webhook_url=receiver.url,
        notify_webhook_private=True,
    )
    now = times.now()
    with asking(told) as client:
        client.headers["x-secret-key"] = "s"
        sent = client.post(SESSION, json=session("s", paid("a", 5, now), began=now))
        assert sent.json()["status"] == "created"
        assert client.post(f"{ALERTS}/rules", json=RULE).status_code == 201

        refresher = Refresher(ledger.store, Lake(tmp_path / "lake"), times.now)
        refresher.refresh_facts([now.date()], "run")
        refresher.refresh_daily([now.date()], "run")
        total = ledger.row(daily_usage_agg)["cost_usd_total"]

        done = evaluate(
            ledger.store, runs=run_store(told), channels=channels_of(told), now=times.now()
        )
        deadline = time.monotonic() + 300
        while _state(ledger) != "delivered" and time.monotonic() < deadline:
            time.sleep(0.02)
        (row,) = client.get(f"{ALERTS}/active").json()["rows"]

    (path, key, body) = receiver.got[0]
    message = json.loads(body)
    assert (path, key) == ("/hook", message["key"])
    assert message["kind"] == "alert.activated"
    assert message["data"]["value"] == row["value"] == total == 5
    assert message["data"]["status"] == row["status"] == done.worst == "critical"
    assert message["data"]["runId"] == done.run_id
    assert len(receiver.got) == 1
    told_by = explain(told, "alert_state", ["cost", "global"])
    assert any(child.title == f"run {done.run_id}" for child in told_by.children)


def _state(ledger: Ledger) -> object:
    return ledger.row(notifications)["state"]
