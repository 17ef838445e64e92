"""A session's billed total beside its calls: the provider's word is the sum, and counts once.

Calls that carry their own cost keep it. What the bill leaves is shared over the calls without one,
by their tokens, so that the session costs exactly what was billed; deriving those calls from a
price list would count them on top of it. A share is not what the provider said of that call: it
is `derived`, under the pricing version of this module, and no re-pricing touches it. A bill of 0
says nothing, as a recorded 0 never does, and calls that all carry a cost are their own bill.
"""

from decimal import Decimal

from msgspec.structs import replace

from helicarrier.governance.enums import SESSION_BILL
from helicarrier.ledger.model import Call
from helicarrier.money import from_nanos, to_nanos


def share_bill(calls: list[Call], billed: Decimal | None) -> list[Call]:
    """Calls of one session, those without a cost with their share of `billed` dollars."""
    if not billed:
        return calls
    open_calls = [call for call in calls if call.reported_cost is None]
    own = sum((call.reported_cost for call in calls if call.reported_cost is not None), Decimal(0))
    shares = iter(_shares(max(0, to_nanos(billed - own)), [call.total for call in open_calls]))
    return [
        replace(call, reported_cost=from_nanos(next(shares)), reported_by=SESSION_BILL)
        if call.reported_cost is None
        else call
        for call in calls
    ]


def _shares(whole: int, weights: list[int]) -> list[int]:
    """Whole parts in proportion to the weights that add up to the whole exactly.

    Each part is the difference of two rounded running sums, so no remainder is left over.
    """
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    parts: list[int] = []
    seen = given = 0
    for weight in weights:
        seen += weight
        upto = whole * seen // total
        parts.append(upto - given)
        given = upto
    return parts
