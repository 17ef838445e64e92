"""A dispatcher that is killed: what it had in hand goes out again, under the same key."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from helicarrier import times
from helicarrier.notify.dispatcher import dispatcher_of
from helicarrier.notify.model import Channel, Message
from helicarrier.notify.outbox import post
from helicarrier.notify.tables import notifications
from helicarrier.settings import Settings
from tests.ledger.stores import Ledger
from tests.notify.conftest import Receiver

KILLED = """
import os, sys
from helicarrier import settings, times
from helicarrier.notify.dispatcher import dispatcher_of
from helicarrier.notify.webhook import WebhookSender
from helicarrier.store.operational import OperationalStore
post = WebhookSender.send
def send(self, delivery):
    if sys.argv[1] == "after":
        assert post(self, delivery) is None
    os.kill(os.getpid(), 9)
WebhookSender.send = send
found = settings.load()
dispatcher_of(found, OperationalStore(found.url), clock=times.now).deliver()
"""


@pytest.mark.parametrize(("moment", "arrivals"), [("before", 1), ("after", 2)])
def test_a_kill_in_delivery_loses_nothing(
    sqlite_ledger: Ledger, receiver: Receiver, moment: str, arrivals: int
) -> None:
    """Killed before the receiver has it: once. Killed before that is noted: twice, one key."""
    message = Message(dedup_key="k", kind="test", subject="s", data={})
    now = times.now()
    post(sqlite_ledger.store, message, [Channel.WEBHOOK], now=now, new_id=lambda: "n")
    variables = {
        "HELICARRIER_DB_URL": sqlite_ledger.url,
        "HELICARRIER_NOTIFY_WEBHOOK_URL": receiver.url,
        "HELICARRIER_NOTIFY_WEBHOOK_PRIVATE": "true",
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, moment], env=variables, check=False, capture_output=True
    )
    assert killed.returncode == -9
    settings = Settings(
        db_url=sqlite_ledger.url,
        notify_webhook_url=receiver.url,
        notify_webhook_private=True,
    )

    def deliver(at: datetime) -> int:
        return len(dispatcher_of(settings, sqlite_ledger.store, clock=lambda: at).deliver())

    assert deliver(times.now()) == 0
    assert deliver(times.now() + timedelta(minutes=2)) == 1
    assert [key for _, key, _ in receiver.got] == ["k"] * arrivals
    row = sqlite_ledger.row(notifications)
    assert (row["state"], row["attempts"]) == ("delivered", 2)
