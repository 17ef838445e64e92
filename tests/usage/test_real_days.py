"""Real sessions through import, facts and aggregates: day by day what others counted."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from helicarrier.ledger.enums import Dataset
from helicarrier.usage.parity import parity
from helicarrier.usage.tables import daily_usage_agg
from tests.usage.conftest import Usage

_TOKENS = ("inputTokens", "cacheCreationTokens", "cacheReadTokens", "outputTokens")


@pytest.mark.parametrize(
    "folder",
    ["claude-code-oh-my-posh", "claude-code-overlapping-checkpoints", "claude-code-packmind"],
)
def test_aggregates_equal_the_counted_days(
    sqlite_usage: Usage, realdata: Path, folder: str
) -> None:
    """Tokens exactly, cost to the sixth decimal, all stores in parity, nothing left dirty."""
    usage = sqlite_usage
    usage.ledger.read(realdata / folder)
    marked = {dataset: list(usage.refresher.dirty(dataset)) for dataset in Dataset}
    usage.refresh(sorted(set().union(*marked.values())))
    assert [usage.refresher.dirty(dataset) for dataset in Dataset] == [{}] * len(Dataset)
    assert parity(usage.ledger.store, usage.lake, marked[Dataset.DAILY_USAGE_AGG]) == []
    table = daily_usage_agg.c
    query = select(
        table.bucket_date, func.sum(table.total_tokens_total), func.sum(table.cost_usd_total)
    )
    with usage.ledger.store.read() as connection:
        found = {
            day.isoformat(): (tokens, round(cost, 6))
            for day, tokens, cost in connection.execute(query.group_by(table.bucket_date))
            if tokens
        }
    counted = json.loads((realdata / "expected.json").read_text(encoding="utf-8"))[folder]
    assert found == {
        day["date"]: (sum(day[name] for name in _TOKENS), round(Decimal(str(day["totalCost"])), 6))
        for day in counted["daily"]
    }
