"""The service behind the routes: its stores, its one writer, and whether it is ready.

It migrates at the start, and imports the legacy store where that is wanted. When that fails, or the
store cannot be reached, it stays alive and says so with a stable code, and tries again, so that a
database that comes back needs no restart. With the database off the legacy store takes its place.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from starlette.requests import Request

from helicarrier import logs, times
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.api.backend import Backend, DatabaseBackend, LegacyBackend, require_database
from helicarrier.api.following import Following, record_through
from helicarrier.api.group_commit import GroupCommit, IngestWriter
from helicarrier.api.recent_log import RecentLog
from helicarrier.api.recurring import Recurring, delivering, judging
from helicarrier.api.tokens import Authenticator
from helicarrier.control.controller import Controller
from helicarrier.control.folder import Limits
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.errors import ErrorCode, HelicarrierError, StorageUnavailable
from helicarrier.ledger.outcomes import Tally
from helicarrier.ledger.repository import LedgerRepository
from helicarrier.ledger.runs import run_store
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.legacy.bringing_over import LegacyImport
from helicarrier.legacy.file import LegacyFile
from helicarrier.legacy.ledger import LegacyWriter
from helicarrier.legacy.rows import LEGACY_RUN
from helicarrier.notify.dispatcher import dispatcher_of
from helicarrier.settings import Settings
from helicarrier.store import migrate
from helicarrier.store.migrate import Readiness
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_model import Run
from helicarrier.store.versions import CORE

RUN_NAME = "http_ingest"
"""The run store's name for a service: one run from its start to its end."""

_READY = Readiness(ready=True, code=None, current=CORE.head, head=CORE.head)
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class Service:
    """One process that serves; made before the event loop, started and stopped within it."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = times.now) -> None:
        """Nothing is opened yet. Args: settings; clock."""
        self.settings = settings
        self.clock = clock
        self.store = OperationalStore(settings.url)
        self._legacy = None if settings.enable_sqlite else LegacyFile(settings.legacy_path)
        self.backend: Backend = (
            DatabaseBackend(self.store, settings.url)
            if self._legacy is None
            else LegacyBackend(self._legacy)
        )
        self._legacy_import = LegacyImport(settings, SqlAlertRepository(self.store), clock=clock)
        self.authenticator = Authenticator(
            self.store if self._legacy is None else None,
            legacy_secret=settings.secret,
            clock=clock,
        )
        self.writer: IngestWriter | None = None
        self.recent = RecentLog(clock=clock, secrets=(settings.secret,))
        self.stopping = False
        self._readiness = _pending("the service is starting")
        self._looked_at = float("-inf")
        self._run: Run | None = None
        self._runs: AbstractContextManager[Run] | None = None
        self._recurring: list[Recurring] = []
        self._starting: asyncio.Task[None] | None = None
        self._following: Following | None = None

    @property
    def ledger(self) -> LedgerRepository:
        """Where sessions are read."""
        return self.backend.ledger

    async def start(self) -> None:
        """Migrate and open the writer; goes on trying in the background when that fails."""
        self.recent.open()
        if not await self._try_to_start():
            self._starting = asyncio.create_task(self._keep_trying())

    async def stop(self) -> None:
        """Write what waits, end the run, close every connection."""
        self.stopping = True
        if self._starting is not None:
            self._starting.cancel()
        if self._following is not None:
            await self._following.stop()
        for one in self._recurring:
            await one.stop()
        if self.writer is not None:
            await self.writer.close()
        if self._runs is not None:
            await asyncio.to_thread(self._runs.__exit__, None, None, None)
        self.store.close()
        self.recent.close()

    async def readiness(self) -> Readiness:
        """How the service stands now; looked up at most twice a second."""
        if self.stopping:
            return _pending("the service is stopping", ErrorCode.STORAGE_UNAVAILABLE)
        now = asyncio.get_running_loop().time()
        if self.writer is not None and now - self._looked_at > _LOOK_SECONDS:
            self._looked_at = now
            self._readiness = await asyncio.to_thread(self._look)
        return self._readiness

    def require_writer(self) -> IngestWriter:
        """The writer.

        Raises:
            StorageUnavailable: the service is not ready.
        """
        if self.writer is None:
            raise StorageUnavailable(
                "the store is not ready", hint="GET /readyz says what is missing."
            )
        return self.writer

    def require_run(self) -> str:
        """The run that rows written by a request carry.

        Raises:
            StorageUnavailable: the service is not ready.
        """
        self.require_writer()
        return self._run_id

    @property
    def _run_id(self) -> str:
        if self._legacy is not None:
            return LEGACY_RUN
        return self._run.run_id if self._run else ""

    def require_control(self) -> Controller:
        """The controller of agents.

        Raises:
            RequestRefused: DATABASE_DISABLED.
            StorageUnavailable: the service is not ready, or has not taken up yet what an earlier
                one left running.
        """
        require_database(self.settings)
        control = self._following.control if self._following else None
        if control is None:
            raise StorageUnavailable(
                "the store is not ready", hint="GET /readyz says what is missing."
            )
        return control

    async def _try_to_start(self) -> bool:
        try:
            await asyncio.to_thread(self._open)
        except HelicarrierError as error:
            logs.warning("service.not_ready", code=error.code.value)
            self._readiness = _pending(error.message, error.code, error.hint)
            return False
        pricer = await asyncio.to_thread(lambda: Pricer(PriceBook()))
        run_id = self._run_id

        def make_writer() -> LedgerWriter:
            return LedgerWriter(run_id=run_id, now=times.utc_text(self.clock()), pricer=pricer)

        if self._legacy is not None:
            legacy = GroupCommit(self._legacy, lambda: LegacyWriter(make_writer()))
            legacy.start()
            self.writer = legacy
            self._readiness = _READY
            logs.info("service.ready", store="legacy")
            return True
        writer = GroupCommit(self.store, make_writer, on_commit=self._count)
        writer.start()
        self.writer = writer
        dispatcher = dispatcher_of(self.settings, self.store, clock=self.clock)
        self._recurring = [Recurring("notification", delivering(dispatcher))]
        if self.settings.alerts_every_seconds:
            judge = judging(self.settings, self.store, self.clock)
            self._recurring.append(Recurring("alerts", judge))
        self._readiness = _READY
        self._following = Following(self._controller(writer))
        logs.info("service.ready")
        return True

    def _controller(self, writer: IngestWriter) -> Controller:
        return Controller(
            commands=self.settings.control_commands,
            place=self.settings.control_dir,
            store=self.store,
            record=record_through(writer),
            limits=Limits(
                processes=self.settings.control_processes,
                grace_seconds=self.settings.control_grace_seconds,
            ),
            clock=self.clock,
        )

    def _look(self) -> Readiness:
        if self._legacy is None:
            return migrate.readiness(self.settings.url)
        try:
            self._legacy.book()
        except HelicarrierError as error:
            return _pending(error.message, error.code, error.hint)
        return _READY

    def _open(self) -> None:
        if self._legacy is not None:
            self._legacy.book()
            return
        migrate.upgrade(self.settings.url, self.settings.backups_dir)
        self._legacy_import.run()
        if self._runs is None:
            runs = run_store(self.settings)
            context = runs.run(RUN_NAME)
            self._run = context.__enter__()
            self._runs = context

    async def _keep_trying(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            if await self._try_to_start():
                return

    def _count(self, tally: Tally) -> None:
        if self._run is not None:
            self._run.rows_out += tally.total


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service


def _pending(
    message: str, code: ErrorCode = ErrorCode.MIGRATION_PENDING, hint: str = ""
) -> Readiness:
    return Readiness(
        ready=False, code=code, current=None, head=CORE.head, message=message, hint=hint
    )
