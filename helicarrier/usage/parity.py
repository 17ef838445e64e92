"""Parity: day by day, imports, ledger, facts and aggregates must tell the same totals.

Every store is added up on its own, exactly, and compared measure by measure. A dirty day is no
pass and no breach: it is reported as dirty. Days outside the partition range have no facts by
design and are reported as out of range. Facts are files and not part of the store's snapshot, so
a day that differs is looked at a second time before it is called a breach.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from helicarrier.governance.columns import token_columns
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.tables import ledger_totals, session_ledger, session_usage
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.aggregates import engine, facts_view
from helicarrier.usage.columnar import midnight
from helicarrier.usage.facts import ranges
from helicarrier.usage.tables import (
    daily_provenance_agg,
    daily_subtotals_agg,
    daily_usage_agg,
    model_perf_agg,
)

if TYPE_CHECKING:
    import duckdb

_TOKENS = tuple(column.name for column in token_columns())
_CALL_MEASURES = ("calls", *_TOKENS, "cost_usd", "cost_unknown_calls")
_RUN_MEASURES = ("runs", "runtime_ms")
_MEASURES = (*_RUN_MEASURES, *_CALL_MEASURES)
_WRITTEN_MEASURES = ("runs", "calls", "total_tokens", "cost_usd", "cost_unknown_calls")
_SUBTOTAL_CALLS = ("calls", "total_tokens", "cost_usd", "cost_unknown_calls")
_CHECKED = (Dataset.USAGE_FACTS, Dataset.SESSION_FACTS, Dataset.DAILY_USAGE_AGG)

_FACT_CALLS = f"""
SELECT day, COUNT(*), {", ".join(f"SUM({name})" for name in _TOKENS)},
    SUM(cost_usd), COUNT(*) - COUNT(cost_usd)
FROM usage_facts GROUP BY day
"""  # noqa: S608 - names of the contract
_FACT_RUNS = "SELECT day, COUNT(*), SUM(runtime_ms) FROM session_facts GROUP BY day"

Amount = int | Decimal
Totals = dict[date, dict[str, Amount]]


class ParityState(StrEnum):
    """Why a day did not pass."""

    DIFFERS = "differs"
    DIRTY = "dirty"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityBreach:
    """A day that did not pass.

    `subject` is the measure that differs, with each store's `amounts`; for a dirty day the dataset
    that is out of date; for a day out of range a measure of the ledger.
    """

    day: date
    state: ParityState
    subject: str
    amounts: Mapping[str, Amount]


def parity(
    store: OperationalStore,
    lake: Lake,
    days: Iterable[date],
    *,
    first_day: date = date.min,
    last_day: date = date.max,
) -> list[ParityBreach]:
    """Compare the totals of these days; empty where all agree and all are clean.

    Args:
        store: holds ledger, aggregates and dirty days.
        lake: holds the facts.
        days: UTC days in any order.
        first_day: first day of the partition range.
        last_day: last day of the partition range, included.

    Returns:
        Breaches in the order of days; amounts are counts, tokens, milliseconds or exact dollars.
    """
    asked = sorted(set(days))
    inside = [day for day in asked if first_day <= day <= last_day]
    outside = [day for day in asked if not first_day <= day <= last_day]
    found = _compared(store, lake, inside)
    doubtful = sorted({breach.day for breach in found if breach.state is ParityState.DIFFERS})
    if doubtful:
        sure = [breach for breach in found if breach.state is not ParityState.DIFFERS]
        found = [*sure, *_compared(store, lake, doubtful)]
    found.extend(_out_of_range(store, outside))
    return sorted(found, key=lambda breach: (breach.day, breach.state, breach.subject))


def ledger_parity(store: OperationalStore, days: Iterable[date] | None) -> list[ParityBreach]:
    """Compare what was written to the ledger with what is there; empty where they agree.

    A session that keeps another known cost than its calls add up to is a breach of the day on
    which it started.

    Args:
        store: holds the running totals of the writers and the rows.
        days: UTC days in any order; None: every day that either of them knows.

    Returns:
        Breaches in the order of days, with the amounts of `imports` and `ledger`.
    """
    with store.read() as connection:
        asked = _known_days(connection) if days is None else sorted(set(days))
        rows = _both(_ledger_calls(connection, asked), _ledger_runs(connection, asked))
        stores = {
            "imports": _written(connection, asked),
            "ledger": {
                day: {name: amounts[name] for name in _WRITTEN_MEASURES}
                for day, amounts in rows.items()
            },
        }
        kept = _kept_costs(connection, asked)
    return [
        breach
        for day in asked
        for breach in (*_differences(day, stores), *([kept[day]] if day in kept else []))
    ]


def _kept_costs(connection: Connection, days: Sequence[date]) -> dict[date, ParityBreach]:
    """Days on which a session started that keeps another known cost than its calls add up to."""
    ledger = session_ledger.c
    costs = func.sum(session_usage.c.cost_usd, type_=ledger.known_cost_usd.type)
    summed = select(costs).where(session_usage.c.session_id == ledger.session_id)
    of_calls = summed.correlate(session_ledger).scalar_subquery()
    query = select(ledger.started_at, ledger.known_cost_usd, of_calls).where(
        ledger.known_cost_usd.is_distinct_from(of_calls)
    )
    amounts: dict[date, list[Decimal]] = {}
    for first, last in ranges(days):
        inside = query.where(
            ledger.started_at >= midnight(first),
            ledger.started_at < midnight(last + timedelta(days=1)),
        )
        for started_at, kept, summed_up in connection.execute(inside):
            of_day = amounts.setdefault(started_at.date(), [Decimal(), Decimal()])
            of_day[0] += kept or 0
            of_day[1] += summed_up or 0
    return {
        day: ParityBreach(
            day=day,
            state=ParityState.DIFFERS,
            subject=ledger.known_cost_usd.name,
            amounts={"sessions": kept, "calls": summed_up},
        )
        for day, (kept, summed_up) in amounts.items()
    }


def _known_days(connection: Connection) -> list[date]:
    known = set(connection.execute(select(ledger_totals.c.bucket_date)).scalars())
    for instant in (session_usage.c.occurred_at, session_ledger.c.started_at):
        day_of = _day_of(connection, instant).label("day")
        found = connection.execute(select(day_of).group_by("day")).scalars()
        known |= set(map(date.fromisoformat, found))
    return sorted(known)


def _compared(store: OperationalStore, lake: Lake, days: Sequence[date]) -> list[ParityBreach]:
    with store.read() as connection:
        marked = {dataset: dirty.dirty(connection, dataset) for dataset in Dataset}
        found = [
            ParityBreach(day=day, state=ParityState.DIRTY, subject=dataset.value, amounts={})
            for dataset in _CHECKED
            for day in days
            if day in marked[dataset]
        ]
        clean = sorted(set(days) - {breach.day for breach in found})
        stores = {
            "imports": _written(connection, clean),
            "ledger": _both(_ledger_calls(connection, clean), _ledger_runs(connection, clean)),
            "daily_usage_agg": _daily_usage(connection, clean),
            "daily_provenance_agg": _daily_provenance(connection, clean),
            "daily_subtotals_agg": _daily_subtotals(connection, clean),
            "model_perf_agg": _performance(
                connection, [day for day in clean if day not in marked[Dataset.MODEL_PERF_AGG]]
            ),
        }
    stores["facts"] = _facts(lake, clean)
    return [*found, *(breach for day in clean for breach in _differences(day, stores))]


def _differences(day: date, stores: Mapping[str, Totals]) -> Iterator[ParityBreach]:
    for measure in _MEASURES:
        amounts = {
            name: totals[day][measure]
            for name, totals in stores.items()
            if measure in totals.get(day, {})
        }
        if len(set(amounts.values())) > 1:
            yield ParityBreach(day=day, state=ParityState.DIFFERS, subject=measure, amounts=amounts)


def _out_of_range(store: OperationalStore, days: Sequence[date]) -> Iterator[ParityBreach]:
    with store.read() as connection:
        ledger = _both(_ledger_calls(connection, days), _ledger_runs(connection, days))
    for day in days:
        for measure in ("calls", "runs"):
            if ledger[day][measure]:
                yield ParityBreach(
                    day=day,
                    state=ParityState.OUT_OF_RANGE,
                    subject=measure,
                    amounts={"ledger": ledger[day][measure]},
                )


def _written(connection: Connection, days: Sequence[date]) -> Totals:
    t = ledger_totals.c
    query = select(
        t.bucket_date, t.sessions, t.calls, t.total_tokens, t.cost_usd, t.cost_unknown_calls
    )
    return _by_day(connection, query, t.bucket_date, _WRITTEN_MEASURES, days)


def _ledger_calls(connection: Connection, days: Sequence[date]) -> Totals:
    u = session_usage.c
    measures = (
        func.count(),
        *(func.sum(u[name]) for name in _TOKENS),
        func.sum(u.cost_usd),
        func.count() - func.count(u.cost_usd),
    )
    return _by_instant(connection, u.occurred_at, measures, _CALL_MEASURES, days)


def _ledger_runs(connection: Connection, days: Sequence[date]) -> Totals:
    s = session_ledger.c
    measures = (func.count(), func.sum(s.runtime_ms))
    return _by_instant(connection, s.started_at, measures, _RUN_MEASURES, days)


def _by_instant(
    connection: Connection,
    instant: ColumnElement[Any],
    measures: Iterable[ColumnElement[Any]],
    names: Sequence[str],
    days: Sequence[date],
) -> Totals:
    query = select(_day_of(connection, instant).label("day"), *measures).group_by("day")
    totals = _nothing(names, days)
    for first, last in ranges(days):
        inside = (instant >= midnight(first)) & (instant < midnight(last + timedelta(days=1)))
        for day, *amounts in connection.execute(query.where(inside)):
            totals[date.fromisoformat(day)] = _named(names, amounts)
    return totals


def _day_of(connection: Connection, instant: ColumnElement[Any]) -> ColumnElement[str]:
    """Instants are UTC on both: text that begins with its day, or shown in the session's zone."""
    if connection.dialect.name == "sqlite":
        return func.substr(instant, 1, 10)
    return func.to_char(instant, "YYYY-MM-DD")


def _daily_usage(connection: Connection, days: Sequence[date]) -> Totals:
    table = daily_usage_agg
    t = table.c
    runs = (func.sum(t.runs_total), func.sum(t.runtime_ms_total))
    query = select(t.bucket_date, *runs, *_call_totals(table)).group_by(t.bucket_date)
    return _by_day(connection, query, t.bucket_date, _MEASURES, days)


def _daily_provenance(connection: Connection, days: Sequence[date]) -> Totals:
    table = daily_provenance_agg
    query = select(table.c.bucket_date, *_call_totals(table)).group_by(table.c.bucket_date)
    return _by_day(connection, query, table.c.bucket_date, _CALL_MEASURES, days)


def _daily_subtotals(connection: Connection, days: Sequence[date]) -> Totals:
    t = daily_subtotals_agg.c
    of_all = (t.agent_id == "") & (t.model_id == "") & (t.task_category == "")
    names = ("runs", "runtime_ms", *_SUBTOTAL_CALLS)
    query = select(
        t.bucket_date,
        t.runs_total,
        t.runtime_ms_total,
        t.calls_total,
        t.total_tokens_total,
        t.cost_usd_total,
        t.cost_unknown_calls,
    ).where(of_all)
    return _by_day(connection, query, t.bucket_date, names, days)


def _performance(connection: Connection, days: Sequence[date]) -> Totals:
    t = model_perf_agg.c
    of_one_day = (t.window_start == t.window_end) & (t.agent_id == "*") & (t.task_category == "*")
    query = select(t.window_end, func.sum(t.runs_total)).where(of_one_day).group_by(t.window_end)
    return _by_day(connection, query, t.window_end, ("runs",), days)


def _call_totals(table: Table) -> tuple[ColumnElement[Any], ...]:
    names = ("calls_total", *(f"{name}_total" for name in _TOKENS))
    sums = (*names, "cost_usd_total", "cost_unknown_calls")
    return tuple(func.sum(table.c[name]) for name in sums)


def _by_day(
    connection: Connection,
    query: Select[Any],
    day: ColumnElement[date],
    names: Sequence[str],
    days: Sequence[date],
) -> Totals:
    totals = _nothing(names, days)
    for first, last in ranges(days):
        for bucket, *amounts in connection.execute(query.where(day.between(first, last))):
            totals[bucket] = _named(names, amounts)
    return totals


def _facts(lake: Lake, days: Sequence[date]) -> Totals:
    with engine() as connection:
        for dataset in (Dataset.USAGE_FACTS, Dataset.SESSION_FACTS):
            facts_view(connection, lake, dataset, days)
        return _both(
            _from_facts(connection, _FACT_CALLS, _CALL_MEASURES, days),
            _from_facts(connection, _FACT_RUNS, _RUN_MEASURES, days),
        )


def _from_facts(
    connection: "duckdb.DuckDBPyConnection", query: str, names: Sequence[str], days: Sequence[date]
) -> Totals:
    totals = _nothing(names, days)
    for day, *amounts in connection.execute(query).fetchall():
        totals[day] = _named(names, amounts)
    return totals


def _nothing(names: Sequence[str], days: Iterable[date]) -> Totals:
    return {day: dict.fromkeys(names, 0) for day in days}


def _named(names: Sequence[str], amounts: Iterable[Amount | None]) -> dict[str, Amount]:
    return {name: amount or 0 for name, amount in zip(names, amounts, strict=True)}


def _both(left: Totals, right: Totals) -> Totals:
    return {day: left[day] | right[day] for day in left}
