"""The price history of calls: the first price is never lost, every later one says why.

A call gets a history when its price changes for the first time: then its first price is written as
row 0, and each new price as the next row. A call without a history has had one price only.
"""

from collections.abc import Collection
from enum import StrEnum

from helicarrier.ledger.sink import Sink

_KEEP_FIRST = (
    "INSERT INTO usage_cost_history"
    " (usage_id, seq, pricing_version, cost_usd, reason, run_id, computed_at)"
    " SELECT u.usage_id, 0, u.pricing_version, u.cost_usd, 'first price', u.run_id, u.computed_at"
    " FROM session_usage u WHERE u.usage_id IN {keys}"
    " AND NOT EXISTS (SELECT 1 FROM usage_cost_history h WHERE h.usage_id = u.usage_id)"
)
_APPEND = (
    "INSERT INTO usage_cost_history"
    " (usage_id, seq, pricing_version, cost_usd, reason, run_id, computed_at)"
    " SELECT u.usage_id,"
    " (SELECT MAX(h.seq) + 1 FROM usage_cost_history h WHERE h.usage_id = u.usage_id),"
    " u.pricing_version, u.cost_usd, {reason}, u.run_id, u.computed_at"
    " FROM session_usage u WHERE u.usage_id IN {keys}"
)


class Reason(StrEnum):
    """Why a call was priced again."""

    FULLER_COPY = "a fuller copy of the call was imported"
    REVISION = "a higher revision of the session was accepted"
    PRICE_UPDATE = "the price list was updated"


def keep_first(sink: Sink, usage_ids: Collection[str]) -> None:
    """Before prices change: write the first price of calls that have no history yet."""
    if usage_ids:
        sink.execute(_KEEP_FIRST, usage_ids)


def append(sink: Sink, usage_ids: Collection[str], *, reason: Reason) -> None:
    """After prices changed: write the new ones."""
    if usage_ids:
        sink.execute(_APPEND.replace("{reason}", f"'{reason}'"), usage_ids)
