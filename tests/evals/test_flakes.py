"""The flake ledger: flip rates by hand, false failures by enumeration, real re-runs."""

import json
from itertools import product
from pathlib import Path

import pytest

from helicarrier.evals.enums import Gate, Policy
from helicarrier.evals.evaluation import Rules
from helicarrier.evals.flakes import GateFlakiness, flake_ledger
from helicarrier.evals.model import DEFAULT_THRESHOLDS, EvalRecord
from tests.evals.making import judge, record


def rules(threshold: float, policy: Policy = Policy.POINT) -> Rules:
    """Rules with another threshold of schema validity."""
    thresholds = {**DEFAULT_THRESHOLDS, Gate.SCHEMA_VALID_RATE: threshold}
    return Rules(thresholds=thresholds, policy=policy)


def runs_of(*columns: str) -> list[list[EvalRecord]]:
    """One text an item: the n-th character says whether run n got it right."""
    return [
        [
            record(n, item_id=f"q{n}", schema_valid=each[run] == "+")
            for n, each in enumerate(columns)
        ]
        for run in range(len(columns[0]))
    ]


def first(runs: list[list[EvalRecord]], given: Rules) -> GateFlakiness:
    """The first gate's flakiness."""
    return flake_ledger(runs, given).gates[0]


def test_flip_rate_is_how_often_two_answers_differ() -> None:
    """Two of four right: four of six pairs differ; items that never flip are not listed."""
    found = flake_ledger(runs_of("++--", "++++", "+---"), rules(0.5))
    assert [(each.item, each.good, each.flip_rate) for each in found.items] == [
        ("q0", 2, pytest.approx(4 / 6)),
        ("q2", 1, pytest.approx(3 / 6)),
    ]
    gate = found.gates[0]
    assert (gate.items, gate.repeated, gate.flaky) == (3, 3, 2)
    assert gate.flip_rate == pytest.approx((4 / 6 + 3 / 6) / 3)


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.54])
def test_false_failure_is_that_of_all_ways_the_next_run_can_go(
    threshold: float, policy: Policy
) -> None:
    """Every outcome of the next run is judged by the gate itself and weighed."""
    columns = ("++--", "++++", "+---", "+++-", "++-+", "----")
    given, rates = rules(threshold, policy), [each.count("+") / 4 for each in columns]
    failed = blocked = 0.0
    for answers in product((True, False), repeat=len(columns)):
        weight = 1.0
        for right, rate in zip(answers, rates, strict=True):
            weight *= rate if right else 1 - rate
        if weight:
            run = [record(n, schema_valid=right) for n, right in enumerate(answers)]
            row = judge(run, thresholds=given.thresholds, policy=policy)[0]
            failed += weight * (row.verdict == "fail")
            blocked += weight * (row.verdict != "pass")
    found = first(runs_of(*columns), given)
    assert found.share == pytest.approx(13 / 24)
    assert found.blocked == pytest.approx(blocked)
    assert found.false_failure == pytest.approx(failed)


def test_failure_below_the_threshold_is_no_false_one() -> None:
    """Where the rate over all runs misses the threshold the gate is right to fail."""
    found = first(runs_of("+-", "--"), rules(0.9))
    assert found.false_failure is None
    assert found.blocked == pytest.approx(1.0)


def test_single_answers_say_nothing_about_flips() -> None:
    """One run without repeats has no flip rate and no probability."""
    found = first(runs_of("+", "-"), rules(0.5))
    assert (found.flip_rate, found.false_failure, found.blocked) == (None, None, None)


def test_slow_answers_count_against_the_latency_gate() -> None:
    """An answer within the limit in one run and beyond it in the other is a flip."""
    runs = [
        [record(n, latency_ms=50_000 if n < slow else 1_000) for n in range(100)] for slow in (2, 8)
    ]
    (gate,) = [each for each in flake_ledger(runs, rules(0.5)).gates if each.flip_rate]
    assert gate.gate is Gate.P95_LATENCY_MS_MAX
    assert (gate.flaky, gate.share) == (6, 0.95)
    assert gate.false_failure is not None
    assert 0.2 < gate.false_failure < 0.8


def test_point_comparison_fails_by_chance_where_an_interval_does_not(realdata: Path) -> None:
    """Four trials of fifty tasks: at a threshold just below the rate a point gate is a coin."""
    lines = (realdata / "evals" / "gpt-4o-airline.samples.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    runs = [
        [
            record(row["task_id"], item_id=str(row["task_id"]), schema_valid=row["passed"])
            for row in rows
            if row["trial"] == trial
        ]
        for trial in range(4)
    ]
    point, interval = (
        first(runs, rules(0.4, policy)) for policy in (Policy.POINT, Policy.INTERVAL)
    )
    assert (point.items, point.flaky, point.share) == (50, 26, pytest.approx(0.42))
    assert point.flip_rate == pytest.approx(0.2933, abs=1e-4)
    assert point.false_failure == pytest.approx(0.263, abs=1e-3)
    assert interval.false_failure == pytest.approx(0.0003, abs=1e-4)
