"""Usage by filters: the same numbers however much is refreshed, and those of a plain count."""

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest

from helicarrier.store.query import open_query
from helicarrier.usage.analytics import (
    CLEAN,
    CLEAN_PROVENANCE,
    Analytics,
    UsageFilter,
    usage_analytics,
)
from helicarrier.usage.span import Span
from tests.usage.conftest import DAY, Usage, instant

NEXT = DAY + timedelta(days=1)
DAYS = Span(first=DAY, last=NEXT)
AGENTS, MODELS, TASKS = ("scout", "clerk"), ("rocket", "glider"), ("triage", "review")


@pytest.fixture
def filled(usage: Usage) -> Usage:
    """A session for each agent, model and task, with a call of its own and one of no price."""
    for number, (agent, model, task) in enumerate(itertools.product(AGENTS, MODELS, TASKS)):
        day = DAYS.first if number % 2 else DAYS.last
        usage.session(
            f"s-{number}",
            usage.call(at=instant(day), model=model, prompt=200 + number),
            usage.call(at=instant(NEXT), model="other", cost=None),
            at=instant(day, 11),
            agent=agent,
            model=model,
            category=task,
            runtime_ms=1000 * (number + 1),
        )
    return usage


def asked(usage: Usage, **wanted: str) -> Analytics:
    """The analytics of both days."""
    with open_query(usage.ledger.url) as query:
        return usage_analytics(query, DAYS, UsageFilter(**wanted))


CHOICES = [
    dict(zip(("agent_id", "model_id", "task_category"), chosen, strict=True))
    for chosen in itertools.product((None, "scout"), (None, "rocket", "other"), (None, "review"))
]


@pytest.mark.parametrize("refreshed", [(), (DAY,), (DAY, NEXT)], ids=str)
def test_numbers_are_those_of_a_plain_count(filled: Usage, refreshed: tuple[date, ...]) -> None:
    """For every combination of filters, from the ledger, the aggregates or both."""
    if refreshed:
        filled.refresh(refreshed)
    made = list(enumerate(itertools.product(AGENTS, MODELS, TASKS)))
    for wanted in CHOICES:
        given = {name: value for name, value in wanted.items() if value is not None}
        found = asked(filled, **given)
        sessions = [
            (number, model)
            for number, (agent, model, task) in made
            if wanted["agent_id"] in {None, agent} and wanted["task_category"] in {None, task}
        ]
        runs = [number for number, model in sessions if wanted["model_id"] in {None, model}]
        own = [number for number, model in sessions if wanted["model_id"] in {None, model}]
        strange = len(sessions) if wanted["model_id"] in {None, "other"} else 0
        assert found.totals.runs == len(runs)
        assert found.totals.runtime_ms == sum(1000 * (number + 1) for number in runs)
        assert found.totals.calls == len(own) + strange
        assert found.totals.unknown_cost_calls == strange
        assert found.totals.cost_usd == (Decimal("0.25") * len(own) if own else None)
        for sources in found.provenance.values():
            assert sum(sources.by_source.values()) == found.totals.calls
            assert sum(sources.by_confidence.values()) == found.totals.calls
        assert sum(day.tokens for day in found.daily.values()) == found.totals.tokens


def test_cost_is_unknown_and_not_nothing_where_no_call_has_one(filled: Usage) -> None:
    """Also in the days and under who says so."""
    found = asked(filled, model_id="other")
    assert found.totals.cost_usd is None
    assert found.daily[NEXT].cost_usd is None
    assert found.provenance["cost"].by_source == {"missing": 8}


def test_days_without_usage_are_not_there(filled: Usage) -> None:
    """Neither is anything where nothing matches."""
    assert list(asked(filled).daily) == [DAY, NEXT]
    nothing = asked(filled, agent_id="nobody")
    assert (nothing.daily, nothing.totals.runs, nothing.totals.cost_usd) == ({}, 0, None)


def test_answers_do_not_change_when_days_are_refreshed(filled: Usage) -> None:
    """Who says so included, for every combination of filters."""

    def answers() -> list[Analytics]:
        return [asked(filled, **{k: v for k, v in chosen.items() if v}) for chosen in CHOICES]

    live = answers()
    filled.refresh([DAY])
    assert answers() == live
    filled.refresh([DAY, NEXT])
    assert answers() == live


@pytest.mark.parametrize("wanted", [{}, {"agent_id": "scout"}, {"task_category": "review"}])
def test_a_clean_day_is_read_from_its_subtotals_alone(
    filled: Usage, wanted: dict[str, str]
) -> None:
    """However the filter is, nothing looks at the calls of a refreshed day."""
    filled.refresh([DAY, NEXT])
    before = asked(filled, **wanted)
    with filled.ledger.store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE session_usage"
            " SET total_tokens = total_tokens + 1, prompt_tokens = prompt_tokens + 1"
        )
        connection.exec_driver_sql("DELETE FROM daily_usage_agg")
        connection.exec_driver_sql("DELETE FROM daily_provenance_agg")
    assert asked(filled, **wanted) == before


@pytest.mark.parametrize("statement", [CLEAN, CLEAN_PROVENANCE])
def test_days_are_looked_up_and_not_scanned(filled: Usage, statement: str) -> None:
    """One step into the key for each day."""
    keys = {"agent_id": "scout", "model_id": "", "task_category": ""}
    with open_query(filled.ledger.url) as query:
        if query.dialect == "sqlite":
            rows = query.rows(f"EXPLAIN QUERY PLAN {statement}", DAYS.as_days() | keys)
            plan = "\n".join(str(row["detail"]) for row in rows)
            assert "SEARCH t USING PRIMARY KEY (bucket_date=? AND agent_id=? AND" in plan
            assert "SCAN t" not in plan
            assert "SCAN daily_subtotals_agg" not in plan
