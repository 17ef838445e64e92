"""What a rule measures in its window, on both engines, and by which index."""

from typing import Any

import pytest
from sqlalchemy import text

from helicarrier.alerts.enums import AlertMetric, AlertScope, AlertWindow
from helicarrier.alerts.machine import Evaluation
from helicarrier.alerts.measure import NOTHING, measure, query_of
from helicarrier.alerts.model import AlertRule
from helicarrier.alerts.scopes import Target, target_of
from tests.alerts.making import NOW, ago, alert_rule, paid, session, store
from tests.ledger.stores import Ledger

SCOPES: list[tuple[AlertScope, dict[str, Any]]] = [
    (AlertScope.GLOBAL, {}),
    (AlertScope.AGENT, {}),
    (AlertScope.MODEL, {"model_id": "m"}),
    (AlertScope.AGENT_MODEL, {"agent_id": "a", "model_id": "m"}),
]


def measured(ledger: Ledger, rule: AlertRule) -> dict[str, Evaluation]:
    """What the rule measures now."""
    with ledger.store.read() as connection:
        return measure(connection, rule, NOW)


def value(amount: float) -> Evaluation:
    """A complete measurement."""
    return Evaluation(value=amount)


def test_cost_is_that_of_the_calls_in_the_window(ledger: Ledger) -> None:
    """By the time of the call, its end included and its beginning not."""
    store(
        ledger,
        session(
            "s",
            paid("begin", 100, ago(hours=1)),
            paid("in", 0.25, ago(minutes=59)),
            paid("now", 0.5, NOW),
            began=ago(days=2),
        ),
    )
    assert measured(ledger, alert_rule(time_window=AlertWindow.HOUR)) == {"global": value(0.75)}
    assert measured(ledger, alert_rule()) == {"global": value(100.75)}


def test_unknown_cost_is_a_lower_bound_and_never_zero(ledger: Ledger) -> None:
    """Where only some are known their sum is one; where none is there is nothing to judge."""
    store(ledger, session("s", paid("a", None), agentId="a"))
    assert measured(ledger, alert_rule()) == {"global": NOTHING}
    store(ledger, session("t", paid("b", 3), agentId="b"))
    assert measured(ledger, alert_rule()) == {"global": Evaluation(value=3.0, complete=False)}
    assert measured(ledger, alert_rule(scope=AlertScope.AGENT)) == {"b": value(3.0)}


def test_each_agent_model_and_pair_is_judged_apart(ledger: Ledger) -> None:
    """Cost goes by the call's own model and the session's agent."""
    store(
        ledger,
        session("s", paid("a", 1, modelId="m1"), paid("b", 2, modelId="m2"), agentId="x|y"),
        session("t", paid("c", 4, modelId="m1"), agentId="z"),
    )
    assert measured(ledger, alert_rule(scope=AlertScope.AGENT)) == {
        "x|y": value(3.0),
        "z": value(4.0),
    }
    assert measured(ledger, alert_rule(scope=AlertScope.MODEL)) == {
        "m1": value(5.0),
        "m2": value(2.0),
    }
    pairs = measured(ledger, alert_rule(scope=AlertScope.AGENT_MODEL))
    assert pairs == {r"x\|y|m1": value(1.0), r"x\|y|m2": value(2.0), "z|m1": value(4.0)}
    named = alert_rule(scope=AlertScope.AGENT_MODEL, agent_id="x|y")
    assert set(measured(ledger, named)) == {r"x\|y|m1", r"x\|y|m2"}


@pytest.mark.parametrize(
    "target",
    [
        Target(agent_id="a|b", model_id="c"),
        Target(agent_id="a", model_id="b|c"),
        Target(agent_id="a\\", model_id="|"),
        Target(agent_id="a\n\\|", model_id="m\n"),
    ],
)
def test_a_pair_is_found_again_by_its_key(target: Target) -> None:
    """Whatever stands in the names."""
    assert target_of(AlertScope.AGENT_MODEL, target.key) == target


def test_a_named_scope_without_data_is_there(ledger: Ledger) -> None:
    """Silence is seen, not skipped."""
    rule = alert_rule(scope=AlertScope.AGENT, agent_id="quiet")
    assert measured(ledger, rule) == {"quiet": NOTHING}
    assert measured(ledger, alert_rule(scope=AlertScope.AGENT)) == {}


def test_failures_are_judged_over_the_sessions_that_ended_in_the_window(ledger: Ledger) -> None:
    """A long session counts when it ends; one without an end when it began; running ones not."""
    rule = alert_rule(metric=AlertMetric.FAILURE_RATE, time_window=AlertWindow.HOUR)
    assert measured(ledger, rule) == {"global": NOTHING}
    store(
        ledger,
        session("long", began=ago(days=3), ended=ago(minutes=5), state="failed"),
        session("no-end", began=ago(minutes=30), state="failed"),
        session("fine", began=ago(minutes=30), ended=ago(minutes=20)),
        session("killed", began=ago(minutes=30), ended=ago(minutes=20), state="killed"),
        session("running", began=ago(minutes=30), state="running"),
        session("old", began=ago(hours=3), ended=ago(hours=2), state="failed"),
        session("old-no-end", began=ago(hours=3), state="failed"),
    )
    assert measured(ledger, rule) == {"global": value(0.5)}


@pytest.mark.parametrize(("sessions", "place"), [(1, 1), (19, 19), (20, 19), (21, 20), (40, 38)])
def test_the_95th_percentile_is_the_nearest_rank(ledger: Ledger, sessions: int, place: int) -> None:
    """The same as in the performance windows: of 20 sessions the 19th; unmeasured ones left out."""
    store(
        ledger,
        session("unmeasured", began=ago(minutes=1)),
        *(
            session(f"s{n}", began=ago(minutes=2, seconds=n), ended=ago(minutes=2))
            for n in range(1, sessions + 1)
        ),
    )
    rule = alert_rule(metric=AlertMetric.RUNTIME_P95_MS, scope=AlertScope.AGENT)
    assert measured(ledger, rule) == {"agent": value(place * 1000.0)}


@pytest.mark.parametrize("metric", AlertMetric)
def test_measuring_reads_by_an_index(ledger: Ledger, metric: AlertMetric) -> None:
    """What it costs depends on the window, not on the size of the ledger."""
    wanted = ("ended_at>", "ended_at=? AND started_at>")
    if metric is AlertMetric.DAILY_COST_USD:
        wanted = ("occurred_at>",)
    for scope, names in SCOPES:
        query = query_of(alert_rule(metric=metric, scope=scope, **names), NOW)
        with ledger.store.read() as connection:
            sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
            if ledger.store.dialect == "sqlite":
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
                lines = [str(row.detail) for row in plan]
                assert not any(line.startswith("SCAN session_") for line in lines), lines
                assert all(any(one in line for line in lines) for one in wanted), lines
            else:
                connection.execute(text("SET LOCAL enable_seqscan = off"))
                lines = [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {sql}")]
                assert not any("Seq Scan" in line for line in lines), lines
