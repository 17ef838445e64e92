"""Seeded draws, ids and times: the only origin of anything random in the samples.

A draw uses integers and IEEE multiplication alone. Logarithms, powers and Gaussian draws
go through the platform's math library and can differ in the last bit from one machine to
the next, which would break the byte-for-byte comparison of the committed files.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Self, TypeVar
from uuid import UUID

T = TypeVar("T")

FIRST_DAY = datetime(2026, 10, 5, tzinfo=UTC)
DAYS = 14
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def moment(day: int, time: str) -> datetime:
    """Return the instant at `time` (HH:MM, UTC) on day 0..13 of the sample period."""
    hour, minute = time.split(":")
    return FIRST_DAY + timedelta(days=day, hours=int(hour), minutes=int(minute))


def stamp(instant: datetime) -> str:
    """Return `instant` as agents write it: UTC with milliseconds and a Z."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Source:
    """Draws from one seed; `child` starts an independent sequence for one session."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def child(self) -> Self:
        """Return a new source, so that a longer session leaves the next one as it was."""
        return type(self)(self._random.getrandbits(64))

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included, evenly spread."""
        return self._random.randint(low, high)

    def skewed(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, more often small: token counts look so."""
        draw = min(self._random.random() for _ in range(3))
        return low + int((high - low) * draw)

    def chance(self, percent: int) -> bool:
        """Return true in `percent` of 100 cases."""
        return self._random.randint(1, 100) <= percent

    def pick(self, options: Sequence[T]) -> T:
        """Return one of `options`."""
        return options[self._random.randrange(len(options))]

    def uuid4(self) -> str:
        """Return a random UUID."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def uuid7(self, instant: datetime) -> str:
        """Return a UUID that starts with `instant` in milliseconds (RFC 9562, 5.7)."""
        milliseconds = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        high = milliseconds << 16 | 7 << 12 | self._random.getrandbits(12)
        low = 2 << 62 | self._random.getrandbits(62)
        return str(UUID(int=high << 64 | low))

    def token(self, prefix: str, length: int = 22) -> str:
        """Return `prefix` and `length` characters in base 58, as model providers name things."""
        return prefix + "".join(self.pick(_BASE58) for _ in range(length))

    def hexadecimal(self, length: int) -> str:
        """Return `length` lower-case hexadecimal digits."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"


class Clock:
    """The time inside one session: it moves on by drawn steps and never goes back."""

    def __init__(self, source: Source, start: datetime) -> None:
        self._source = source
        self.now = start + timedelta(milliseconds=source.between(0, 59_999))

    def tick(self, low_ms: int, high_ms: int) -> None:
        """Move on by `low_ms` to `high_ms` milliseconds."""
        self.now += timedelta(milliseconds=self._source.skewed(low_ms, high_ms))

    @property
    def stamp(self) -> str:
        """The present instant as agents write it."""
        return stamp(self.now)
