"""Running totals: what was written to the ledger, day by day, kept by those who write.

Every writer adds what it does to the rows, and takes off what it replaces, in the transaction of
the rows. The sums of the rows must therefore equal them at any time: rows that were lost, changed
or added past the writers are found by comparing two sums, without a look at any import's report.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from helicarrier import times
from helicarrier.ledger.sink import Row, sink_of
from helicarrier.ledger.tables import SESSION_USAGE, ledger_totals

_AT, _TOKENS, _COST = map(
    SESSION_USAGE.column_names.index, ("occurred_at", "total_tokens", "cost_usd")
)
_SESSIONS, _CALLS, _TOTAL, _NANOS, _UNKNOWN = range(5)
_NAMES = ("sessions", "calls", "total_tokens", "cost_usd", "cost_unknown_calls")


class DayTotals:
    """What one transaction adds to the totals of days."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._days: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])

    def session(self, started_at: str, count: int = 1) -> None:
        """A session that came (-1: went) on the day of its start, canonical text."""
        self._days[started_at[:10]][_SESSIONS] += count

    def call(
        self, occurred_at: str, total_tokens: int, cost_nanos: int | None, count: int = 1
    ) -> None:
        """A call that came (-1: went), with its tokens and its cost in nano-dollars."""
        day = self._days[occurred_at[:10]]
        day[_CALLS] += count
        day[_TOTAL] += count * total_tokens
        if cost_nanos is None:
            day[_UNKNOWN] += count
        else:
            day[_NANOS] += count * cost_nanos

    def calls(self, rows: Iterable[Row]) -> None:
        """Rows of `session_usage` that came."""
        for row in rows:
            self.call(row[_AT], row[_TOKENS], row[_COST])  # type: ignore[arg-type]

    def save(self, connection: Connection, *, run_id: str, now: datetime) -> None:
        """Add all of it to the stored totals, days in order."""
        at = times.utc_text(now)
        rows: list[Row] = [
            (day, *amounts, at, run_id)
            for day, amounts in sorted(self._days.items())
            if any(amounts)
        ]
        sink_of(connection).add(ledger_totals, rows, _NAMES)
