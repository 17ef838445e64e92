"""A billed session costs what was billed, to the nano-dollar, however its calls are told."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.ingest.billed import share_bill
from helicarrier.ingest.envelope import accept
from helicarrier.ledger.model import Batch, Call, Winner
from helicarrier.ledger.tables import session_usage
from tests.ingest import logs
from tests.ledger.stores import Ledger

NANO = Decimal("1e-9")


def _call(tokens: int, cost: Decimal | None = None) -> Call:
    return Call(
        usage_id=f"u{tokens}",
        session_id="s",
        line=1,
        seq=1,
        occurred_at=logs.at(1),
        provider="p",
        model_id="m",
        prompt=tokens,
        reported_cost=cost,
    )


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=6),
    st.decimals("0.000000001", 100, places=9),
)
def test_the_shares_add_up_to_the_bill(tokens: list[int], billed: Decimal) -> None:
    """And no call with more tokens pays less, but for the last nano-dollar."""
    calls = share_bill([_call(count) for count in tokens], billed)
    costs = [call.reported_cost or Decimal(0) for call in calls]
    assert sum(costs) == billed
    assert min(costs) >= 0
    pairs = sorted(zip(tokens, costs, strict=True))
    for (_, less), (_, more) in pairwise(pairs):
        assert more >= less - NANO


@pytest.mark.parametrize(
    ("own", "billed", "expected"),
    [
        ([None, "0.4"], "1", ["0.6", "0.4"]),
        (["0.7", "0.4"], "1", ["0.7", "0.4"]),
        ([None, "1.5"], "1", ["0", "1.5"]),
        ([None, None], "0", [None, None]),
        ([None, None], None, [None, None]),
    ],
    ids=["rest", "all known", "more than billed", "billed nothing", "no bill"],
)
def test_a_call_with_its_own_cost_keeps_it(
    own: list[str | None], billed: str | None, expected: list[str | None]
) -> None:
    """The others share what is left; a bill of nothing says nothing."""
    calls = share_bill(
        [_call(5, None if cost is None else Decimal(cost)) for cost in own],
        None if billed is None else Decimal(billed),
    )
    costs = [call.reported_cost for call in calls]
    assert costs == [None if cost is None else Decimal(cost) for cost in expected]


def test_a_billed_session_is_not_priced_on_top_of_its_bill(ledger: Ledger) -> None:
    """Though a price list knows the model: the shares are derived from the bill, and say so."""
    calls = [logs.call("a"), logs.call("b"), logs.call("c", costUsd=0.75)]
    for call in calls[:2]:
        call["modelId"] = "claude-sonnet-4-5"
    body = logs.line(logs.v2(logs.run(billedCostUsd=1), calls=calls))
    envelope = accept(body, uri="/a.jsonl", line=1)
    ledger.write(Batch(source_uri="/a.jsonl", winner=Winner.FIRST, envelopes=[envelope]))
    rows = ledger.rows(session_usage)
    assert sum(Decimal(str(row["cost_usd"])) for row in rows) == 1
    assert [
        (row["pricing_version"], row["cost_source"], row["cost_confidence"]) for row in rows
    ] == [
        ("session_bill", "derived", "medium"),
        ("session_bill", "derived", "medium"),
        ("provider_native", "provider_reported", "high"),
    ]
