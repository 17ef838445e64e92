"""The usage report: every cut adds up, ends of the range, what models and provenance mean."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from helicarrier.errors import UsageError
from helicarrier.store.query import open_query
from helicarrier.usage.model import Block
from helicarrier.usage.report import UsageReport, usage_report
from helicarrier.usage.repository import SqlUsageRepository
from tests.ledger.stores import Ledger
from tests.usage.conftest import DAY, Usage, instant

NEXT = DAY + timedelta(days=1)

CLAUDE_FOLDERS = (
    "claude-code-oh-my-posh",
    "claude-code-overlapping-checkpoints",
    "claude-code-packmind",
)
MICRO = Decimal("0.000001")


def report_of(url: str, *, first: date | None = None, last: date | None = None) -> UsageReport:
    """The report on what the store holds now."""
    with open_query(url) as query:
        return usage_report(SqlUsageRepository(query), first=first, last=last)


def total(blocks: Iterable[Block]) -> Block:
    """Blocks added up."""
    return sum(blocks, Block())


def test_days_models_and_agents_add_up_to_the_totals(sqlite_usage: Usage) -> None:
    """Sessions included, whatever models and providers the calls of a session have."""
    sqlite_usage.session(
        "a", sqlite_usage.call(), sqlite_usage.call(model="glider"), at=instant(DAY, 23)
    )
    sqlite_usage.session("b", sqlite_usage.call(provider="rival", at=instant(NEXT)), agent="clerk")
    sqlite_usage.session("c", agent="clerk", model="unknown")
    report = report_of(sqlite_usage.ledger.url)
    assert report.totals.sessions == 3
    assert report.totals.calls == 3
    assert total(report.daily.values()) == report.totals
    assert total(model.block for model in report.models) == report.totals
    assert total(report.agents.values()) == report.totals


def test_sessions_of_a_model_go_to_the_provider_with_most_of_its_calls(
    sqlite_usage: Usage,
) -> None:
    """A session knows its model and not who served it."""
    calls = [sqlite_usage.call(provider=name) for name in ("acme", "rival", "rival")]
    sqlite_usage.session("a", *calls)
    models = report_of(sqlite_usage.ledger.url).models
    assert [(m.model_id, m.provider, m.block.calls, m.block.sessions) for m in models] == [
        ("rocket", "rival", 2, 1),
        ("rocket", "acme", 1, 0),
    ]


def test_session_without_calls_has_a_model_without_provider(sqlite_usage: Usage) -> None:
    """What no call names is not made up."""
    sqlite_usage.session("a", model="idle")
    (model,) = report_of(sqlite_usage.ledger.url).models
    assert (model.model_id, model.provider, model.block) == ("idle", None, Block(sessions=1))


def test_usage_older_than_provenance_stays_in_the_models(sqlite_usage: Usage) -> None:
    """A clean day that has no rows by provenance still adds up, under no provider."""
    sqlite_usage.session("a", sqlite_usage.call())
    sqlite_usage.refresh([DAY])
    with sqlite_usage.ledger.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM daily_provenance_agg")
    report = report_of(sqlite_usage.ledger.url)
    (model,) = report.models
    assert (model.provider, model.block) == (None, report.totals)
    assert report.totals.calls == 1


def test_models_come_dearest_first(sqlite_usage: Usage) -> None:
    """What costs most stands on top, then what has the most tokens."""
    sqlite_usage.session("a", sqlite_usage.call(model="cheap", cost="0.1"))
    sqlite_usage.session("b", sqlite_usage.call(model="dear", cost="9"))
    sqlite_usage.session("c", sqlite_usage.call(model="unpriced", cost=None, prompt=9))
    sqlite_usage.session("d", sqlite_usage.call(model="unpriced-large", cost=None, prompt=99))
    models = report_of(sqlite_usage.ledger.url).models
    assert [model.model_id for model in models] == ["dear", "cheap", "unpriced-large", "unpriced"]


def test_provenance_covers_the_calls_that_have_a_value(sqlite_usage: Usage) -> None:
    """Its own block leaves calls of unknown cost out; the cuts hold all calls."""
    sqlite_usage.session("a", sqlite_usage.call(), sqlite_usage.call(cost=None, model="mystery"))
    report = report_of(sqlite_usage.ledger.url)
    assert (report.cost.block.calls, report.token.block.calls) == (1, 2)
    assert {name: block.calls for name, block in report.cost.by_source.items()} == {
        "provider_reported": 1,
        "missing": 1,
    }
    assert {name: block.calls for name, block in report.cost.by_confidence.items()} == {
        "high": 1,
        "unknown": 1,
    }
    assert report.runtime.block == Block()


def test_pricing_versions_name_only_price_lists(sqlite_usage: Usage) -> None:
    """A call without a cost has no version, and the list is sorted."""
    sqlite_usage.session(
        "a",
        sqlite_usage.call(),
        sqlite_usage.call(cost=None, model="mystery"),
        sqlite_usage.call(cost=None, model="claude-opus-4-6", provider="anthropic"),
    )
    versions = report_of(sqlite_usage.ledger.url).pricing_versions
    assert len(versions) == 2
    assert versions == tuple(sorted(versions))
    assert versions[1] == "provider_native"


def test_empty_ledger_gives_nulls_and_zeros(sqlite_ledger: Ledger) -> None:
    """Nothing is nothing: no days, zero dollars with nine places."""
    answer = report_of(sqlite_ledger.url).as_json()
    zeros = Block().as_json()
    assert zeros["costUsd"] == "0.000000000"
    assert answer == {
        "from": None,
        "to": None,
        "totals": zeros,
        "daily": [],
        "models": [],
        "agents": [],
        "provenance": {
            kind: zeros | {"bySource": {}, "byConfidence": {}}
            for kind in ("token", "runtime", "cost")
        },
        "pricingVersions": [],
    }


def test_wire_form_of_one_call(sqlite_usage: Usage) -> None:
    """The names and the form of the JSON are fixed."""
    sqlite_usage.session("a", sqlite_usage.call())
    answer = report_of(sqlite_usage.ledger.url).as_json()
    block = {
        "sessions": 1,
        "calls": 1,
        "promptTokens": 100,
        "cacheReadTokens": 20,
        "cacheWriteTokens": 7,
        "completionTokens": 50,
        "reasoningTokens": 5,
        "totalTokens": 177,
        "costUsd": "0.250000000",
        "unknownCostCalls": 0,
    }
    no_runtime = {"bySource": {"missing": block}, "byConfidence": {"unknown": block}}
    reported = {"bySource": {"provider_reported": block}, "byConfidence": {"high": block}}
    assert answer == {
        "from": "2026-10-05",
        "to": "2026-10-05",
        "totals": block,
        "daily": [{"date": "2026-10-05"} | block],
        "models": [{"modelId": "rocket", "provider": "acme"} | block],
        "agents": [{"agentId": "scout"} | block],
        "provenance": {
            "token": block | reported,
            "runtime": Block().as_json() | no_runtime,
            "cost": block | reported,
        },
        "pricingVersions": ["provider_native"],
    }


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, (DAY, NEXT)),
        (NEXT, None, (NEXT, NEXT)),
        (None, DAY, (DAY, DAY)),
        (date(2030, 1, 1), None, (date(2030, 1, 1), date(2030, 1, 1))),
        (None, date(2020, 1, 1), (date(2020, 1, 1), date(2020, 1, 1))),
        (date(2020, 1, 1), date(2030, 1, 1), (date(2020, 1, 1), date(2030, 1, 1))),
    ],
    ids=["both", "to-the-end", "from-the-start", "after-all", "before-all", "named"],
)
def test_missing_ends_of_the_range_come_from_the_data(
    sqlite_usage: Usage, first: date | None, last: date | None, expected: tuple[date, date]
) -> None:
    """An end that is not named is that of the data, and never on the wrong side of the other."""
    sqlite_usage.session("a", sqlite_usage.call(), sqlite_usage.call(at=instant(NEXT)))
    report = report_of(sqlite_usage.ledger.url, first=first, last=last)
    assert (report.first, report.last) == expected


def test_range_that_runs_backwards_is_refused(sqlite_ledger: Ledger) -> None:
    """It is a mistake of the call and not an empty answer."""
    with pytest.raises(UsageError, match="starts on 2026-10-06 and ends on 2026-10-05"):
        report_of(sqlite_ledger.url, first=NEXT, last=DAY)


def _expected(realdata: Path, folder: str) -> dict[str, dict[str, object]]:
    """Day or `totals` -> what an independent count of the folder found."""
    counted = json.loads((realdata / "expected.json").read_text(encoding="utf-8"))[folder]
    return {day["date"]: day for day in counted["daily"]} | {"totals": counted["totals"]}


@pytest.mark.parametrize("folder", CLAUDE_FOLDERS)
def test_real_sessions_give_their_known_totals(
    sqlite_ledger: Ledger, realdata: Path, folder: str
) -> None:
    """Tokens exactly and dollars to six places, in total and day by day."""
    sqlite_ledger.read(realdata / folder)
    report = report_of(sqlite_ledger.url)
    found = {day.isoformat(): block for day, block in report.daily.items()}
    found["totals"] = report.totals
    expected = _expected(realdata, folder)
    assert found.keys() == expected.keys()
    for name, block in found.items():
        counted = expected[name]
        assert (
            block.prompt_tokens,
            block.cache_read_tokens,
            block.cache_write_tokens,
            block.completion_tokens,
        ) == (
            counted["inputTokens"],
            counted["cacheReadTokens"],
            counted["cacheCreationTokens"],
            counted["outputTokens"],
        ), name
        assert block.cost_usd.quantize(MICRO) == Decimal(str(counted["totalCost"])).quantize(MICRO)
    assert report.totals.total_tokens == expected["totals"]["totalTokens"]


def test_real_codex_sessions_have_unknown_and_not_zero_cost(
    sqlite_ledger: Ledger, realdata: Path
) -> None:
    """Calls of a model without a price are counted as unknown; tokens are exact."""
    sqlite_ledger.read(realdata / "codex-agentv")
    report = report_of(sqlite_ledger.url)
    counted = json.loads((realdata / "expected.json").read_text(encoding="utf-8"))["codex-agentv"]
    tokens = counted["totals"]
    assert (
        report.totals.prompt_tokens,
        report.totals.cache_read_tokens,
        report.totals.completion_tokens,
        report.totals.reasoning_tokens,
        report.totals.unknown_cost_calls,
    ) == (
        tokens["input_excluding_cached"],
        tokens["cached"],
        tokens["output_including_reasoning"],
        tokens["reasoning"],
        189,
    )
    known = {
        model.model_id: model.block.cost_usd.quantize(MICRO)
        for model in report.models
        if model.block.unknown_cost_calls < model.block.calls
    }
    assert known == {
        model: Decimal(str(cost)) for model, cost in counted["cost_usd_by_model"].items() if cost
    }
