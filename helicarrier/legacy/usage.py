"""Usage and performance in the legacy store, counted from its sessions and calls at each question.

The rules are those of the database: calls, tokens and cost fall on the day and the model of the
call, sessions and their runtime on the day they started and on their primary model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from helicarrier.ledger.repository import CallRecord, SessionDetail
from helicarrier.legacy.file import Book
from helicarrier.usage.analytics import (
    PROVENANCE,
    Amount,
    Analytics,
    UsageFilter,
    provenance_of,
)
from helicarrier.usage.model import Dimension, Outcome, Performance
from helicarrier.usage.span import Span


class LegacyUsage:
    """`UsageAnalytics` over what the legacy store holds."""

    def __init__(self, book: Book) -> None:
        """Args: book, one state of the file."""
        self._book = book

    def span(self) -> Span | None:
        """See `UsageAnalytics.span`."""
        return _span(
            at
            for detail in _details(self._book)
            for at in (detail.summary.started_at, *(call.occurred_at for call in detail.calls))
        )

    def analytics(self, span: Span, wanted: UsageFilter) -> Analytics:
        """See `UsageAnalytics.analytics`."""
        daily: dict[date, Amount] = defaultdict(Amount)
        origins: Counter[tuple[str, ...]] = Counter()
        for detail in _details(self._book):
            session = detail.summary
            if not (
                wanted.agent_id in {None, session.agent_id}
                and wanted.task_category in {None, session.task_category}
            ):
                continue
            day = _day(session.started_at)
            if span.first <= day <= span.last and wanted.model_id in {None, session.model_id}:
                daily[day] += Amount(runs=1, runtime_ms=session.runtime_ms or 0)
            for call in detail.calls:
                day = _day(call.occurred_at)
                if span.first <= day <= span.last and wanted.model_id in {None, call.model_id}:
                    daily[day] += _amount(call)
                    origins[tuple(str(getattr(call, name)) for name in PROVENANCE)] += 1
        days = {day: daily[day] for day in sorted(daily)}
        return Analytics(
            totals=sum(days.values(), Amount()),
            daily=days,
            provenance=provenance_of(
                {**dict(zip(PROVENANCE, origin, strict=True)), "calls": calls}
                for origin, calls in origins.items()
            ),
        )


class LegacyPerformance:
    """`PerformanceRepository` over what the legacy store holds; nothing is measured beforehand."""

    def __init__(self, book: Book) -> None:
        """Args: book, one state of the file."""
        self._book = book

    def span(self) -> Span | None:
        """See `PerformanceRepository.span`."""
        return _span(detail.summary.started_at for detail in _details(self._book))

    def window(self, span: Span, by: Dimension) -> list[Performance] | None:
        """See `PerformanceRepository.window`: never measured."""
        return None

    def days(self, span: Span) -> dict[date, list[Performance]]:
        """See `PerformanceRepository.days`: none."""
        return {}

    def outcomes(self, span: Span) -> list[Outcome]:
        """See `PerformanceRepository.outcomes`."""
        return [
            Outcome(
                day=_day(session.started_at),
                agent_id=session.agent_id,
                model_id=session.model_id,
                status=session.status.value,
                runtime_ms=session.runtime_ms,
                cost_usd=session.cost_usd,
            )
            for session in (detail.summary for detail in _details(self._book))
            if span.first <= _day(session.started_at) <= span.last
        ]


def _details(book: Book) -> Iterator[SessionDetail]:
    return (entry.detail for entry in book.entries.values())


def _amount(call: CallRecord) -> Amount:
    return Amount(
        calls=1,
        tokens=call.total_tokens,
        cost_usd=call.cost_usd,
        unknown_cost_calls=int(call.cost_usd is None),
    )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _span(instants: Iterable[datetime]) -> Span | None:
    days = {_day(at) for at in instants}
    return Span(first=min(days), last=max(days)) if days else None
