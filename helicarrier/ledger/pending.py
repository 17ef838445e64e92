"""Pending: what one transaction of the writer has found to write, and the days that it hits.

What takes envelopes in and what takes logs in both fill it; then it is written in one order, the
sessions first, for the foreign keys. What a stored call or session gives up is taken off the
running totals where it is found, what is written is added when it is written.
"""

from dataclasses import dataclass, field

from helicarrier.cost.governed import Pricer
from helicarrier.ledger import history, ownership, rows, session_costs
from helicarrier.ledger.enums import UNKNOWN_MODEL
from helicarrier.ledger.model import Session
from helicarrier.ledger.outcomes import Tally
from helicarrier.ledger.session_costs import KNOWN_COST
from helicarrier.ledger.sink import Row, Scalar, Sink
from helicarrier.ledger.tables import (
    call_copies,
    session_events,
    session_ledger,
    session_tellings,
    session_usage,
)
from helicarrier.ledger.totals import DayTotals

_SET_OWNER = "UPDATE session_usage SET session_id = ?, run_id = ? WHERE usage_id = ?"
_SET_MODEL = (
    f"UPDATE session_ledger SET known_cost_usd = ({KNOWN_COST}), model_id ="  # noqa: S608 - constants
    " COALESCE((SELECT u.model_id FROM session_usage u"
    " WHERE u.session_id = session_ledger.session_id GROUP BY u.model_id"
    f" ORDER BY SUM(u.total_tokens) DESC, u.model_id LIMIT 1), '{UNKNOWN_MODEL}')"
    " WHERE session_id IN {keys}"
)


@dataclass(slots=True, kw_only=True)
class Pending:
    """Rows to write and what hangs on them; `run_id` and `now` (canonical UTC text) go into each.

    `session_rows` are sessions that are new or changed, `moved` those whose start moved, `shared`
    calls with every session that holds them, `moves` calls that go to another session.
    """

    sink: Sink
    pricer: Pricer
    run_id: str
    now: str
    tally: Tally = field(default_factory=Tally)
    totals: DayTotals = field(default_factory=DayTotals)
    call_times: set[str] = field(default_factory=set)
    session_times: set[str] = field(default_factory=set)
    session_rows: dict[str, Session] = field(default_factory=dict)
    new_sessions: set[str] = field(default_factory=set)
    new_calls: list[Row] = field(default_factory=list)
    changed_calls: list[Row] = field(default_factory=list)
    new_events: list[Row] = field(default_factory=list)
    changed_events: list[Row] = field(default_factory=list)
    remodel: set[str] = field(default_factory=set)
    tellings: list[Row] = field(default_factory=list)
    shared: dict[str, set[str]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    repriced: list[str] = field(default_factory=list)
    moves: list[Row] = field(default_factory=list)

    def take_off(self, occurred_at: Scalar, total_tokens: Scalar, cost: Scalar) -> None:
        """A stored call goes; its day becomes dirty."""
        self.call_times.add(str(occurred_at))
        nanos = None if cost is None else int(cost)
        self.totals.call(str(occurred_at), int(total_tokens or 0), nanos, -1)

    def touch(self, session_id: str, started_at: str, occurred_at: str) -> None:
        """A call of the session comes, goes or moves: its model is counted anew, its days too."""
        self.remodel.add(session_id)
        self.session_times.add(started_at)
        self.call_times.add(occurred_at)

    def flush(self) -> None:
        """Write the rows: sessions first, for the foreign keys."""
        sink, now, run_id = self.sink, self.now, self.run_id
        self.totals.calls(self.new_calls)
        self.totals.calls(self.changed_calls)
        costs = rows.known_costs(self.new_calls) if self.new_sessions else {}
        changed_sessions = self.session_rows.keys() - self.new_sessions
        for write, sessions in (
            (sink.insert, self.session_rows.keys() & self.new_sessions),
            (sink.upsert, changed_sessions),
        ):
            found = [self.session_rows[session_id] for session_id in sorted(sessions)]
            write(
                session_ledger,
                [
                    rows.session_row(s, known_cost=costs.get(s.session_id), now=now, run_id=run_id)
                    for s in found
                ],
            )
        sink.insert(session_usage, self.new_calls)
        changed = [str(row[0]) for row in self.changed_calls]
        history.keep_first(sink, changed)
        sink.upsert(session_usage, self.changed_calls)
        history.append(sink, changed, reason=history.Reason.FULLER_COPY)
        history.append(sink, self.repriced, reason=history.Reason.REVISION)
        sink.execute_each(_SET_OWNER, self.moves)
        sink.upsert(session_tellings, self.tellings)
        sink.insert(call_copies, ownership.new_copies(sink, self.shared, run_id))
        self._settle_owners()
        sink.insert(session_events, self.new_events)
        sink.upsert(session_events, self.changed_events)
        if self.remodel:
            sink.execute(_SET_MODEL, sorted(self.remodel))
        if recost := changed_sessions - self.remodel:
            session_costs.keep(sink, recost)

    def _settle_owners(self) -> None:
        """A session whose start moved may win calls from others that hold them, or lose them."""
        found = ownership.moves(self.sink, self.moved)
        for move in found:
            for holder in (move.before, move.after):
                self.touch(holder.session_id, holder.started_at, move.occurred_at)
        moves: list[Row] = [(m.after.session_id, self.run_id, m.usage_id) for m in found]
        self.sink.execute_each(_SET_OWNER, moves)
        self.tally.calls_changed += len(found)
