"""The known cost of each session, kept beside it, so that a list by cost is a walk along an index.

It is the sum of the costs of its calls, NULL while none is known, and belongs to the transaction of
whoever changes a call: what is new is added up before it is written, what changes is added up from
the rows again. Parity compares it with the calls, session by session.
"""

from collections.abc import Iterable

from helicarrier.ledger.sink import Sink

KNOWN_COST = (
    "SELECT SUM(c.cost_usd) FROM session_usage c WHERE c.session_id = session_ledger.session_id"
)
"""The value that a row of `session_ledger` has to keep, as a subquery of it."""

_SET = (
    f"UPDATE session_ledger SET known_cost_usd = ({KNOWN_COST})"  # noqa: S608 - a constant
    " WHERE session_id IN {keys}"
)


def keep(sink: Sink, session_ids: Iterable[str]) -> None:
    """Add the calls of these sessions up again."""
    sink.execute(_SET, sorted(session_ids))
