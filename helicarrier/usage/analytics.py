"""Usage of some agent, model or kind of task: totals, days and who says so, exact at any time.

Clean days come from `daily_subtotals_agg`, which has one row for each day and filter, dirty ones
from the ledger, as in `usage.queries`. The days are walked along the key of that table, so an
answer costs as much as it has days, however many agents, models and tasks there are. Runtime is the
wall clock of sessions and falls, like the sessions, on the day they started and on their primary
model; calls, tokens and cost fall on the day and the model of the call.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol, cast

from helicarrier import money
from helicarrier.store.addresses import Dialect
from helicarrier.store.query import Query
from helicarrier.usage import queries
from helicarrier.usage.facts import ranges
from helicarrier.usage.repository import SqlUsageRepository
from helicarrier.usage.span import Span
from helicarrier.usage.tables import PROVENANCE_VALUES, provenance_count

_SUBJECTS = ("token", "runtime", "cost")
PROVENANCE = tuple(PROVENANCE_VALUES)
_COUNTS = {
    provenance_count(name, value): (name, value)
    for name, values in PROVENANCE_VALUES.items()
    for value in values
}
"""The columns of `daily_subtotals_agg` that count calls, each with what they say of a call."""

_KEYS = ("agent_id", "model_id", "task_category")
_ALL = ""
"""In the place of a key: all of them."""

_OF_SESSIONS = {
    "agent_id": "AND s.agent_id = :agent_id",
    "model_id": "AND s.model_id = :model_id",
    "task_category": "AND s.task_category = :task_category",
}

# From one day that the table has to the next, one step into its key each.
_CLEAN_DAYS = f"""
WITH RECURSIVE days(bucket_date) AS (
    SELECT MIN(bucket_date) FROM daily_subtotals_agg WHERE bucket_date >= :first
    UNION ALL
    SELECT (
        SELECT MIN(a.bucket_date)
        FROM daily_subtotals_agg AS a
        WHERE a.bucket_date > days.bucket_date
    )
    FROM days
    WHERE days.bucket_date < :last
),
clean AS (
    SELECT bucket_date FROM days {queries.CLEAN_DAYS_ONLY}
)
"""  # noqa: S608  constants of this module
_CLEAN_ROWS = """
FROM clean AS d
CROSS JOIN daily_subtotals_agg AS t
WHERE t.bucket_date = d.bucket_date
    AND t.agent_id = :agent_id
    AND t.model_id = :model_id
    AND t.task_category = :task_category
"""
CLEAN = f"""{_CLEAN_DAYS}
SELECT
    t.bucket_date,
    t.runs_total AS runs,
    t.calls_total AS calls,
    t.total_tokens_total AS tokens,
    t.runtime_ms_total AS runtime_ms,
    t.cost_usd_total AS cost_usd,
    t.cost_unknown_calls AS unknown_cost_calls
{_CLEAN_ROWS}
"""
CLEAN_PROVENANCE = f"""{_CLEAN_DAYS}
SELECT {", ".join(f"CAST(SUM(t.{name}) AS BIGINT) AS {name}" for name in _COUNTS)}
{_CLEAN_ROWS}
"""
_LIVE_DAYS = f"""
SELECT bucket_date
FROM ({queries.LIVE}) AS live
WHERE bucket_date BETWEEN :first AND :last
ORDER BY bucket_date
"""  # noqa: S608  constants of this module
_DAY_OF: dict[Dialect, str] = {
    "sqlite": "SUBSTR({instant}, 1, 10)",
    "postgresql": "CAST({instant} AT TIME ZONE 'UTC' AS DATE)",
}
_CALL_PROVENANCE = ", ".join(f"u.{name}" for name in PROVENANCE)
_INSIDE = "u.occurred_at >= :start AND u.occurred_at < :after"
# Of the calls of some sessions: first which sessions called at all, then whose they are. A look at
# the session for each of its calls would cost more than the calls; OFFSET keeps Postgres from
# fetching all sessions of the agent that there ever were instead.
_CALLED = f"(SELECT DISTINCT u.session_id FROM session_usage AS u WHERE {_INSIDE}) AS called"  # noqa: S608  constants of this module
_THEIR_SESSIONS: dict[Dialect, str] = {
    "sqlite": f"""
WITH theirs AS (
    SELECT s.session_id
    FROM {_CALLED}
    CROSS JOIN session_ledger AS s
    WHERE s.session_id = called.session_id {{narrowed}}
)
""",  # noqa: S608  constants of this module
    "postgresql": f"""
WITH theirs AS (
    SELECT own.session_id
    FROM {_CALLED}
    CROSS JOIN LATERAL (
        SELECT s.session_id
        FROM session_ledger AS s
        WHERE s.session_id = called.session_id {{narrowed}}
        OFFSET 0
    ) AS own
)
""",  # noqa: S608  constants of this module
}
_OF_THEM = "theirs AS s CROSS JOIN session_usage AS u WHERE u.session_id = s.session_id AND"
_OF_ALL = "session_usage AS u WHERE"


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
    given = {name: value for name in _KEYS if (value := getattr(wanted, name)) is not None}
    days = span.as_days()
    key = days | dict.fromkeys(_KEYS, _ALL) | given
    dirty = [date.fromisoformat(str(row["bucket_date"])) for row in query.rows(_LIVE_DAYS, days)]
    live: list[Mapping[str, object]] = []
    started: list[Mapping[str, object]] = []
    for first, last in ranges(dirty):
        # With the instants themselves, so that the planner knows how little a few days are.
        stretch = Span(first=first, last=last).as_instants() | given
        live += query.rows(_calls(query.dialect, given), stretch)
        started += query.rows(_sessions(query.dialect, given), stretch)
    amounts: dict[date, Amount] = defaultdict(Amount)
    for row in (*query.rows(CLEAN, key), *live, *started):
        amounts[date.fromisoformat(str(row["bucket_date"]))] += _amount(row)
    daily = {day: amounts[day] for day in sorted(amounts)}
    (kept,) = query.rows(CLEAN_PROVENANCE, key)
    counted = [
        {name: value, "calls": kept[column]}
        for column, (name, value) in _COUNTS.items()
        if kept[column]
    ]
    return Analytics(
        totals=sum(daily.values(), Amount()),
        daily=daily,
        provenance=provenance_of([*counted, *live]),
    )


def _calls(dialect: Dialect, given: Mapping[str, object]) -> str:
    """The calls of live days by day and provenance; their sessions only where they are asked."""
    of_sessions = given.keys() & {"agent_id", "task_category"}
    narrowed = " ".join(_OF_SESSIONS[name] for name in sorted(of_sessions))
    head, source = (
        (_THEIR_SESSIONS[dialect].format(narrowed=narrowed), _OF_THEM)
        if of_sessions
        else ("", _OF_ALL)
    )
    model = "AND u.model_id = :model_id" if "model_id" in given else ""
    keys = f"{_DAY_OF[dialect].format(instant='u.occurred_at')}, {_CALL_PROVENANCE}"
    return f"""{head}
SELECT
    {_DAY_OF[dialect].format(instant="u.occurred_at")} AS bucket_date,
    {_CALL_PROVENANCE},
    COUNT(*) AS calls,
    CAST(SUM(u.total_tokens) AS BIGINT) AS tokens,
    SUM(u.cost_usd) AS cost_usd,
    COUNT(*) - COUNT(u.cost_usd) AS unknown_cost_calls
FROM {source} {_INSIDE} {model}
GROUP BY {keys}
"""  # noqa: S608  constants of this module


def _sessions(dialect: Dialect, given: Mapping[str, object]) -> str:
    """The sessions that started on live days, by day."""
    day = _DAY_OF[dialect].format(instant="s.started_at")
    narrowed = " ".join(_OF_SESSIONS[name] for name in given)
    return f"""
SELECT
    {day} AS bucket_date,
    COUNT(*) AS runs,
    CAST(COALESCE(SUM(s.runtime_ms), 0) AS BIGINT) AS runtime_ms
FROM session_ledger AS s
WHERE s.started_at >= :start AND s.started_at < :after {narrowed}
GROUP BY {day}
"""  # noqa: S608  constants of this module


def provenance_of(rows: Iterable[Mapping[str, object]]) -> dict[str, Sources]:
    """Rows with `calls` and columns of `PROVENANCE`, counted for each kind of number."""
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in PROVENANCE}
    for row in rows:
        for name in PROVENANCE:
            if name in row:
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
