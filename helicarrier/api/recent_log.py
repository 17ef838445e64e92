"""The recent log: the newest events of the service, in memory and without secrets.

It holds what `/api/logs` shows: a bounded number of events of bounded length, also those that the
log level keeps from stderr. Anything that looks like a secret is taken out before it is kept.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from helicarrier import logs, times

EVENTS = 500
_LENGTH = 500
_HIDDEN = "[hidden]"
_SECRETS = re.compile(
    r"hc_[0-9a-f]{12}_[\w-]+"  # a token of ours
    r"|(?<=://)[^/\s@]+@"  # user and password in an address
    r"|(?i:bearer|basic)\s+[^\s,;]+"
    r"|(?i:(?:[\w-]*(?:secret|token|password|api[_-]?key)))[\"']?\s*[=:]\s*[^\s,;&]+"
)


class LogLine(msgspec.Struct, frozen=True):
    """One event; `ts` is canonical UTC text."""

    ts: str
    level: str
    msg: str


class RecentLog:
    """Listens to the events of this process between `open` and `close`."""

    def __init__(self, *, clock: Callable[[], datetime], secrets: Iterable[str | None]) -> None:
        """Args: clock; secrets that are taken out wherever they stand."""
        self._clock = clock
        self._secrets = [secret for secret in secrets if secret]
        self._lines: deque[LogLine] = deque(maxlen=EVENTS)
        self._end: Callable[[], None] | None = None

    def open(self) -> None:
        """Listen."""
        self._end = logs.listen(self.add)

    def close(self) -> None:
        """Listen no more."""
        if self._end is not None:
            self._end()
            self._end = None

    def add(self, level: str, event: str, fields: Mapping[str, logs.Field]) -> None:
        """Keep an event."""
        told = " ".join([event, *(f"{name}={value}" for name, value in fields.items())])
        self._lines.append(LogLine(times.utc_text(self._clock()), level, self._redacted(told)))

    def newest(self, limit: int) -> list[LogLine]:
        """The newest events, oldest of them first."""
        return list(self._lines)[-limit:]

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _SECRETS.sub(_HIDDEN, text)[:_LENGTH]
