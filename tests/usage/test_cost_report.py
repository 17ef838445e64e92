"""The cost report: dollars by source, confidence and price list, for each key and in total."""

from datetime import timedelta
from decimal import Decimal

import pytest

from helicarrier.store.query import open_query
from helicarrier.usage.cost_report import CostReport, cost_report
from helicarrier.usage.model import Dimension
from helicarrier.usage.report import usage_report
from helicarrier.usage.repository import SqlUsageRepository
from tests.ledger.stores import Ledger
from tests.usage.conftest import DAY, Usage, instant

NEXT = DAY + timedelta(days=1)


def cost_of(usage: Usage, by: Dimension = Dimension.DAY) -> CostReport:
    """The report on what the store holds now."""
    with open_query(usage.ledger.url) as query:
        return cost_report(SqlUsageRepository(query), by=by)


def fill(usage: Usage) -> None:
    """A reported, a derived and an unknown cost on the first day, a reported one on the next."""
    usage.session(
        "a",
        usage.call(),
        usage.call(cost=None, model="claude-opus-4-6", provider="anthropic", prompt=1_000_000),
        usage.call(cost=None, model="mystery"),
    )
    usage.session("b", usage.call(cost="40", at=instant(NEXT)), at=instant(NEXT), agent="clerk")


def test_reported_and_derived_dollars_are_kept_apart(sqlite_usage: Usage) -> None:
    """Each source has its own dollars, and calls without any are counted under `missing`."""
    fill(sqlite_usage)
    day = cost_of(sqlite_usage).rows[0]
    assert day.by_source["provider_reported"].cost_usd == Decimal("0.25")
    assert day.by_source["derived"].cost_usd > 1
    assert day.by_source["missing"].cost_usd == 0
    assert day.by_source["missing"].unknown_cost_calls == 1


@pytest.mark.parametrize("by", list(Dimension))
def test_rows_and_cuts_add_up_to_the_usage_report(sqlite_usage: Usage, by: Dimension) -> None:
    """The same dollars and calls as the usage report, whatever they are cut by."""
    fill(sqlite_usage)
    sqlite_usage.refresh([DAY])
    with open_query(sqlite_usage.ledger.url) as query:
        totals = usage_report(SqlUsageRepository(query)).totals
    report = cost_of(sqlite_usage, by)
    whole = report.totals.whole
    assert (whole.cost_usd, whole.calls) == (totals.cost_usd, totals.calls)
    assert sum(row.whole.cost_usd for row in report.rows) == totals.cost_usd
    for cut in ("by_source", "by_confidence", "by_pricing_version"):
        amounts = [amount for row in report.rows for amount in getattr(row, cut).values()]
        assert sum(amount.cost_usd for amount in amounts) == totals.cost_usd, cut


def test_days_ascend_and_agents_come_dearest_first(sqlite_usage: Usage) -> None:
    """A calendar reads forward, a bill from the top."""
    fill(sqlite_usage)
    days = cost_of(sqlite_usage, Dimension.DAY).rows
    agents = cost_of(sqlite_usage, Dimension.AGENT).rows
    assert [row.key for row in days] == [(DAY.isoformat(),), (NEXT.isoformat(),)]
    assert [row.key for row in agents] == [("clerk",), ("scout",)]


def test_wire_form_names_each_key(sqlite_usage: Usage) -> None:
    """A row carries its key under the name of what it stands for."""
    sqlite_usage.session("a", sqlite_usage.call())
    amount = {"calls": 1, "costUsd": "0.250000000", "unknownCostCalls": 0}
    cuts = {
        "bySource": {"provider_reported": amount},
        "byConfidence": {"high": amount},
        "byPricingVersion": {"provider_native": amount},
    }
    keys = {
        Dimension.DAY: {"date": "2026-10-05"},
        Dimension.MODEL: {"modelId": "rocket", "provider": "acme"},
        Dimension.AGENT: {"agentId": "scout"},
    }
    for by, key in keys.items():
        assert cost_of(sqlite_usage, by).as_json() == {
            "from": "2026-10-05",
            "to": "2026-10-05",
            "by": by.value,
            "totals": amount | cuts,
            "rows": [key | amount | cuts],
            "pricingVersions": ["provider_native"],
        }


def test_empty_ledger_costs_nothing(sqlite_ledger: Ledger) -> None:
    """No days, no rows, zero dollars."""
    with open_query(sqlite_ledger.url) as query:
        report = cost_report(SqlUsageRepository(query))
    assert (report.first, report.last, report.rows) == (None, None, ())
    assert report.totals.whole.cost_usd == 0
