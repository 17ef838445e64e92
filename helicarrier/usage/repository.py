"""Where reports get their rows: two Protocols, and both filled by SQL over one snapshot.

A report function only knows the Protocols. The SQL side owns the one decision that makes answers
exact at any time: clean days come from the aggregates, dirty days from the ledger.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Protocol, cast

from helicarrier import money
from helicarrier.store.query import Query
from helicarrier.usage import queries
from helicarrier.usage.model import (
    Block,
    CostShare,
    DailyModel,
    Dimension,
    Origin,
    Outcome,
    Performance,
    Usage,
)
from helicarrier.usage.span import Span

Row = Mapping[str, object]

_PROVENANCE = (
    "pricing_version",
    "cost_source",
    "cost_confidence",
    "token_source",
    "token_confidence",
    "runtime_source",
    "runtime_confidence",
)
_ORIGIN = ("provider", "model_id", *_PROVENANCE)
_COST_ORIGIN = ("cost_source", "cost_confidence", "pricing_version")
_COST_KEYS = {
    Dimension.DAY: ("bucket_date",),
    Dimension.MODEL: ("model_id", "provider"),
    Dimension.AGENT: ("agent_id",),
}


class UsageRepository(Protocol):
    """Usage of the ledger's calls and sessions, exact also on days that are not refreshed yet."""

    def span(self) -> Span | None:
        """From the first to the last day with a call or a session; None without any."""
        ...

    def dirty_days(self, span: Span) -> int:
        """How many days of the range are read from the ledger."""
        ...

    def usage(self, span: Span) -> Usage:
        """Usage by day, and by agent and model."""
        ...

    def origins(self, span: Span) -> list[Origin]:
        """Usage by provider, model and provenance, in no order."""
        ...

    def daily_models(self, span: Span) -> list[DailyModel]:
        """Usage by day and model, in that order."""
        ...

    def costs(self, span: Span, by: Dimension) -> list[CostShare]:
        """Cost by provenance for each day, model or agent, in no order.

        Aggregates keep no provenance by agent, so for agents the calls of the range are read.
        """
        ...


class PerformanceRepository(Protocol):
    """How sessions went: measured windows where they are current, else the sessions."""

    def span(self) -> Span | None:
        """From the first to the last day on which a session started; None without any."""
        ...

    def window(self, span: Span, by: Dimension) -> list[Performance] | None:
        """The measured window from `span.first` to `span.last`, by model or by agent and model.

        None where it was never measured or sessions came since.
        """
        ...

    def days(self, span: Span) -> dict[date, list[Performance]]:
        """Each day of the range that was measured since its last session came, by model."""
        ...

    def outcomes(self, span: Span) -> list[Outcome]:
        """The sessions that started in the range, in no order."""
        ...


class SqlUsageRepository:
    """`UsageRepository` over the operational store."""

    def __init__(self, query: Query) -> None:
        """Args: query, a snapshot of a store at the schema of this version."""
        self._query = query
        # The snapshot does not change, so what was read from the ledger once holds.
        self._dirty_calls = cache(self._read_dirty_calls)

    def span(self) -> Span | None:
        """From the first to the last day with a call or a session; None without any."""
        (row,) = self._query.rows(queries.SPAN)
        return _span(
            [row["first_call"], row["first_session"], row["first_day"]],
            [row["last_call"], row["last_session"], row["last_day"]],
        )

    def dirty_days(self, span: Span) -> int:
        """How many days of the range are read from the ledger."""
        (row,) = self._query.rows(queries.COUNT_DIRTY, span.as_days())
        return _int(row["days"])

    def usage(self, span: Span) -> Usage:
        """Usage by day, and by agent and model."""
        days = span.as_days()
        daily: dict[str, Block] = defaultdict(Block)
        pairs: dict[tuple[str, str], Block] = defaultdict(Block)
        for row in self._query.rows(queries.CLEAN_DAYS, days):
            daily[str(row["bucket_date"])] += _block(row, _int(row["sessions"]))
        for row in self._query.rows(queries.CLEAN_AGENT_MODELS, days):
            pairs[_pair(row)] += _block(row, _int(row["sessions"]))
        # A call's sessions are not the sessions that started: those are counted by themselves.
        for row in self._dirty_calls(span):
            block = _block(row, 0)
            daily[str(row["bucket_date"])] += block
            pairs[_pair(row)] += block
        for row in self._query.rows(self._dirty + queries.LEDGER_SESSIONS, days):
            block = Block(sessions=_int(row["sessions"]))
            daily[str(row["bucket_date"])] += block
            pairs[_pair(row)] += block
        return Usage(
            daily={date.fromisoformat(day): daily[day] for day in sorted(daily)},
            by_agent_and_model=dict(pairs),
        )

    def origins(self, span: Span) -> list[Origin]:
        """Usage by provider, model and provenance, in no order."""
        blocks: dict[tuple[str, ...], Block] = defaultdict(Block)
        for row in (*self._clean(queries.CLEAN_ORIGINS, span), *self._dirty_calls(span)):
            blocks[_texts(row, _ORIGIN)] += _block(row, _int(row["sessions"]))
        return [_origin(key, block) for key, block in blocks.items()]

    def daily_models(self, span: Span) -> list[DailyModel]:
        """Usage by day and model, in that order."""
        blocks: dict[tuple[str, ...], Block] = defaultdict(Block)
        for row in (*self._clean(queries.CLEAN_DAILY_MODELS, span), *self._dirty_calls(span)):
            blocks[_texts(row, ("bucket_date", "model_id"))] += _block(row, 0)
        return [
            DailyModel(
                day=date.fromisoformat(day),
                model_id=model,
                calls=block.calls,
                total_tokens=block.total_tokens,
                cost_usd=block.cost_usd,
            )
            for (day, model), block in sorted(blocks.items(), key=lambda item: item[0])
            if block.calls
        ]

    def costs(self, span: Span, by: Dimension) -> list[CostShare]:
        """Cost by provenance for each day, model or agent, in no order."""
        rows: Iterable[Row]
        match by:
            case Dimension.DAY:
                rows = self._clean(queries.CLEAN_DAILY_COSTS, span) + self._dirty_calls(span)
            case Dimension.MODEL:
                rows = self._clean(queries.CLEAN_ORIGINS, span) + self._dirty_calls(span)
            case Dimension.AGENT:
                whole = queries.WHOLE_RANGE[self._query.dialect]
                rows = self._query.rows(whole + queries.LEDGER_CALLS, span.as_instants())
        blocks: dict[tuple[str, ...], Block] = defaultdict(Block)
        for row in rows:
            blocks[_texts(row, _COST_ORIGIN + _COST_KEYS[by])] += _block(row, 0)
        return [
            CostShare(
                key=key[len(_COST_ORIGIN) :],
                cost_source=key[0],
                cost_confidence=key[1],
                pricing_version=key[2],
                calls=block.calls,
                cost_usd=block.cost_usd,
                unknown_cost_calls=block.unknown_cost_calls,
            )
            for key, block in blocks.items()
        ]

    @property
    def _dirty(self) -> str:
        return queries.DIRTY_DAYS[self._query.dialect]

    def _clean(self, statement: str, span: Span) -> list[dict[str, object]]:
        return self._query.rows(statement, span.as_days())

    def _read_dirty_calls(self, span: Span) -> list[dict[str, object]]:
        return self._query.rows(self._dirty + queries.LEDGER_CALLS, span.as_days())


class SqlPerformanceRepository:
    """`PerformanceRepository` over the operational store."""

    def __init__(self, query: Query) -> None:
        """Args: query, a snapshot of a store at the schema of this version."""
        self._query = query

    def span(self) -> Span | None:
        """From the first to the last day on which a session started; None without any."""
        (row,) = self._query.rows(queries.SESSION_SPAN)
        return _span([row["first"]], [row["last"]])

    def window(self, span: Span, by: Dimension) -> list[Performance] | None:
        """The measured window of the range, by model or by agent and model; None: not current."""
        if span.last not in self._current(Span(first=span.last, last=span.last)):
            return None
        match by:
            case Dimension.AGENT:
                rows = self._query.rows(queries.WINDOW_OF_AGENTS, span.as_days())
                return [_performance((str(row["agent_id"]),), row) for row in rows]
            case Dimension.MODEL | Dimension.DAY:
                rows = self._query.rows(queries.WINDOW_OF_MODELS, span.as_days())
                return [_performance((), row) for row in rows]

    def days(self, span: Span) -> dict[date, list[Performance]]:
        """Each day of the range that was measured since its last session came, by model."""
        days: dict[date, list[Performance]] = {day: [] for day in self._current(span)}
        for row in self._query.rows(queries.DAYS_OF_MODELS, span.as_days()):
            text = str(row["window_end"])
            day = date.fromisoformat(text)
            if day in days:
                days[day].append(_performance((text,), row))
        return days

    def outcomes(self, span: Span) -> list[Outcome]:
        """The sessions that started in the range, in no order."""
        return [
            Outcome(
                day=date.fromisoformat(str(row["started_at"])[:10]),
                agent_id=str(row["agent_id"]),
                model_id=str(row["model_id"]),
                status=str(row["status"]),
                runtime_ms=_int_or_none(row["runtime_ms"]),
                cost_usd=_money(row["cost_usd"]),
            )
            for row in self._query.rows(queries.SESSIONS, span.as_instants())
        ]

    def _current(self, span: Span) -> set[date]:
        rows = self._query.rows(queries.CURRENT_WINDOWS, span.as_days())
        return {date.fromisoformat(str(row["window_end"])) for row in rows}


def _span(firsts: Iterable[object], lasts: Iterable[object]) -> Span | None:
    """Days and instants, some of them None -> from the earliest to the latest day."""
    first = min((str(value)[:10] for value in firsts if value), default=None)
    last = max((str(value)[:10] for value in lasts if value), default=None)
    if first is None or last is None:
        return None
    return Span(first=date.fromisoformat(first), last=date.fromisoformat(last))


def _texts(row: Row, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([str(row[name]) for name in names])


def _pair(row: Row) -> tuple[str, str]:
    return str(row["agent_id"]), str(row["model_id"])


def _origin(key: tuple[str, ...], block: Block) -> Origin:
    return Origin(**dict(zip(_ORIGIN, key, strict=True)), block=block)


def _block(row: Row, sessions: int) -> Block:
    return Block(
        sessions=sessions,
        calls=_int(row["calls"]),
        prompt_tokens=_int(row["prompt_tokens"]),
        cache_read_tokens=_int(row["cache_read_tokens"]),
        cache_write_tokens=_int(row["cache_write_tokens"]),
        completion_tokens=_int(row["completion_tokens"]),
        reasoning_tokens=_int(row["reasoning_tokens"]),
        total_tokens=_int(row["total_tokens"]),
        cost_usd=_known_money(row["cost_usd"]),
        unknown_cost_calls=_int(row["unknown_cost_calls"]),
    )


def _performance(key: tuple[str, ...], row: Row) -> Performance:
    return Performance(
        key=key,
        model_id=str(row["model_id"]),
        runs_total=_int(row["runs_total"]),
        success_count=_int(row["success_count"]),
        failure_count=_int(row["failure_count"]),
        killed_count=_int(row["killed_count"]),
        cancelled_count=_int(row["cancelled_count"]),
        median_runtime_ms=_int_or_none(row["median_runtime_ms"]),
        p95_runtime_ms=_int_or_none(row["p95_runtime_ms"]),
        median_cost_usd=_money(row["median_cost_usd"]),
    )


# A row of the driver holds objects; these columns hold whole numbers and money by their contract.
def _int(value: object) -> int:
    return cast("int", value)


def _int_or_none(value: object) -> int | None:
    return cast("int | None", value)


def _known_money(value: object) -> Decimal:
    return cast("Decimal", _money(value))


def _money(value: object) -> Decimal | None:
    return money.from_storage(cast("int | Decimal | None", value))
