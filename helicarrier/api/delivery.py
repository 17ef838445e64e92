"""Delivery in the service: what waits in the outbox goes out while it serves.

One task looks every second; receivers are asked in a worker thread, so that a slow one delays no
request. What another process delivers meanwhile is not delivered twice: each message is claimed.
"""

import asyncio
import contextlib
import threading

from helicarrier import logs
from helicarrier.errors import HelicarrierError
from helicarrier.notify.dispatcher import Dispatcher

_LOOK_SECONDS = 1.0


class Delivery:
    """The task that delivers; made within the event loop that it runs in."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        """Args: the dispatcher that is asked again and again."""
        self._dispatcher = dispatcher
        self._stopping = threading.Event()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Finish the message that is on its way; the others are left to others."""
        self._stopping.set()
        self._wake.set()
        await self._task

    async def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.to_thread(
                    self._dispatcher.deliver, go_on=lambda: not self._stopping.is_set()
                )
            except HelicarrierError as error:
                logs.warning("notification.delayed", code=error.code.value)
            except Exception as error:  # noqa: BLE001 - delivery goes on as long as the service
                logs.warning("notification.defect", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)
