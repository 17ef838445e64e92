"""The service by itself: rules are judged and people told without a command and without Dagster."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from helicarrier import times
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.api.recurring import judging
from helicarrier.settings import Settings
from tests.alerts.making import alert_rule, paid, session
from tests.api.services import SESSION, asking
from tests.ledger.stores import Ledger
from tests.notify.conftest import Receiver, receiver

__all__ = ["receiver"]

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
INTERVAL = 300


def test_a_service_judges_and_tells_by_itself(
    settings: Settings, ledger: Ledger, receiver: Receiver
) -> None:
    """A session comes in, nobody does anything, and the receiver hears of it."""
    told = replace(
        settings,
        alerts_every_seconds=1,
        notify_channels="webhook",
        notify_webhook_url=receiver.url,
        notify_webhook_private=True,
    )
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    now = times.now()
    with asking(told) as client:
        client.post(SESSION, json=session("s", paid("a", 5, now), began=now))
        deadline = time.monotonic() + 30
        while not receiver.got and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("judged_before", "pause", "judges"),
    [(None, INTERVAL, True), (100, 200, False), (400, INTERVAL, True), (-9_999, INTERVAL, True)],
    ids=["never", "by another", "long ago", "by a clock that jumped"],
)
def test_it_leaves_alone_what_another_has_just_judged(
    settings: Settings, ledger: Ledger, judged_before: int | None, pause: float, *, judges: bool
) -> None:
    """Its turns count from the newest evaluation, whoever made it."""
    alerts = SqlAlertRepository(ledger.store)
    alerts.save_rule(alert_rule())
    at = NOW - timedelta(seconds=judged_before or 0)
    if judged_before is not None:
        judging(replace(settings, alerts_every_seconds=1), ledger.store, lambda: at)(lambda: True)
    turn = judging(replace(settings, alerts_every_seconds=INTERVAL), ledger.store, lambda: NOW)

    assert turn(threading.Event().is_set) == pause
    assert alerts.last_judged() == (NOW if judges else at)


def test_without_a_rule_it_writes_nothing(settings: Settings, ledger: Ledger) -> None:
    """Not even a run: an idle service leaves no trace every few minutes."""
    turn = judging(replace(settings, alerts_every_seconds=INTERVAL), ledger.store, lambda: NOW)
    assert turn(lambda: True) == INTERVAL
    assert SqlAlertRepository(ledger.store).last_judged() is None
    assert not (settings.data_dir / "warehouse.duckdb").exists()
