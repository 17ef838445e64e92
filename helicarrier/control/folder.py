"""The folder of a process: its lock, its orders, its log, its end; what survives the service.

The lock is taken before the ledger hears of the session and is handed on to the keeper, which
holds it to the end. A free lock without an end therefore means that nobody saw the end, and can
mean nothing else, whatever process ids were reused meanwhile.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from select import select
from signal import SIGKILL

import msgspec

from helicarrier import times
from helicarrier.control import keeper
from helicarrier.control.commands import Command
from helicarrier.errors import ErrorCode, HelicarrierError, StorageUnavailable
from helicarrier.store import processes
from helicarrier.store.processes import Process

_LOCK, _ORDERS, _LEADER, _CLOSED = "lock", "orders", "leader.json", "closed"
_START_SECONDS = 30.0
_STARTED = b"started "


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended: with a code, or by a signal; `stopped`: it was told to."""

    code: int | None
    signal: int | None
    stopped: bool
    ended_at: datetime


class _Leader(msgspec.Struct, frozen=True, kw_only=True):
    """The leader of the command's group."""

    host: str
    pid: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many processes may run, how long TERM may take, how much of a log is kept."""

    processes: int = 4
    grace_seconds: float = 5.0
    log_bytes: int = 1024 * 1024
    folders: int = 200


class ProcessFolder:
    """The folder of one session's process."""

    def __init__(self, path: Path) -> None:
        """Nothing is made yet. Args: path."""
        self.path = path

    @contextmanager
    def made(self) -> Iterator[int]:
        """Make the folder; yields the lock, held until the block ends and by whom it was given to.

        Raises:
            StorageUnavailable: the folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, mode=0o700)
            os.mkfifo(self.path / _ORDERS, 0o600)
            lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageUnavailable(
                "the folder of a process cannot be made",
                hint="Look for room and rights in the data folder.",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)

    def start(
        self, command: Command, lock: int, environment: Mapping[str, str], limits: Limits
    ) -> None:
        """Start the command under a keeper.

        Raises:
            HelicarrierError: START_FAILED.
        """
        orders = os.open(self.path / _ORDERS, os.O_RDWR | os.O_NONBLOCK)
        try:
            kept = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", keeper.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=(lock, orders),
                start_new_session=True,
            )
        finally:
            os.close(orders)
        job = keeper.Job(
            folder=str(self.path.absolute()),
            arguments=list(command.arguments),
            given=command.given,
            grace_seconds=limits.grace_seconds,
            log_bytes=limits.log_bytes,
            orders=orders,
        )
        answer = _told(kept, json.dumps(job).encode())
        if not answer.startswith(_STARTED):
            kept.kill()
            kept.wait()
            raise HelicarrierError(
                "the command of the agent could not be started",
                code=ErrorCode.START_FAILED,
                hint="Look at HELICARRIER_CONTROL_AGENTS: is the program there?",
            )
        self._remember(int(answer.removeprefix(_STARTED)))
        # While we live it is our child and has to be reaped; if we go first, init does it.
        threading.Thread(target=kept.wait, name="keeper-reaper", daemon=True).start()

    def is_alive(self) -> bool:
        """Whether somebody follows the process, or is about to start it."""
        try:
            lock = os.open(self.path / _LOCK, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def stop(self) -> None:
        """Tell the keeper to end the process; nothing happens where it has ended."""
        with suppress(OSError):
            orders = os.open(self.path / _ORDERS, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(orders, b"stop")
            finally:
                os.close(orders)

    def end(self) -> End | None:
        """How it ended; None while nobody has written that down."""
        try:
            return msgspec.json.decode((self.path / keeper.END).read_bytes(), type=End)
        except (OSError, msgspec.DecodeError):
            return None

    def end_leftovers(self) -> None:
        """KILL for a group whose keeper is gone; never for others who got its process id."""
        with suppress(OSError, msgspec.DecodeError):
            told = msgspec.json.decode((self.path / _LEADER).read_bytes(), type=_Leader)
            leader = Process(host=told.host, pid=told.pid, started_at=told.started_at)
            if leader.host == processes.this_process().host and not processes.is_gone(leader):
                os.killpg(leader.pid, SIGKILL)

    def output(self, limit: int) -> str:
        """The newest output as text, at most so many bytes."""
        try:
            with (self.path / keeper.LOG).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
                return file.read(limit).decode(errors="replace")
        except OSError:
            return ""

    @property
    def is_closed(self) -> bool:
        """Whether the ledger knows how it ended."""
        return (self.path / _CLOSED).exists()

    def close(self) -> None:
        """The ledger knows how it ended; the log stays."""
        with suppress(OSError):
            (self.path / _CLOSED).touch()

    def remove(self) -> None:
        """Remove the folder and its log."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _remember(self, pid: int) -> None:
        leader = processes.process_of(pid)
        if leader is not None:
            told = _Leader(host=leader.host, pid=leader.pid, started_at=leader.started_at)
            with suppress(OSError):
                (self.path / _LEADER).write_bytes(msgspec.json.encode(told))


def folders_in(place: Path) -> list[ProcessFolder]:
    """The folders of a place, the one that was changed last first."""
    try:
        found = [(entry.stat().st_mtime, entry.name) for entry in os.scandir(place)]
    except FileNotFoundError:
        return []
    return [ProcessFolder(place / name) for _, name in sorted(found, reverse=True)]


def ended_text(end: End) -> str:
    """The time of the end as canonical text."""
    return times.utc_text(end.ended_at)


def _told(kept: subprocess.Popen[bytes], job: bytes) -> bytes:
    """Give the keeper its job; its answer, empty when there is none."""
    assert kept.stdin is not None  # noqa: S101 - both were asked for
    assert kept.stdout is not None  # noqa: S101
    with kept.stdout:
        with suppress(BrokenPipeError), kept.stdin:
            kept.stdin.write(job)
        ready, _, _ = select([kept.stdout], [], [], _START_SECONDS)
        return kept.stdout.readline() if ready else b""
