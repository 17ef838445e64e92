"""Times: aware UTC in memory, one fixed-width text form in SQLite, files and on the wire.

`2026-07-29T05:29:50.448000Z` always has 27 characters, so that text order is time order and the
first ten characters are the UTC day. Every time that enters the system passes through here.
"""

from datetime import UTC, date, datetime, timedelta

_SECOND_FORM = 20  # 2026-07-29T05:29:50Z
_MILLISECOND_FORM = 24  # 2026-07-29T05:29:50.448Z, what most session logs write
_CANONICAL_FORM = 27
FIRST_YEAR, LAST_YEAR = 1970, 2199  # beyond them a time is a mistake, and days cannot be listed


def utc_text(at: datetime) -> str:
    """An aware datetime -> the 27-character UTC form. ValueError for a naive one."""
    if at.tzinfo is None:
        message = "a time without a zone cannot be placed; expected an aware datetime"
        raise ValueError(message)
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(text: str) -> str:
    """ISO 8601 text with a zone -> the 27-character UTC form.

    ValueError for anything else, and for years before 1970 or after 2199: a time that far off is
    a mistake of its source.

    The usual forms of logs (`...:50.448Z`) are only checked and padded, which is five times
    faster than formatting a datetime again.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = "a time without a zone cannot be placed"
        raise ValueError(message)
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        message = "the time lies before 1970 or after 2199"
        raise ValueError(message)
    by_month, hour = text[7] == "-", text[11:13]  # not by week; not midnight as the hour 24
    if text[-1] == "Z" and text[10] == "T" and by_month and hour != "24":
        if len(text) == _SECOND_FORM and text[16] == ":":
            return text[:19] + ".000000Z"
        if len(text) == _MILLISECOND_FORM and text[19] == ".":
            return text[:23] + "000Z"
        if len(text) == _CANONICAL_FORM and text[19] == ".":
            return text
    return utc_text(at)


def parse(text: str) -> datetime:
    """ISO 8601 text with a zone -> aware UTC datetime. ValueError without a zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = "a time without a zone cannot be placed"
        raise ValueError(message)
    return at.astimezone(UTC)


def milliseconds_between(start: str, end: str) -> int:
    """Whole milliseconds from one canonical text to another; negative when they run backwards."""
    return (parse(end) - parse(start)) // timedelta(milliseconds=1)


def days(first: date, last: date) -> list[date]:
    """Every day from first to last, both included; empty when last lies before first."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def now() -> datetime:
    """The clock of the edges (CLI, API, Dagster); the core takes its time as an argument."""
    return datetime.now(tz=UTC)
