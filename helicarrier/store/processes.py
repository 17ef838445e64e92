"""Processes: which one wrote a run, and is it still alive?

A process id alone is reused sooner or later; with the machine's name and the time the process
started it names one process for good. Where the system does not tell start times, only the id
counts, which errs towards "alive".
"""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from helicarrier import times

_PROC = Path("/proc")
_CLOCK_SLACK = timedelta(seconds=2)  # The boot time in /proc moves when the clock is set.
_LOADED_AT = times.now()


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process for good."""

    host: str
    pid: int
    started_at: datetime


def this_process() -> Process:
    """The process that asks."""
    return _process(os.getpid())


def process_of(pid: int) -> Process | None:
    """The process that has this id now; None where the system does not tell when it started."""
    started_at = _started_at(pid)
    if started_at is None:
        return None
    return Process(host=socket.gethostname(), pid=pid, started_at=started_at)


def is_gone(process: Process) -> bool:
    """Whether the process has ended; False where another machine would have to answer."""
    if process.host != socket.gethostname():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # It lives, as somebody else.
    started_at = _started_at(process.pid)
    return started_at is not None and abs(started_at - process.started_at) > _CLOCK_SLACK


@cache
def _process(pid: int) -> Process:
    started_at = _started_at(pid) or _LOADED_AT
    return Process(host=socket.gethostname(), pid=pid, started_at=started_at)


def _started_at(pid: int) -> datetime | None:
    """Boot time plus the ticks of /proc/PID/stat (field 22); None where there is no /proc."""
    try:
        # The second field is the program's name in parentheses and may hold anything.
        after_name = (_PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2]
        ticks = int(after_name.split()[19])
        lines = (_PROC / "stat").read_text(encoding="utf-8").splitlines()
        booted = int(next(line for line in lines if line.startswith("btime")).split()[1])
    except (OSError, StopIteration, IndexError, ValueError):
        return None
    seconds = booted + ticks / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(seconds, tz=UTC)
