"""Which session owns a call that several sessions hold: the first to start, then the smaller id.

A file may show later that a session started earlier than was known, and need not hold the call
itself. So the ledger remembers which sessions hold a shared call (few do), and settles its owner
again whenever the start of one of them moves. The outcome is that of knowing everything at once.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from helicarrier.ledger.sink import Row, Sink

_KNOWN = "SELECT usage_id, session_id FROM call_copies WHERE usage_id IN {keys}"
_HOLDERS = (
    "SELECT c.usage_id, s.started_at, c.session_id, u.session_id, u.occurred_at"
    " FROM call_copies c JOIN session_ledger s ON s.session_id = c.session_id"
    " JOIN session_usage u ON u.usage_id = c.usage_id"
    " WHERE c.usage_id IN (SELECT usage_id FROM call_copies WHERE session_id IN {keys})"
)


class Holder(NamedTuple):
    """A session that holds a call. Holders sort in the order of their right to it."""

    started_at: str
    session_id: str


class Move(NamedTuple):
    """A call that goes from one session to another."""

    usage_id: str
    occurred_at: str
    before: Holder
    after: Holder


def new_copies(sink: Sink, shared: Mapping[str, Collection[str]], run_id: str) -> list[Row]:
    """Rows of `call_copies` that are not stored yet, of calls and the sessions that hold them."""
    if not shared:
        return []
    known = set(sink.lookup(_KNOWN, shared))
    return [
        (usage_id, session_id, run_id)
        for usage_id, holders in shared.items()
        for session_id in sorted(holders)
        if (usage_id, session_id) not in known
    ]


def moves(sink: Sink, session_ids: Collection[str]) -> list[Move]:
    """The calls that have the wrong owner since the starts of these sessions moved.

    Rows of sessions, calls and copies have to be written before.
    """
    if not session_ids:
        return []
    holders: dict[str, list[Holder]] = {}
    owners: dict[str, tuple[str, str]] = {}
    for usage_id, started_at, session_id, owner, occurred_at in sink.lookup(
        _HOLDERS, sorted(session_ids)
    ):
        holders.setdefault(str(usage_id), []).append(Holder(str(started_at), str(session_id)))
        owners[str(usage_id)] = str(owner), str(occurred_at)
    found = []
    for usage_id, (owner, occurred_at) in owners.items():
        first = min(holders[usage_id])
        if first.session_id != owner:
            before = next((h for h in holders[usage_id] if h.session_id == owner), first)
            found.append(Move(usage_id, occurred_at, before, first))
    return found
