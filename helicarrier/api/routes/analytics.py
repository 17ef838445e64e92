"""Analytics over HTTP: usage of any days and filters, and how the models did."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from helicarrier.api import wire
from helicarrier.api.access import Requires
from helicarrier.api.parameters import ONLY_KNOWN, From, Text, To, require_order
from helicarrier.api.service import Service, service_of
from helicarrier.api.tokens import Principal, Scope
from helicarrier.ledger.enums import SessionStatus
from helicarrier.usage.analytics import UsageFilter
from helicarrier.usage.model import SMALL_SAMPLE, Performance
from helicarrier.usage.performance_report import PerformanceReport, performance_report
from helicarrier.usage.span import Span, days_of

WINDOW_DAYS = 30
"""Days of performance where the request names no first one."""

router = APIRouter(prefix="/api/v3/analytics", tags=["analytics"], dependencies=[ONLY_KNOWN])

Read = Annotated[Principal, Depends(Requires(Scope.READ))]


@router.get("/usage", response_model=None, responses=wire.responses(wire.UsageAnswer))
def show_usage(
    request: Request,
    _: Read,
    *,
    first: From = None,
    last: To = None,
    agent: Text = None,
    model: Text = None,
    task: Text = None,
) -> Response:
    """Usage by day, from the first to the last day with data unless told otherwise."""
    require_order(first, last)
    service = service_of(request)
    wanted = UsageFilter(agent_id=agent, model_id=model, task_category=task)
    with service.backend.figures() as figures:
        known = figures.usage.span() if first is None or last is None else None
        span = days_of(known, first, last) or _today(service)
        found = figures.usage.analytics(span, wanted)
    return wire.answer(wire.usage_answer(found))


@router.get("/performance", response_model=None, responses=wire.responses(wire.PerformanceAnswer))
def show_performance(
    request: Request,
    _: Read,
    *,
    first: From = None,
    last: To = None,
    min_sample: Annotated[int, Query(alias="minSample", ge=0, le=1_000_000)] = SMALL_SAMPLE,
) -> Response:
    """How the sessions of each model went, over the last 30 days unless told otherwise."""
    require_order(first, last)
    service = service_of(request)
    end = last or _today(service).last
    begin = first or end - timedelta(days=WINDOW_DAYS - 1)
    require_order(begin, end)
    with service.backend.figures() as figures:
        found = performance_report(figures.performance, first=begin, last=end)
    rows = [_row(row, found, min_sample) for row in found.rows]
    return wire.answer(wire.PerformanceAnswer(rows=rows))


def _row(row: Performance, report: PerformanceReport, min_sample: int) -> wire.PerformanceRow:
    drilldown = urlencode(
        {
            "model": row.model_id,
            "status": SessionStatus.FAILED.value,
            "from": report.first,
            "to": report.last,
        }
    )
    return wire.PerformanceRow(
        model_id=row.model_id,
        runs_total=row.runs_total,
        success_count=row.success_count,
        failure_count=row.failure_count,
        success_rate=row.success_rate,
        median_runtime_ms=row.median_runtime_ms,
        median_cost_usd=row.median_cost_usd,
        sample_warning=row.runs_total < min_sample,
        failed_drilldown=f"/api/v3/ledger?{drilldown}",
        p95_runtime_ms=row.p95_runtime_ms,
        killed_count=row.killed_count,
        cancelled_count=row.cancelled_count,
    )


def _today(service: Service) -> Span:
    today = service.clock().date()
    return Span(first=today, last=today)
