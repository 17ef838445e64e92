"""Usage of some agent, model or kind of task: totals, days and who says so, exact at any time.

Clean days come from the aggregates and dirty ones from the ledger, as in `usage.queries`. Who says
so is kept by model and not by agent or task, so with such a filter it is read from the calls.
Runtime is the wall clock of sessions and falls, like the sessions, on the day they started and on
their primary model; calls, tokens and cost fall on the day and the model of the call.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol, cast

from helicarrier import money
from helicarrier.store.query import Query
from helicarrier.usage import queries
from helicarrier.usage.repository import SqlUsageRepository
from helicarrier.usage.span import Span

_SUBJECTS = ("token", "runtime", "cost")
PROVENANCE = tuple(
    f"{subject}_{kind}" for subject in _SUBJECTS for kind in ("source", "confidence")
)
"""The columns that say who says so and how far to trust it."""

_OF_AGGREGATES = {
    "agent_id": "AND agent_id = :agent_id",
    "model_id": "AND model_id = :model_id",
    "task_category": "AND task_category = :task_category",
}
_OF_CALLS = {
    "agent_id": "AND s.agent_id = :agent_id",
    "model_id": "AND u.model_id = :model_id",
    "task_category": "AND s.task_category = :task_category",
}
_OF_SESSIONS = {**_OF_CALLS, "model_id": "AND s.model_id = :model_id"}

_CLEAN = """
SELECT
    bucket_date,
    CAST(SUM(runs_total) AS BIGINT) AS runs,
    CAST(SUM(calls_total) AS BIGINT) AS calls,
    CAST(SUM(total_tokens_total) AS BIGINT) AS tokens,
    CAST(SUM(runtime_ms_total) AS BIGINT) AS runtime_ms,
    SUM(cost_usd_total) AS cost_usd,
    CAST(SUM(cost_unknown_calls) AS BIGINT) AS unknown_cost_calls
FROM daily_usage_agg
"""
_CALLS = """
SELECT
    d.bucket_date,
    COUNT(*) AS calls,
    CAST(SUM(u.total_tokens) AS BIGINT) AS tokens,
    SUM(u.cost_usd) AS cost_usd,
    COUNT(*) - COUNT(u.cost_usd) AS unknown_cost_calls
FROM stretches AS d
CROSS JOIN session_usage AS u
JOIN session_ledger AS s ON s.session_id = u.session_id
WHERE u.occurred_at >= d.start AND u.occurred_at < d.after
"""
_SESSIONS = """
SELECT
    d.bucket_date,
    COUNT(*) AS runs,
    CAST(COALESCE(SUM(s.runtime_ms), 0) AS BIGINT) AS runtime_ms
FROM stretches AS d
CROSS JOIN session_ledger AS s
WHERE s.started_at >= d.start AND s.started_at < d.after
"""
_KEPT_PROVENANCE = (
    f"SELECT {', '.join(PROVENANCE)}, CAST(SUM(calls_total) AS BIGINT) AS calls "  # noqa: S608  constants of this module
    "FROM daily_provenance_agg"
)
_CALLS_PROVENANCE = f"""
SELECT {", ".join(f"u.{name}" for name in PROVENANCE)}, COUNT(*) AS calls
FROM stretches AS d
CROSS JOIN session_usage AS u
JOIN session_ledger AS s ON s.session_id = u.session_id
WHERE u.occurred_at >= d.start AND u.occurred_at < d.after
"""  # noqa: S608  constants of this module


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """Whose usage; None does not filter."""

    agent_id: str | None = None
    model_id: str | None = None
    task_category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Usage added up; `cost_usd` is the known cost, None where no call has one."""

    runs: int = 0
    calls: int = 0
    tokens: int = 0
    runtime_ms: int = 0
    cost_usd: Decimal | None = None
    unknown_cost_calls: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Amount(
            runs=self.runs + other.runs,
            calls=self.calls + other.calls,
            tokens=self.tokens + other.tokens,
            runtime_ms=self.runtime_ms + other.runtime_ms,
            cost_usd=sum(known, Decimal()) if known else None,
            unknown_cost_calls=self.unknown_cost_calls + other.unknown_cost_calls,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Calls by who says so and by how far that can be trusted."""

    by_source: dict[str, int] = field(default_factory=dict)
    by_confidence: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analytics:
    """Totals, the days with usage in order, and provenance of token, runtime and cost."""

    totals: Amount
    daily: dict[date, Amount]
    provenance: dict[str, Sources]


class UsageAnalytics(Protocol):
    """Usage as the service answers it."""

    def span(self) -> Span | None:
        """From the first to the last day with a call or a session; None without any."""
        ...

    def analytics(self, span: Span, wanted: UsageFilter) -> Analytics:
        """Usage of the days of the span that match."""
        ...


class SqlUsageAnalytics:
    """`UsageAnalytics` over a snapshot of the operational store."""

    def __init__(self, query: Query) -> None:
        """Args: query, of a store at the schema of this version."""
        self._query = query

    def span(self) -> Span | None:
        """See `UsageAnalytics.span`."""
        return SqlUsageRepository(self._query).span()

    def analytics(self, span: Span, wanted: UsageFilter) -> Analytics:
        """See `UsageAnalytics.analytics`."""
        return usage_analytics(self._query, span, wanted)


def usage_analytics(query: Query, span: Span, wanted: UsageFilter) -> Analytics:
    """Usage of the days of the span that match.

    Raises:
        StorageUnavailable: the store could not be read.
    """
    conditions = {
        name: value for name in _OF_AGGREGATES if (value := getattr(wanted, name)) is not None
    }
    params = span.as_days() | conditions
    dirty = queries.DIRTY_DAYS[query.dialect]
    daily: dict[date, Amount] = defaultdict(Amount)
    for statement in (
        _grouped(_CLEAN + queries.CLEAN_DAYS_ONLY, _OF_AGGREGATES, conditions, "bucket_date"),
        _grouped(dirty + _CALLS, _OF_CALLS, conditions, "d.bucket_date"),
        _grouped(dirty + _SESSIONS, _OF_SESSIONS, conditions, "d.bucket_date"),
    ):
        for row in query.rows(statement, params):
            daily[date.fromisoformat(str(row["bucket_date"]))] += _amount(row)
    days = {day: daily[day] for day in sorted(daily)}
    return Analytics(
        totals=sum(days.values(), Amount()),
        daily=days,
        provenance=provenance_of(_sources(query, span, conditions, params)),
    )


def _sources(
    query: Query, span: Span, conditions: Mapping[str, object], params: Mapping[str, object]
) -> Iterable[Mapping[str, object]]:
    of_calls = ", ".join(f"u.{name}" for name in PROVENANCE)
    if {"agent_id", "task_category"} & conditions.keys():
        whole = queries.WHOLE_RANGE[query.dialect]
        statement = _grouped(whole + _CALLS_PROVENANCE, _OF_CALLS, conditions, of_calls)
        return query.rows(statement, {**params, **span.as_instants()})
    dirty = queries.DIRTY_DAYS[query.dialect]
    kept = _grouped(
        _KEPT_PROVENANCE + queries.CLEAN_DAYS_ONLY,
        _OF_AGGREGATES,
        conditions,
        ", ".join(PROVENANCE),
    )
    live = _grouped(dirty + _CALLS_PROVENANCE, _OF_CALLS, conditions, of_calls)
    return [*query.rows(kept, params), *query.rows(live, params)]


def _grouped(
    select: str, by_name: Mapping[str, str], conditions: Mapping[str, object], keys: str
) -> str:
    narrowed = " ".join(by_name[name] for name in conditions)
    return f"{select} {narrowed} GROUP BY {keys}"


def provenance_of(rows: Iterable[Mapping[str, object]]) -> dict[str, Sources]:
    """Rows with the columns of `PROVENANCE` and `calls`, counted for each kind of number."""
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in PROVENANCE}
    for row in rows:
        for name in PROVENANCE:
            counts[name][str(row[name])] += _int(row["calls"])
    return {
        subject: Sources(
            by_source=dict(sorted(counts[f"{subject}_source"].items())),
            by_confidence=dict(sorted(counts[f"{subject}_confidence"].items())),
        )
        for subject in _SUBJECTS
    }


def _amount(row: Mapping[str, object]) -> Amount:
    calls, unknown = _int(row.get("calls")), _int(row.get("unknown_cost_calls"))
    known = calls > unknown
    return Amount(
        runs=_int(row.get("runs")),
        calls=calls,
        tokens=_int(row.get("tokens")),
        runtime_ms=_int(row.get("runtime_ms")),
        cost_usd=money.from_storage(cast("int | Decimal", row["cost_usd"])) if known else None,
        unknown_cost_calls=unknown,
    )


def _int(value: object) -> int:
    return 0 if value is None else cast("int", value)
