"""The days of a report: which ones are meant when the call names none, one or both ends."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from helicarrier import times
from helicarrier.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """UTC days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def as_days(self) -> dict[str, object]:
        """Parameters `first` and `last` of a statement, both included."""
        return {"first": self.first.isoformat(), "last": self.last.isoformat()}

    def as_instants(self) -> dict[str, object]:
        """Parameters `start` and `after` of a statement, the latter excluded."""
        return {"start": _midnight(self.first), "after": _midnight(self.last + timedelta(days=1))}


def _midnight(day: date) -> str:
    return times.utc_text(datetime.combine(day, time(), UTC))


def days_of(data: Span | None, first: date | None, last: date | None) -> Span | None:
    """The days that the call names, each missing end taken from the data; None: neither has one.

    A single named day that lies outside the data stands for itself alone.

    Raises:
        UsageError: `first` lies after `last`.
    """
    if first is not None and last is not None:
        if first > last:
            raise UsageError(
                f"the range is empty: it starts on {first} and ends on {last}",
                hint="Both days are included; `--from` is the earlier one.",
            )
        return Span(first=first, last=last)
    if data is None:
        return None
    if first is not None:
        return Span(first=first, last=max(first, data.last))
    if last is not None:
        return Span(first=min(data.first, last), last=last)
    return data


def iso(day: date | None) -> str | None:
    """A day on the wire."""
    return None if day is None else day.isoformat()
