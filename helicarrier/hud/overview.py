"""The first page's numbers: a day and the days that end with it, from one snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from helicarrier.store.query import Query
from helicarrier.usage.model import DailyModel
from helicarrier.usage.performance_report import PerformanceReport, performance_report
from helicarrier.usage.report import UsageReport, usage_report
from helicarrier.usage.repository import SqlPerformanceRepository, SqlUsageRepository
from helicarrier.usage.span import Span

PERIODS = (7, 30, 90)
"""How many days the page may cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`day` alone, and the period of `span` that ends with it.

    `newest` is the last day with a call or a session, None in an empty ledger.
    """

    day: UsageReport
    period: UsageReport
    points: Sequence[DailyModel]
    performance: PerformanceReport
    span: Span
    newest: date | None


def overview(query: Query, *, day: date, days: int) -> Overview:
    """The overview of `days` days that end with `day`.

    Raises:
        StorageUnavailable: the store could not be read.
    """
    usage = SqlUsageRepository(query)
    span = Span(first=day - timedelta(days=days - 1), last=day)
    known = usage.span()
    return Overview(
        day=usage_report(usage, first=day, last=day),
        period=usage_report(usage, first=span.first, last=span.last),
        points=usage.daily_models(span),
        performance=performance_report(
            SqlPerformanceRepository(query), first=span.first, last=span.last
        ),
        span=span,
        newest=known.last if known else None,
    )
