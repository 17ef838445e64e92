"""Re-pricing: the calls of a day under the price list of today, with nothing lost.

Only a call whose cost, source or confidence comes out differently is touched: its old price stays
in `usage_cost_history`, the new one is appended with the reason, the row's current value moves and
its day becomes dirty. What a provider reported, or a client computed, is never re-priced.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, bindparam, or_, select, update

from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.governance.enums import Confidence
from helicarrier.ledger import dirty, history, run_markers, session_costs
from helicarrier.ledger.rows import price_context
from helicarrier.ledger.sink import sink_of
from helicarrier.ledger.tables import session_ledger, session_usage
from helicarrier.ledger.totals import DayTotals
from helicarrier.money import from_nanos, to_nanos
from helicarrier.store.operational import OperationalStore

_CALLS_PER_FETCH = 5_000
_LIST_MARK = "@"  # versions of price lists are NAME@VERSION
_MOVE = (
    update(session_usage)
    .where(session_usage.c.usage_id == bindparam("call"))
    .values(
        cost_usd=bindparam("cost"),
        pricing_version=bindparam("version"),
        cost_source=bindparam("source"),
        cost_confidence=bindparam("confidence"),
        computed_at=bindparam("at"),
        run_id=bindparam("run"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """What re-pricing did to the calls of one model that moved between two price lists.

    A cost that was or becomes unknown counts as 0 in `before_usd` and `after_usd`.
    """

    model_id: str
    before_version: str | None
    after_version: str | None
    calls: int
    before_usd: Decimal
    after_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    usage_id: str
    session_id: str
    model_id: str
    occurred_at: datetime
    started_at: datetime
    before: tuple[int | None, str | None]
    after: tuple[int | None, str | None, str, str]


def preview(store: OperationalStore, days: Sequence[date], *, pricer: Pricer) -> list[PriceChange]:
    """What `reprice` of these days would change; nothing is written."""
    with store.read() as connection:
        return _summary([move for day in days for move in _moves(connection, day, pricer)])


def reprice(
    store: OperationalStore, days: Sequence[date], *, pricer: Pricer, run_id: str, now: datetime
) -> list[PriceChange]:
    """Price the calls of whole UTC days again; the changes by model and price lists.

    Each day is read and written in one transaction, so that no import comes in between.
    """
    moves: list[_Move] = []
    for day in days:
        with store.write() as connection:
            sink_of(connection).serialize()
            found = list(_moves(connection, day, pricer))
            if found:
                _apply(connection, found, run_id=run_id, now=now)
            marks = run_markers.of_days(session_usage.name, {day: len(found)})
            run_markers.mark(connection, run_id, marks, now=now, last=day == days[-1])
        moves += found
    return _summary(moves)


def _moves(connection: Connection, day: date, pricer: Pricer) -> Iterator[_Move]:
    start = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    usage = session_usage.c
    query = (
        select(session_usage, session_ledger.c.started_at)
        .join(session_ledger, session_ledger.c.session_id == usage.session_id)
        .where(usage.occurred_at >= start, usage.occurred_at < start + timedelta(days=1))
        .where(or_(usage.pricing_version.is_(None), usage.pricing_version.contains(_LIST_MARK)))
        .order_by(usage.usage_id)
    )
    rows = connection.execute(query, execution_options={"yield_per": _CALLS_PER_FETCH})
    for row in rows:
        after = pricer.price(
            row.provider,
            row.model_id,
            times.utc_text(row.occurred_at),
            row.prompt_tokens,
            row.cache_read_tokens,
            row.cache_write_5m_tokens,
            row.cache_write_1h_tokens,
            row.completion_tokens,
            row.token_confidence == Confidence.HIGH.value,
            None,
            row.reasoning_tokens,
            price_context(row.price_context),
        )
        before = None if row.cost_usd is None else to_nanos(row.cost_usd)
        if (before, row.cost_source, row.cost_confidence) != (after[0], after[2], after[3]):
            yield _Move(
                usage_id=row.usage_id,
                session_id=row.session_id,
                model_id=row.model_id,
                occurred_at=row.occurred_at,
                started_at=row.started_at,
                before=(before, row.pricing_version),
                after=after,
            )


def _apply(connection: Connection, moves: Sequence[_Move], *, run_id: str, now: datetime) -> None:
    totals = DayTotals()
    for move in moves:
        at = times.utc_text(move.occurred_at)
        totals.call(at, 0, move.before[0], -1)
        totals.call(at, 0, move.after[0])
    totals.save(connection, run_id=run_id, now=now)
    sink = sink_of(connection)
    ids = [move.usage_id for move in moves]
    history.keep_first(sink, ids)
    connection.execute(_MOVE, [_values(move, run_id, now) for move in moves])
    session_costs.keep(sink, {move.session_id for move in moves})
    history.append(sink, ids, reason=history.Reason.PRICE_UPDATE)
    dirty.mark(
        connection,
        call_days={move.occurred_at.date() for move in moves},
        session_days={move.started_at.date() for move in moves},
        today=now.date(),
        run_id=run_id,
        now=now,
    )


def _values(move: _Move, run_id: str, now: datetime) -> dict[str, object]:
    nanos, version, source, confidence = move.after
    return {
        "call": move.usage_id,
        "cost": None if nanos is None else from_nanos(nanos),
        "version": version,
        "source": source,
        "confidence": confidence,
        "at": now,
        "run": run_id,
    }


def _summary(moves: Sequence[_Move]) -> list[PriceChange]:
    groups: dict[tuple[str, str, str], list[_Move]] = defaultdict(list)
    for move in moves:
        groups[move.model_id, move.before[1] or "", move.after[1] or ""].append(move)
    return [
        PriceChange(
            model_id=model,
            before_version=before or None,
            after_version=after or None,
            calls=len(group),
            before_usd=from_nanos(sum(move.before[0] or 0 for move in group)),
            after_usd=from_nanos(sum(move.after[0] or 0 for move in group)),
        )
        for (model, before, after), group in sorted(groups.items())
    ]
