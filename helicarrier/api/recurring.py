"""What a service does again and again beside its requests: deliver messages, judge alert rules.

Each is one task that works in a thread, so that a slow receiver or a long look at the ledger delays
no request, and one failure is logged and tried again. Other processes may do the same at the same
time: messages are claimed, and an evaluation finds the states of the one before.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from helicarrier import logs
from helicarrier.alerts.evaluation import evaluate
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.errors import HelicarrierError
from helicarrier.ledger.runs import run_store
from helicarrier.notify.dispatcher import Dispatcher, channels_of
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore

_DELIVER_SECONDS = 1.0
_FAILED_SECONDS = 5.0

Work = Callable[[Callable[[], bool]], float]
"""One turn; asks its argument whether to go on, and gives the seconds until the next turn."""


class Recurring:
    """A task that takes turns until it is stopped; made within the event loop that it runs in."""

    def __init__(self, name: str, work: Work) -> None:
        """Starts at once. Args: name, by which its failures are logged; work."""
        self._name = name
        self._turn = work
        self._stopping = threading.Event()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Let the turn that is on its way end, and take no other."""
        self._stopping.set()
        self._wake.set()
        await self._task

    async def _work(self) -> None:
        while not self._stopping.is_set():
            pause = _FAILED_SECONDS
            try:
                pause = await asyncio.to_thread(self._turn, lambda: not self._stopping.is_set())
            except HelicarrierError as error:
                logs.warning(f"{self._name}.delayed", code=error.code.value)
            except Exception as error:  # noqa: BLE001 - it goes on as long as the service
                logs.warning(f"{self._name}.defect", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)


def delivering(dispatcher: Dispatcher) -> Work:
    """Turns that deliver what waits in the outbox, every second."""

    def deliver(go_on: Callable[[], bool]) -> float:
        dispatcher.deliver(go_on=go_on)
        return _DELIVER_SECONDS

    return deliver


def judging(settings: Settings, store: OperationalStore, clock: Callable[[], datetime]) -> Work:
    """Turns that judge the alert rules, where nobody else did within the interval.

    Args: settings, whose `alerts_every_seconds` is the interval; store; clock.
    """
    rules = SqlAlertRepository(store)
    interval = timedelta(seconds=settings.alerts_every_seconds)

    def judge(_: Callable[[], bool]) -> float:
        now = clock()
        newest = rules.last_judged()
        # A time ahead of ours is of a clock that jumped: it must not hold the next one back.
        if newest is not None and timedelta() <= now - newest < interval:
            return (interval - (now - newest)).total_seconds()
        if rules.rules(enabled_only=True):
            evaluate(store, runs=run_store(settings), channels=channels_of(settings), now=now)
        return interval.total_seconds()

    return judge
