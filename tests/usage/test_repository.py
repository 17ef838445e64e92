"""The repositories of the reports, on both engines, against numbers added up by hand."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from helicarrier.ledger.enums import SessionStatus
from helicarrier.store.query import open_query
from helicarrier.usage import queries
from helicarrier.usage.model import Block, Dimension, Outcome
from helicarrier.usage.performance_report import measure
from helicarrier.usage.span import Span
from tests.usage.conftest import DAY, Usage, instant
from tests.usage.reports import measuring, reading

NEXT = DAY + timedelta(days=1)
DAYS = Span(first=DAY, last=NEXT)
MONTH = Span(first=DAY - timedelta(days=29), last=DAY)

CALL = Block(
    calls=1,
    prompt_tokens=100,
    cache_read_tokens=20,
    cache_write_tokens=7,
    completion_tokens=50,
    reasoning_tokens=5,
    total_tokens=177,
    cost_usd=Decimal("0.25"),
)
"""A call of the fixture."""


def fill(usage: Usage) -> None:
    """Two days, two agents, two models, a call after midnight and one of unknown cost."""
    usage.session("a", usage.call(), usage.call(at=instant(NEXT, 1)), at=instant(DAY, 23))
    usage.session("b", usage.call(model="glider", cost=None), agent="clerk", model="glider")
    usage.session("c", usage.call(at=instant(NEXT), cost="1.5"), at=instant(NEXT), agent="clerk")


def alter(usage: Usage, statement: str) -> None:
    """Write behind the back of the ledger's writer."""
    with usage.ledger.store.write() as connection:
        connection.exec_driver_sql(statement)


def answers(usage: Usage) -> list[object]:
    """Everything that the usage repository says of the two days, in an order of its own."""
    with reading(usage) as repository:
        found = repository.usage(DAYS)
        return [
            repository.span(),
            sorted(found.daily.items()),
            sorted(found.by_agent_and_model.items()),
            sorted(repository.origins(DAYS), key=repr),
            repository.daily_models(DAYS),
            *(sorted(repository.costs(DAYS, by), key=repr) for by in Dimension),
        ]


def test_empty_ledger_has_no_span(usage: Usage) -> None:
    """Without calls and sessions there is no first day."""
    with reading(usage) as repository:
        assert repository.span() is None


def test_span_reaches_from_the_first_session_to_the_last_call(usage: Usage) -> None:
    """A session's start and a call after midnight both make a day with data."""
    usage.session("a", usage.call(at=instant(NEXT, 1)), at=instant(DAY, 23))
    with reading(usage) as repository:
        assert repository.span() == DAYS


def test_calls_count_on_their_own_day_and_sessions_on_the_day_they_started(usage: Usage) -> None:
    """A session that runs past midnight is one session, and its calls lie on two days."""
    usage.session("a", usage.call(), usage.call(at=instant(NEXT, 1)), at=instant(DAY, 23))
    with reading(usage) as repository:
        daily = repository.usage(DAYS).daily
    assert daily == {DAY: CALL + Block(sessions=1), NEXT: CALL}


def test_first_and_last_microsecond_of_a_day_belong_to_it(usage: Usage) -> None:
    """A day ends where the next begins, also where it is read from the ledger."""
    usage.session(
        "a",
        usage.call(at=f"{DAY}T00:00:00.000000Z"),
        usage.call(at=f"{DAY}T23:59:59.999999Z"),
        usage.call(at=f"{NEXT}T00:00:00.000000Z"),
        at=f"{DAY}T00:00:00.000000Z",
    )
    with reading(usage) as repository:
        daily = repository.usage(DAYS).daily
    assert [block.calls for block in daily.values()] == [2, 1]


def test_unknown_cost_is_counted_and_adds_no_dollars(usage: Usage) -> None:
    """A call without a price is in the calls and in the unknown ones, not in the cost."""
    usage.session("a", usage.call(), usage.call(cost=None, model="nobody-knows"))
    with reading(usage) as repository:
        block = repository.usage(DAYS).daily[DAY]
    assert (block.calls, block.cost_usd, block.unknown_cost_calls) == (2, Decimal("0.25"), 1)


@pytest.mark.parametrize("refreshed", [(), (DAY,), (NEXT,), (DAY, NEXT)], ids=str)
def test_answers_are_the_same_however_much_is_refreshed(
    usage: Usage, refreshed: tuple[date, ...]
) -> None:
    """From the ledger, from the aggregates or from both: every number is the same."""
    fill(usage)
    before = answers(usage)
    if refreshed:
        usage.refresh(refreshed)
    assert answers(usage) == before


def test_clean_day_is_read_from_the_aggregates_alone(usage: Usage) -> None:
    """What only the aggregates say is what the answer says, once and not beside the ledger."""
    fill(usage)
    usage.refresh([DAY, NEXT])
    alter(usage, "UPDATE daily_usage_agg SET calls_total = 1000 WHERE bucket_date = '2026-10-06'")
    with reading(usage) as repository:
        daily = repository.usage(DAYS).daily
    assert [block.calls for block in daily.values()] == [2, 2000]


def test_dirty_day_is_read_from_the_ledger_alone(usage: Usage) -> None:
    """Aggregates of a dirty day say nothing any more, whatever they hold."""
    fill(usage)
    usage.refresh([DAY, NEXT])
    usage.session("late", usage.call(at=instant(NEXT)), at=instant(NEXT))
    alter(usage, "UPDATE daily_usage_agg SET calls_total = 1000 WHERE bucket_date = '2026-10-06'")
    alter(usage, "UPDATE daily_provenance_agg SET calls_total = 1000")
    with reading(usage) as repository:
        daily = repository.usage(DAYS).daily
        calls = sum(origin.block.calls for origin in repository.origins(DAYS))
        dirty = repository.dirty_days(DAYS)
    assert ([block.calls for block in daily.values()], dirty) == ([2, 3], 1)
    assert calls == 2000 + 3


def test_aggregate_of_a_dirty_day_whose_rows_are_gone_is_not_in_the_span(usage: Usage) -> None:
    """A stale row of the aggregates does not stretch the range of days with data."""
    fill(usage)
    usage.refresh([DAY, NEXT])
    alter(usage, "UPDATE daily_usage_agg SET bucket_date = '2026-09-01' WHERE model_id = 'glider'")
    with reading(usage) as repository:
        assert repository.span() == Span(first=date(2026, 9, 1), last=NEXT)
    alter(
        usage,
        "INSERT INTO dirty_days (dataset, bucket_date, generation, marked_at, run_id) "
        "VALUES ('daily_usage_agg', '2026-09-01', 1, '2026-11-01T00:00:00.000000Z', 'run')",
    )
    with reading(usage) as repository:
        assert repository.span() == DAYS


def test_only_the_days_of_the_range_count(usage: Usage) -> None:
    """Days before and after the range are in none of the answers."""
    fill(usage)
    alone = Span(first=NEXT, last=NEXT)
    with reading(usage) as repository:
        assert list(repository.usage(alone).daily) == [NEXT]
        assert sum(origin.block.calls for origin in repository.origins(alone)) == 2
        assert {point.day for point in repository.daily_models(alone)} == {NEXT}
        for by in Dimension:
            assert sum(share.calls for share in repository.costs(alone, by)) == 2


def test_agents_and_models_are_those_of_the_call_and_of_the_session(usage: Usage) -> None:
    """Calls count under their model, the session under its primary one, both under its agent."""
    usage.session("a", usage.call(), usage.call(), usage.call(model="glider"))
    with reading(usage) as repository:
        pairs = repository.usage(DAYS).by_agent_and_model
    assert pairs == {
        ("scout", "glider"): CALL,
        ("scout", "rocket"): CALL + CALL + Block(sessions=1),
    }


def test_sessions_of_an_origin_count_once_a_day(usage: Usage) -> None:
    """Two calls of one session and provenance are one session on a day, and one on the next."""
    usage.session("a", usage.call(), usage.call(), usage.call(at=instant(NEXT, 1)))
    with reading(usage) as repository:
        (origin,) = repository.origins(DAYS)
    assert (origin.block.sessions, origin.block.calls) == (2, 3)
    assert (origin.provider, origin.cost_source) == ("acme", "provider_reported")


def test_daily_models_come_by_day_and_model(usage: Usage) -> None:
    """The points of the plots are in order and only where there were calls."""
    fill(usage)
    with reading(usage) as repository:
        points = repository.daily_models(DAYS)
    assert [(point.day, point.model_id, point.calls) for point in points] == [
        (DAY, "glider", 1),
        (DAY, "rocket", 1),
        (NEXT, "rocket", 2),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (Dimension.DAY, {("2026-10-05",): "0.25", ("2026-10-06",): "1.75"}),
        (Dimension.MODEL, {("rocket", "acme"): "2.00", ("glider", "acme"): "0"}),
        (Dimension.AGENT, {("scout",): "0.50", ("clerk",): "1.50"}),
    ],
)
def test_costs_fall_to_each_key(
    usage: Usage, by: Dimension, expected: dict[tuple[str, ...], str]
) -> None:
    """The dollars of each day, model and agent are those of its calls."""
    fill(usage)
    with reading(usage) as repository:
        found: dict[tuple[str, ...], Decimal] = {}
        for share in repository.costs(DAYS, by):
            found[share.key] = found.get(share.key, Decimal(0)) + share.cost_usd
    assert found == {key: Decimal(cost) for key, cost in expected.items()}


def test_cost_keeps_nine_places(usage: Usage) -> None:
    """A nano-dollar is not lost on either engine, from the ledger or from the aggregates."""
    usage.session("a", usage.call(cost="0.000000001"), usage.call(cost="123456.000000002"))
    with reading(usage) as repository:
        live = repository.usage(DAYS).daily[DAY].cost_usd
    usage.refresh([DAY])
    with reading(usage) as repository:
        clean = repository.usage(DAYS).daily[DAY].cost_usd
    assert str(live) == str(clean) == "123456.000000003"


def test_performance_span_is_that_of_the_sessions(usage: Usage) -> None:
    """Calls after midnight do not make a day on which a session started."""
    usage.session("a", usage.call(at=instant(NEXT, 1)))
    with measuring(usage) as repository:
        assert repository.span() == Span(first=DAY, last=DAY)


def test_window_that_was_never_measured_is_none(usage: Usage) -> None:
    """Nothing is served where nothing was computed."""
    usage.session("a", usage.call())
    with measuring(usage) as repository:
        assert repository.window(MONTH, Dimension.MODEL) is None


def test_window_is_none_once_a_session_came(usage: Usage) -> None:
    """A measured window is served until a session falls into it, and never when it is old."""
    usage.session("a", usage.call())
    usage.refresh([DAY])
    with measuring(usage) as repository:
        assert repository.window(MONTH, Dimension.MODEL) is not None
    usage.session("b", usage.call(), at=instant(DAY - timedelta(days=20)))
    with measuring(usage) as repository:
        assert repository.window(MONTH, Dimension.MODEL) is None


def test_measured_windows_equal_what_the_sessions_give(usage: Usage) -> None:
    """Windows measured beforehand and sessions measured now agree to the last digit."""
    statuses = list(SessionStatus)
    for n in range(14):
        usage.session(
            f"s{n}",
            usage.call(cost=f"0.{n + 1:02}", at=instant(DAY - timedelta(days=n % 3))),
            *([usage.call(cost=None, model="nobody-knows")] if n == 5 else []),
            at=instant(DAY - timedelta(days=n % 3)),
            runtime_ms=None if n == 7 else 1000 * (n * 7 % 13),
            status=statuses[n % len(statuses)],
            agent=f"agent-{n % 2}",
            model=f"model-{n % 3}",
        )
    usage.refresh([DAY - timedelta(days=n) for n in range(3)])
    with measuring(usage) as repository:
        outcomes = repository.outcomes(MONTH)
        by_model = repository.window(MONTH, Dimension.MODEL)
        by_agent = repository.window(MONTH, Dimension.AGENT)
        days = repository.days(Span(first=DAY - timedelta(days=2), last=DAY))
    daily = [row for rows in days.values() for row in rows]
    assert by_model is not None
    assert by_agent is not None
    assert sorted(by_model, key=repr) == sorted(measure(outcomes, lambda _: ()), key=repr)
    assert sorted(by_agent, key=repr) == sorted(
        measure(outcomes, lambda outcome: (outcome.agent_id,)), key=repr
    )
    assert sorted(daily, key=repr) == sorted(
        measure(outcomes, lambda outcome: (outcome.day.isoformat(),)), key=repr
    )


def test_days_hold_only_those_that_are_current(usage: Usage) -> None:
    """A day into which a session came since it was measured is left to be measured anew."""
    usage.session("a", usage.call())
    usage.session("b", usage.call(at=instant(NEXT)), at=instant(NEXT))
    usage.refresh([DAY, NEXT])
    usage.session("c", usage.call(at=instant(NEXT)), at=instant(NEXT))
    with measuring(usage) as repository:
        assert list(repository.days(DAYS)) == [DAY]


def test_outcome_has_no_cost_while_a_call_has_none(usage: Usage) -> None:
    """A session costs what all its calls cost, or nobody knows."""
    usage.session("known", usage.call(), usage.call())
    usage.session("unknown", usage.call(), usage.call(cost=None, model="nobody-knows"))
    usage.session("silent")
    with measuring(usage) as repository:
        costs = sorted(repository.outcomes(MONTH), key=lambda outcome: str(outcome.cost_usd))
    assert [outcome.cost_usd for outcome in costs] == [Decimal("0.5"), None, None]


def test_outcome_tells_how_the_session_went(usage: Usage) -> None:
    """Day, agent, model, status and wall clock are those of the session."""
    usage.session("a", status=SessionStatus.KILLED, runtime_ms=1234, agent="clerk", model="glider")
    with measuring(usage) as repository:
        assert repository.outcomes(MONTH) == [
            Outcome(
                day=DAY,
                agent_id="clerk",
                model_id="glider",
                status="killed",
                runtime_ms=1234,
                cost_usd=None,
            )
        ]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (queries.DIRTY_DAYS["sqlite"] + queries.LEDGER_CALLS, "ix_session_usage_occurred_at"),
        (queries.WHOLE_RANGE["sqlite"] + queries.LEDGER_CALLS, "ix_session_usage_occurred_at"),
        (queries.DIRTY_DAYS["sqlite"] + queries.LEDGER_SESSIONS, "ix_session_ledger_started_at"),
        (queries.SESSIONS, "ix_session_ledger_started_at"),
        (queries.SESSIONS, "ix_session_usage_session_id_seq"),
        (queries.CLEAN_DAYS, "SEARCH daily_usage_agg USING PRIMARY KEY"),
        (queries.CLEAN_ORIGINS, "SEARCH daily_provenance_agg USING PRIMARY KEY"),
        (queries.WINDOW_OF_MODELS, "SEARCH model_perf_agg USING PRIMARY KEY"),
        (queries.SPAN, "ix_session_usage_occurred_at"),
    ],
    ids=[
        "dirty-calls",
        "all-calls",
        "dirty-sessions",
        "sessions",
        "calls-of-sessions",
        "clean-days",
        "clean-origins",
        "window",
        "span",
    ],
)
def test_queries_reach_their_rows_by_an_index(
    sqlite_usage: Usage, statement: str, index: str
) -> None:
    """What a report reads depends on the days asked for, not on the size of the ledger."""
    params = {"first": "2026-10-05", "last": "2026-10-06", "start": "2026", "after": "2027"}
    with open_query(sqlite_usage.ledger.url) as query:
        plan = [str(row["detail"]) for row in query.rows(f"EXPLAIN QUERY PLAN {statement}", params)]
    assert any(index in step for step in plan)
    assert not any(re.fullmatch(r"SCAN (u|s|session_\w+)", step) for step in plan)
