"""Reports as tables: one description that the terminal and the HTML page both render.

A cell keeps its value and its column says what kind of value that is, so each renderer chooses
how much room it takes: a terminal writes 54.5M, a page 54,489,922. What is unknown reads as
unknown everywhere, never as zero.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_THOUSAND = 1_000
_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS


class Kind(StrEnum):
    """What the cells of a column hold."""

    TEXT = "text"
    COUNT = "count"
    TOKENS = "tokens"
    MONEY = "money"
    SHARE = "share"  # 0 to 1
    DURATION = "duration"  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Dollars:
    """Known dollars; `complete` is False where calls of unknown cost are missing in them."""

    amount: Decimal
    complete: bool = True


Cell = str | int | float | Dollars | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's heading and kind; one of `detail` is shown where there is room."""

    title: str
    kind: Kind
    detail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns, totals last, notes below.

    `bars` has a number from 0 to 1 for each row, drawn under `bar_title`, or is empty.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[Cell, ...] | None = None
    bar_title: str = ""
    bars: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


def compact(cell: Cell, kind: Kind) -> str:
    """A cell in few characters: 54.5M tokens, 1h 38m."""
    if kind is Kind.TOKENS and isinstance(cell, int):
        return _short(cell)
    return exact(cell, kind)


def exact(cell: Cell, kind: Kind) -> str:
    """A cell in full; money has four places, at least (≥) that much where calls are unknown."""
    match cell:
        case None:
            return "-"
        case str():
            return _printable(cell)
        case Dollars():
            return _dollars(cell)
        case _ if kind is Kind.SHARE:
            return f"{cell:.1%}"
        case _ if kind is Kind.DURATION:
            return _duration(int(cell))
        case _:
            return f"{cell:,}"


def bar(share: float, width: int) -> str:
    """A bar of up to `width` characters; what is not nothing shows as at least a sliver."""
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return "█" * full + " ▏▎▍▌▋▊▉"[rest].strip()


def _printable(text: str) -> str:
    """Names come from other people's logs: what would steer a terminal is shown as a mark."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _dollars(cell: Dollars) -> str:
    if cell.complete:
        return f"${cell.amount:,.4f}"
    return f"≥${cell.amount:,.4f}" if cell.amount else "unknown"


def _short(number: int) -> str:
    value = float(number)
    for unit in ("", "K", "M", "B"):
        if round(value, 1 if unit else 0) < _THOUSAND:
            return f"{value:.1f}{unit}" if unit else f"{number}"
        value /= _THOUSAND
    return f"{value:,.1f}T"


def _duration(milliseconds: int) -> str:
    if milliseconds < _SECOND_MS:
        return f"{milliseconds}ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.1f}s"
    if milliseconds < _HOUR_MS:
        minutes, rest = divmod(milliseconds, _MINUTE_MS)
        return f"{minutes}m {rest // _SECOND_MS:02}s"
    hours, rest = divmod(milliseconds, _HOUR_MS)
    return f"{hours:,}h {rest // _MINUTE_MS:02}m"
