"""The controller: starts, follows and ends the processes of agents.

The order is what makes it honest: the audit log, the folder with its lock, the session in the
ledger, then the process. Whatever breaks off in between, the next look finds a folder whose lock
is free, and closes the session with what is known of its end. Two services over one data folder
tell the ledger the same and do not disturb each other.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import ColumnElement, select

from helicarrier import logs, times
from helicarrier.canonical import JSONValue
from helicarrier.control import telling
from helicarrier.control.commands import Command, command_of
from helicarrier.control.folder import Limits, ProcessFolder, folders_in
from helicarrier.control.telling import Started
from helicarrier.errors import (
    ErrorCode,
    HelicarrierError,
    InputRejected,
    RequestRefused,
    StorageUnavailable,
)
from helicarrier.ledger import audit
from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.model import Envelope
from helicarrier.ledger.outcomes import EnvelopeStatus
from helicarrier.ledger.tables import session_ledger
from helicarrier.settings import PREFIX
from helicarrier.store.operational import OperationalStore

Record = Callable[[Envelope], EnvelopeStatus]
"""Writes an envelope through the one writer; durable when it returns."""

SESSION_VARIABLE, SESSIONS_VARIABLE = f"{PREFIX}SESSION_ID", f"{PREFIX}SESSIONS_DIR"
"""What a command finds in its environment: its session, and where its session files belong."""

_OUTPUT_BYTES = 4_000
_FIRST_WORDS_SECONDS = 0.5
_PAUSE_SECONDS = 0.02
_SLACK_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A session that runs; `output` is what its command had said by then."""

    session_id: str
    output: str


@dataclass(slots=True, kw_only=True)
class _Followed:
    """A process that is followed, or is about to be started."""

    started: Started
    folder: ProcessFolder
    is_starting: bool = False


class Controller:
    """The processes of one data folder; every method may be called from any thread."""

    def __init__(
        self,
        *,
        commands: Mapping[str, tuple[str, ...]],
        place: Path,
        store: OperationalStore,
        record: Record,
        limits: Limits,
        clock: Callable[[], datetime] = times.now,
        new_id: Callable[[], object] = uuid4,
    ) -> None:
        """Nothing is started yet.

        Args:
            commands: agent id -> arguments; empty: control is off.
            place: folder for what is kept of the processes.
            store: the operational store, for the audit log and for sessions left running.
            record: see `Record`.
            limits: see `Limits`.
            clock: the time.
            new_id: makes session ids.
        """
        self._commands = commands
        self.place = place.absolute()
        self._store = store
        self._record = record
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._uri = f"control:{socket.gethostname()}:{self.place}"
        self._followed: dict[str, _Followed] = {}
        self._lock = threading.Lock()
        self._settling = threading.Lock()

    @property
    def agents(self) -> tuple[str, ...]:
        """The ids that may be started, sorted."""
        return tuple(sorted(self._commands))

    @property
    def is_busy(self) -> bool:
        """Whether a process is followed."""
        return bool(self._followed)

    def recover(self) -> None:
        """Take up what an earlier service left: follow what runs, close what ended.

        Raises:
            StorageUnavailable: the ledger cannot be read or written.
        """
        with self._lock:
            known = set(self._followed)
        for folder in folders_in(self._processes):
            session_id = folder.path.name
            if folder.is_closed or session_id in known:
                continue
            started = self._stored(session_id)
            if started is not None:
                self._follow(started, folder)
            elif not folder.is_alive():
                folder.remove()  # The service ended before the ledger heard of it.
        for started in self._left_running():
            self._follow(started, ProcessFolder(self._processes / started.session_id))
        self.look()

    def spawn(self, agent_id: str, prompt: str, *, actor: str) -> Spawned:
        """Start an agent; its session is in the ledger when it returns.

        Raises:
            RequestRefused: CONTROL_DISABLED, NOT_FOUND, or RATE_LIMITED at the limit.
            ContractError: the prompt cannot be passed on.
            HelicarrierError: START_FAILED.
            StorageUnavailable: nothing was started.
        """
        session_id = str(self._new_id())
        known = agent_id if agent_id in self._commands else "unknown"
        with self.asked("control.spawn", known, actor=actor):
            command = command_of(self._commands, agent_id, prompt, session_id=session_id)
            started = Started(
                session_id=session_id,
                agent_id=agent_id,
                task=prompt,
                started_at=times.utc_text(self._clock()),
            )
            followed = self._reserve(started)
        try:
            self._audit(
                "control.spawn", session_id, actor, {"agentId": agent_id, "characters": len(prompt)}
            )
            self._start(followed, command)
        except HelicarrierError:
            self._give_up(followed)
            raise
        followed.is_starting = False
        logs.info("control.started", session=session_id, agent=agent_id)
        return Spawned(session_id=session_id, output=self._first_words(followed))

    def kill(self, session_id: str, *, actor: str) -> None:
        """End a process and its group; it is gone and its session closed when it returns.

        Raises:
            RequestRefused: CONTROL_DISABLED, or NOT_FOUND: no process of that session runs.
            StorageUnavailable: the end could not be written yet; it is tried again.
        """
        with self._lock:
            followed = self._followed.get(session_id)
        with self.asked("control.kill", session_id if followed else "unknown", actor=actor):
            if followed is None:
                raise RequestRefused(
                    404, ErrorCode.NOT_FOUND, "no process of this session is running"
                )
        self._audit("control.kill", session_id, actor, {})
        followed.folder.stop()
        deadline = time.monotonic() + self._limits.grace_seconds + _SLACK_SECONDS
        while time.monotonic() < deadline:
            self.look()
            with self._lock:
                if session_id not in self._followed:
                    return
            time.sleep(_PAUSE_SECONDS)
        raise StorageUnavailable("the process did not end in time", hint="Try again.")

    @contextmanager
    def asked(self, action: str, subject: str, *, actor: str) -> Iterator[None]:
        """A block that judges a request; a refusal within it goes to the audit log.

        Raises:
            RequestRefused: CONTROL_DISABLED, while no command is configured.
        """
        try:
            self._require_enabled()
            yield
        except (RequestRefused, InputRejected) as error:
            self._audit(f"{action}.refused", subject, actor, {"code": error.code.value})
            raise

    def look(self) -> int:
        """Close the sessions of processes that have ended; returns how many go on.

        A session that the ledger does not take now is closed by a later look.
        """
        with self._settling:
            with self._lock:
                followed = [one for one in self._followed.values() if not one.is_starting]
            for one in followed:
                if one.folder.is_alive():
                    continue
                try:
                    self._close(one)
                except StorageUnavailable as error:
                    logs.warning("control.not_closed", code=error.code.value)
        with self._lock:
            return len(self._followed)

    def _require_enabled(self) -> None:
        if not self._commands:
            raise RequestRefused(
                403, ErrorCode.CONTROL_DISABLED, "control is off: no agent is configured"
            )

    # Starting -------------------------------------------------------------------------------

    @property
    def _processes(self) -> Path:
        return self.place / "processes"

    def _reserve(self, started: Started) -> _Followed:
        with self._lock:
            if len(self._followed) >= self._limits.processes:
                raise RequestRefused(
                    429, ErrorCode.RATE_LIMITED, "as many agents run as may run at the same time"
                )
            folder = ProcessFolder(self._processes / started.session_id)
            followed = _Followed(started=started, folder=folder, is_starting=True)
            self._followed[started.session_id] = followed
            return followed

    def _follow(self, started: Started, folder: ProcessFolder) -> None:
        with self._lock:
            self._followed.setdefault(started.session_id, _Followed(started=started, folder=folder))

    def _give_up(self, followed: _Followed) -> None:
        """A start that failed: what the ledger has not been told yet, a later look tells it."""
        if followed.folder.path.exists() and not followed.folder.is_closed:
            followed.is_starting = False
            return
        with self._lock:
            self._followed.pop(followed.started.session_id, None)

    def _start(self, followed: _Followed, command: Command) -> None:
        folder = followed.folder
        with folder.made() as lock:
            try:
                self._record(telling.running(followed.started, uri=self._uri))
            except HelicarrierError:
                folder.remove()
                raise
            try:
                environment = self._environment(followed.started.session_id)
                folder.start(command, lock, environment, self._limits)
            except HelicarrierError as error:
                logs.warning("control.start_failed", agent=followed.started.agent_id)
                self._record(telling.never_started(followed.started, uri=self._uri))
                folder.close()
                raise error from None

    def _environment(self, session_id: str) -> dict[str, str]:
        """Ours without our settings: the database and its secrets are no agent's business."""
        sessions = self.place / "sessions"
        with suppress(OSError):  # Where there is no room for it, the agent finds out by itself.
            sessions.mkdir(exist_ok=True)
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        return inherited | {SESSION_VARIABLE: session_id, SESSIONS_VARIABLE: str(sessions)}

    def _first_words(self, followed: _Followed) -> str:
        deadline = time.monotonic() + _FIRST_WORDS_SECONDS
        while not (output := followed.folder.output(_OUTPUT_BYTES)):
            if time.monotonic() > deadline or not followed.folder.is_alive():
                break
            time.sleep(_PAUSE_SECONDS)
        return output

    # Ending ---------------------------------------------------------------------------------

    def _close(self, one: _Followed) -> None:
        end = one.folder.end()
        if end is None:
            one.folder.end_leftovers()
            envelope = telling.lost(one.started, uri=self._uri)
        else:
            envelope = telling.ended(one.started, end, uri=self._uri)
        # A conflict is no failure: the agent's own record of the session stands.
        told = self._record(envelope)
        logs.info(
            "control.ended",
            session=one.started.session_id,
            agent=one.started.agent_id,
            status=envelope.session.status.value,
            told=told.value,
        )
        one.folder.close()
        with self._lock:
            self._followed.pop(one.started.session_id, None)
        closed = [folder for folder in folders_in(self._processes) if folder.is_closed]
        for folder in closed[self._limits.folders :]:
            folder.remove()

    def _stored(self, session_id: str) -> Started | None:
        columns = session_ledger.c
        found = self._started_where(columns.session_id == session_id)
        return found[0] if found else None

    def _left_running(self) -> list[Started]:
        columns = session_ledger.c
        return self._started_where(
            (columns.status == SessionStatus.RUNNING.value)
            & (columns.source == telling.SOURCE)
            & (columns.source_uri == self._uri)
        )

    def _started_where(self, condition: ColumnElement[bool]) -> list[Started]:
        columns = session_ledger.c
        query = select(
            columns.session_id, columns.agent_id, columns.task_text, columns.started_at
        ).where(condition)
        with self._store.read() as connection:
            return [
                Started(
                    session_id=row.session_id,
                    agent_id=row.agent_id,
                    task=row.task_text or "",
                    started_at=times.utc_text(row.started_at),
                )
                for row in connection.execute(query)
            ]

    # Telling --------------------------------------------------------------------------------

    def _audit(
        self, action: str, subject: str, actor: str, details: Mapping[str, JSONValue]
    ) -> None:
        with self._store.write() as connection:
            audit.record(
                connection,
                actor=actor,
                action=action,
                subject=subject,
                now=self._clock(),
                details=details,
            )
