"""The performance report: how the sessions of each model went over some days.

Windows of 1, 7 and 30 days are measured beforehand and served as they stand while nothing new
fell into them; any other range, and a window that is out of date, is measured from the sessions
here, under the same rules, so an answer is never old. Pure over a `PerformanceRepository`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from helicarrier import times
from helicarrier.ledger.enums import SessionStatus
from helicarrier.money import dollars
from helicarrier.usage.model import Dimension, Json, Outcome, Performance
from helicarrier.usage.repository import PerformanceRepository
from helicarrier.usage.span import Span, days_of, iso

WINDOWS = (1, 7, 30)
"""Lengths in days of the windows that are measured beforehand."""

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
    span = _span(repository.span(), window, first, last)
    if span is None:
        return PerformanceReport(first=first, last=last, by=by, live=False, rows=())
    rows, live = _rows(repository, span, by)
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


def _span(data: Span | None, window: int, first: date | None, last: date | None) -> Span | None:
    if first is not None:
        return days_of(data, first, last)
    end = last or (data.last if data else None)
    return None if end is None else Span(first=end - timedelta(days=window - 1), last=end)


def _rows(
    repository: PerformanceRepository, span: Span, by: Dimension
) -> tuple[list[Performance], bool]:
    match by:
        case Dimension.DAY:
            return _days(repository, span)
        case Dimension.MODEL | Dimension.AGENT:
            return _window(repository, span, by)


def _window(
    repository: PerformanceRepository, span: Span, by: Dimension
) -> tuple[list[Performance], bool]:
    rows = repository.window(span, by) if span.days in WINDOWS else None
    if rows is not None:
        return rows, False
    key: _Key = (lambda o: (o.agent_id,)) if by is Dimension.AGENT else (lambda _: ())
    return measure(repository.outcomes(span), key), True


def _days(repository: PerformanceRepository, span: Span) -> tuple[list[Performance], bool]:
    measured = repository.days(span)
    rows = [row for day in measured for row in measured[day]]
    missing = [day for day in times.days(span.first, span.last) if day not in measured]
    if not missing:
        return rows, False
    outcomes = repository.outcomes(Span(first=missing[0], last=missing[-1]))
    left = (outcome for outcome in outcomes if outcome.day not in measured)
    return rows + measure(left, lambda outcome: (outcome.day.isoformat(),)), True


def _measured(key: tuple[str, ...], model: str, group: Sequence[Outcome]) -> Performance:
    counts = Counter(outcome.status for outcome in group)
    runtimes = sorted(o.runtime_ms for o in group if o.runtime_ms is not None)
    return Performance(
        key=key,
        model_id=model,
        runs_total=len(group),
        success_count=counts[SessionStatus.SUCCESS],
        failure_count=counts[SessionStatus.FAILED],
        killed_count=counts[SessionStatus.KILLED],
        cancelled_count=counts[SessionStatus.CANCELLED],
        median_runtime_ms=nearest_rank(runtimes, 50),
        p95_runtime_ms=nearest_rank(runtimes, 95),
        median_cost_usd=nearest_rank(
            sorted(o.cost_usd for o in group if o.cost_usd is not None), 50
        ),
    )


def _most_first(row: Performance) -> tuple[object, ...]:
    return (-row.runs_total, row.key, row.model_id)


def _by_day(row: Performance) -> tuple[object, ...]:
    return (row.key, -row.runs_total, row.model_id)


def _named(by: Dimension, key: tuple[str, ...]) -> Json:
    match by:
        case Dimension.DAY:
            return {"date": key[0]}
        case Dimension.AGENT:
            return {"agentId": key[0]}
        case Dimension.MODEL:
            return {}


def _row(row: Performance) -> Json:
    return {
        "modelId": row.model_id,
        "runsTotal": row.runs_total,
        "successCount": row.success_count,
        "failureCount": row.failure_count,
        "killedCount": row.killed_count,
        "cancelledCount": row.cancelled_count,
        "successRate": row.success_rate,
        "medianRuntimeMs": row.median_runtime_ms,
        "p95RuntimeMs": row.p95_runtime_ms,
        "medianCostUsd": dollars(row.median_cost_usd),
        "sampleWarning": row.small_sample,
    }
