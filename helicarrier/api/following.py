"""Following: the agents of a service, looked after while it serves.

What an earlier service left running is taken up first; until that is done nothing new is started.
"""

import asyncio
from contextlib import suppress

from helicarrier import logs
from helicarrier.api.group_commit import IngestWriter
from helicarrier.control.controller import Controller, Record
from helicarrier.errors import HelicarrierError, StorageUnavailable
from helicarrier.ledger.model import Envelope
from helicarrier.ledger.outcomes import EnvelopeStatus

_PAUSE_SECONDS = 0.2
_RECORD_SECONDS = 60.0


def record_through(writer: IngestWriter) -> Record:
    """Writes of other threads through the writer of this event loop."""
    loop = asyncio.get_running_loop()

    def record(envelope: Envelope) -> EnvelopeStatus:
        writing = writer.write([envelope], source_uri=envelope.session.source_uri)
        try:
            (status,) = asyncio.run_coroutine_threadsafe(writing, loop).result(_RECORD_SECONDS)
        except TimeoutError:
            raise StorageUnavailable("the writer did not answer in time") from None
        return status

    return record


class Following:
    """Looks after a controller until it is stopped; start it within the event loop."""

    def __init__(self, control: Controller) -> None:
        """Starts at once. Args: control."""
        self._control = control
        self._recovered = False
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    @property
    def control(self) -> Controller | None:
        """The controller; None until it has taken up what was left running."""
        return self._control if self._recovered else None

    async def stop(self) -> None:
        """Look no more; the agents go on, and the next service takes them up.

        A look that has begun is finished first: it reads the store, which is closed after this.
        """
        self._stopping.set()
        await self._task

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self._recovered:
                    await asyncio.to_thread(self._control.recover)
                    self._recovered = True
                elif self._control.is_busy:
                    await asyncio.to_thread(self._control.look)
            except HelicarrierError as error:
                logs.warning("control.not_followed", code=error.code.value)
            except Exception as error:  # noqa: BLE001 - the other agents still have to be followed
                logs.warning("control.defect", error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _PAUSE_SECONDS)
