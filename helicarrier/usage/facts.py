"""Extraction: the ledger's calls and sessions as Arrow tables, one for each UTC day.

The facts are the only copy of the ledger that the analysis reads, so a day's table has the
declared schema whatever the day holds, an empty day is an empty table, and a range of days is one
scan in one snapshot, cut at midnight UTC as its rows come by: memory holds a day, not the range.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

from helicarrier import times
from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import TableContract
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.tables import session_ledger, session_usage
from helicarrier.usage.columnar import midnight, read
from helicarrier.usage.tables import SESSION_FACTS, USAGE_FACTS

if TYPE_CHECKING:
    import pyarrow as pa

_ONE_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)
_MICROSECONDS_PER_DAY = 86_400_000_000

_USAGE_FACTS = """
SELECT u.usage_id, u.session_id, u.occurred_at, s.agent_id, s.task_category, u.provider,
    u.model_id, u.prompt_tokens, u.cache_read_tokens, u.cache_write_5m_tokens,
    u.cache_write_1h_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens,
    u.runtime_ms, u.cost_usd, u.pricing_version, u.cost_source, u.cost_confidence,
    u.token_source, u.token_confidence, u.runtime_source, u.runtime_confidence
FROM session_usage AS u
JOIN session_ledger AS s ON s.session_id = u.session_id
WHERE u.occurred_at >= :first AND u.occurred_at < :after
"""

# A session belongs to the day it started, with all its calls, on whatever day they came. Without
# calls its cost is as unknown as with a call of unknown cost.
_SESSION_FACTS = """
SELECT s.session_id, s.started_at, s.agent_id, s.task_category, s.model_id, s.status,
    s.runtime_ms,
    COALESCE(u.calls, 0) AS calls_total,
    COALESCE(u.calls - u.priced, 0) AS cost_unknown_calls,
    CASE WHEN u.calls = u.priced THEN u.cost_usd END AS cost_usd
FROM session_ledger AS s
LEFT JOIN (
    SELECT session_id, COUNT(*) AS calls, COUNT(cost_usd) AS priced, SUM(cost_usd) AS cost_usd
    FROM session_usage
    WHERE session_id IN (
        SELECT session_id FROM session_ledger WHERE started_at >= :first AND started_at < :after
    )
    GROUP BY session_id
) AS u ON u.session_id = s.session_id
WHERE s.started_at >= :first AND s.started_at < :after
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSource:
    """Where a facts dataset comes from.

    `instant` is the column, in the facts as in the ledger's `table`, that places a row on its day.
    """

    contract: TableContract
    query: str
    table: Table
    instant: str


SOURCES = {
    Dataset.USAGE_FACTS: FactSource(
        contract=USAGE_FACTS, query=_USAGE_FACTS, table=session_usage, instant="occurred_at"
    ),
    Dataset.SESSION_FACTS: FactSource(
        contract=SESSION_FACTS, query=_SESSION_FACTS, table=session_ledger, instant="started_at"
    ),
}


def partitions(
    connection: Connection, dataset: Dataset, days: Iterable[date]
) -> "Iterator[tuple[date, pa.Table]]":
    """Each day with its rows, in order; a day without rows comes with an empty table.

    Args:
        connection: a read transaction; every day is taken from its one snapshot.
        dataset: a key of `SOURCES`.
        days: UTC days in any order; neighbours share a scan.

    Raises:
        pyarrow.ArrowInvalid: a stored value is not of its column's kind.
    """
    source = SOURCES[dataset]
    for first, last in ranges(days):
        params = {
            "first": times.utc_text(midnight(first)),
            "after": times.utc_text(midnight(last + _ONE_DAY)),
        }
        batches = read(connection, source.contract, source.query, params, order_by=source.instant)
        yield from _cut(source, first, last, batches)


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days in any order -> ranges of neighbours, first and last day included."""
    ordered = sorted(set(days))
    # Neighbours keep the same distance to their place in the order.
    runs = groupby(enumerate(ordered), key=lambda placed: placed[1].toordinal() - placed[0])
    grouped = [[day for _, day in run] for _, run in runs]
    return [(run[0], run[-1]) for run in grouped]


def _cut(
    source: FactSource, first: date, last: date, batches: "Iterable[pa.Table]"
) -> "Iterator[tuple[date, pa.Table]]":
    """Batches in the order of time -> one table for each day from first to last."""
    import pyarrow as pa

    empty = arrow_schema(source.contract).empty_table()
    day, pending = first, [empty]
    for whole in batches:
        batch = whole
        while (inside := _rows_before(batch, source.instant, day + _ONE_DAY)) < len(batch):
            yield day, pa.concat_tables([*pending, batch.slice(0, inside)])
            batch = batch.slice(inside)
            day, pending = day + _ONE_DAY, [empty]
        pending.append(batch)
    while day <= last:
        yield day, pa.concat_tables(pending)
        day, pending = day + _ONE_DAY, [empty]


def _rows_before(batch: "pa.Table", instant: str, day: date) -> int:
    import pyarrow as pa

    start = (day - _EPOCH).days * _MICROSECONDS_PER_DAY
    instants = batch.column(instant).combine_chunks().cast(pa.int64()).to_numpy()
    return int(instants.searchsorted(start, side="left"))
