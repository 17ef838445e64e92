"""The performance report: how the sessions of each model went over some days.

Windows of 1, 7 and 30 days are measured beforehand and served as they stand while nothing new
fell into them; any other range, and a window that is out of date, is measured from the sessions
here, under the same rules, so an answer is never old. Pure over a `PerformanceRepository`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from helicarrier.ledger.enums import SessionStatus
from helicarrier.money import dollars
from helicarrier.usage.model import Dimension, Json, Outcome, Performance, Span
from helicarrier.usage.report import days_of, iso
from helicarrier.usage.repository import PerformanceRepository

WINDOWS = (1, 7, 30)
"""Lengths in days of the windows that are measured beforehand."""

SMALL_SAMPLE = 5
"""Fewer sessions than this are too few to compare."""

_T = TypeVar("_T")
_Key = Callable[[Outcome], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceReport:
    """The answer. By day the days ascend; then the most sessions come first.

    `live` says that at least a part was measured from the sessions because no current window was
    at hand: slower, and just as exact.
    """

    first: date | None
    last: date | None
    by: Dimension
    live: bool
    rows: tuple[Performance, ...]

    @property
    def empty(self) -> bool:
        """Whether no session started on these days."""
        return not self.rows

    def as_json(self) -> Json:
        """The report on the wire."""
        return {
            "from": iso(self.first),
            "to": iso(self.last),
            "by": self.by.value,
            "live": self.live,
            "rows": [_named(self.by, row.key) | _row(row) for row in self.rows],
        }


def performance_report(
    repository: PerformanceRepository,
    *,
    by: Dimension = Dimension.MODEL,
    window: int = WINDOWS[-1],
    first: date | None = None,
    last: date | None = None,
) -> PerformanceReport:
    """How sessions went, by model, by agent and model, or by day and model.

    Args:
        repository: gives windows and sessions.
        by: what a row stands for beside the model.
        window: days that end with `last`; only counts where `first` is None.
        first: first day.
        last: last day; defaults to the last one on which a session started.

    Raises:
        UsageError: `first` lies after `last`.
    """
    span = _span(repository, window, first, last)
    if span is None:
        return PerformanceReport(first=first, last=last, by=by, live=False, rows=())
    match by:
        case Dimension.DAY:
            rows, live = _days(repository, span)
        case Dimension.MODEL | Dimension.AGENT:
            rows, live = _window(repository, span, by)
    return PerformanceReport(
        first=span.first,
        last=span.last,
        by=by,
        live=live,
        rows=tuple(sorted(rows, key=_most_first if by is not Dimension.DAY else _by_day)),
    )


def measure(outcomes: Iterable[Outcome], key: _Key) -> list[Performance]:
    """Sessions -> one row for each key and primary model, in no order."""
    groups: dict[tuple[tuple[str, ...], str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome), outcome.model_id].append(outcome)
    return [_measured(key_, model, group) for (key_, model), group in groups.items()]


def nearest_rank(values: Sequence[_T], hundredths: int) -> _T | None:
    """Of n sorted values the one at place ceiling(n * hundredths / 100), counted from 1."""
    if not values:
        return None
    return values[max(0, -(-len(values) * hundredths // 100) - 1)]


def _span(
    repository: PerformanceRepository, window: int, first: date | None, last: date | None
) -> Span | None:
    end = last or repository.last_day()
    if end is None:
        return None
    if first is None:
        return Span(first=end - timedelta(days=window - 1), last=end)
    return days_of(_Data(first, end), first, last)


class _Data:
    """Days with data, as `days_of` asks for them."""

    def __init__(self, first: date, last: date) -> None:
        self._span = Span(first=first, last=last)

    def span(self) -> Span:
        return self._span
