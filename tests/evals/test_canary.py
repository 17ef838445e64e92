"""The canary: rules that know chance, windows judged once, and what is done about them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from helicarrier.evals.canary.eprocess import alternatives, evidence
from helicarrier.evals.canary.evidence import as_json, drill, write
from helicarrier.evals.canary.model import (
    WINDOW,
    ActingRule,
    CanaryWindow,
    Count,
    Guardrail,
)
from helicarrier.evals.canary.rules import judge
from helicarrier.evals.canary.simulate import Scenario, simulate
from helicarrier.evals.canary.watch import judged, watch
from helicarrier.evals.enums import CanaryVerdict, EvalEnvironment, RunStatus, RunType
from helicarrier.evals.routing.repository import SqlRoutingRepository
from helicarrier.evals.sql_repository import SqlEvalRepository
from helicarrier.evals.tables import ai_training_examples
from helicarrier.ledger.runs import run_store
from helicarrier.notify.model import Channel
from helicarrier.notify.tables import notifications
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from tests.evals.test_sql_repository import RECORD, RUN, sample
from tests.ledger.stores import Ledger

START = datetime(2026, 11, 2, tzinfo=UTC)
SCHEMA, SAFETY, FALLBACK = (
    Guardrail.SCHEMA_VALID_RATE,
    Guardrail.SAFETY_HTML_TAILWIND_COMPLIANCE,
    Guardrail.FALLBACK_RATE,
)
CONTINUE, WARN, REDUCE, DISABLE, ROLLBACK = CanaryVerdict


def window(
    place: int = 0,
    counts: dict[Guardrail, tuple[int, int]] | None = None,
    latencies: Sequence[int] = (),
) -> CanaryWindow:
    """A window of the first day with (failures, trials)."""
    found = counts or {}
    size = max((trials for _, trials in found.values()), default=len(latencies))
    start = START + place * WINDOW
    return CanaryWindow(
        start=start,
        end=start + WINDOW,
        requests=size,
        samples=size,
        counts={name: Count(failures=f, trials=n) for name, (f, n) in found.items()},
        latencies=tuple(latencies),
    )


def schema(*failures: int, of: int = 30) -> list[CanaryWindow]:
    """Windows with so many schema failures each; -1 is a window without data."""
    return [
        window(place) if failed < 0 else window(place, {SCHEMA: (failed, of)})
        for place, failed in enumerate(failures)
    ]


@pytest.mark.parametrize(
    ("failures", "asked"),
    [
        ((1, 0, 1, 0), [CONTINUE] * 4),
        ((1, 1), [CONTINUE, ROLLBACK]),
        ((1, -1, 1), [CONTINUE, CONTINUE, ROLLBACK]),
        ((1, -1, 0, 1), [CONTINUE] * 4),
        ((-1, -1, -1), [CONTINUE] * 3),
    ],
)
def test_the_window_rule_wants_two_in_a_row(
    failures: tuple[int, ...], asked: list[CanaryVerdict]
) -> None:
    """A window without data neither breaches nor heals."""
    assert [verdict.windows_verdict for verdict in judge(schema(*failures))] == asked


def test_no_data_is_said_and_never_acts() -> None:
    """Also after a breach."""
    last = judge(schema(1, 1, -1), acting=ActingRule.WINDOWS)[-1]
    assert (last.data_state.value, last.acted, last.e_value > 1) == ("no_data", CONTINUE, True)


@pytest.mark.parametrize(
    ("acting", "acted"),
    [(ActingRule.EPROCESS, WARN), (ActingRule.WINDOWS, ROLLBACK), (ActingRule.EITHER, ROLLBACK)],
)
def test_the_configured_rule_acts_and_the_other_warns(
    acting: ActingRule, acted: CanaryVerdict
) -> None:
    """Two windows with one failure in thirty: breached, and well within chance."""
    last = judge(schema(1, 1), acting=acting)[-1]
    assert (last.windows_verdict, last.eprocess_verdict, last.acted) == (ROLLBACK, CONTINUE, acted)


def test_evidence_rolls_back_what_is_clearly_worse() -> None:
    """Two failures in thirty, again and again."""
    verdicts = judge(schema(2, 2, 2, 2))
    assert [verdict.e_value for verdict in verdicts] == sorted(v.e_value for v in verdicts)
    assert verdicts[-1].acted is ROLLBACK


def test_evidence_begins_anew_with_the_day() -> None:
    """A good yesterday cannot hide a bad today."""
    good = [window(place, {SCHEMA: (0, 1_000)}) for place in range(48)]
    bad = [window(48 + place, {SCHEMA: (2, 30)}) for place in range(4)]
    assert judge([*good, *bad])[-1].eprocess_verdict is ROLLBACK


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (window(counts={SAFETY: (10, 100)}), ROLLBACK),
        (window(counts={SAFETY: (1, 30)}), WARN),
        (window(counts={SAFETY: (1, 200)}), CONTINUE),
        (window(counts={SCHEMA: (10, 100)}), ROLLBACK),
        (window(counts={SCHEMA: (1, 30)}), WARN),
        (window(counts={FALLBACK: (80, 100)}), REDUCE),
        (window(counts={FALLBACK: (13, 30)}), WARN),
        (window(latencies=[61_000] * 200), DISABLE),
        (window(latencies=[61_000] * 2), WARN),
        (window(latencies=[59_000] * 200), CONTINUE),
        (window(), CONTINUE),
    ],
)
def test_immediate_rules_act_where_one_window_leaves_no_doubt(
    seen: CanaryWindow, verdict: CanaryVerdict
) -> None:
    """What might be chance is a warning."""
    assert judge([seen])[0].immediate_verdict is verdict


def test_a_drop_against_the_baseline_is_immediate() -> None:
    """More than a point below what it is compared with."""
    dropped = window(counts={SCHEMA: (150, 10_000)})
    assert judge([dropped], baseline_schema_rate=0.999)[0].immediate_verdict is ROLLBACK
    assert judge([dropped], baseline_schema_rate=0.99)[0].immediate_verdict is CONTINUE


@given(st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.005, 0.01, 0.05, 0.25]))
def test_evidence_is_the_mean_of_likelihood_ratios(failed: int, passed: int, limit: float) -> None:
    """Against the product written out, one factor for each trial."""
    expected = np.mean(
        [
            np.exp(failed * np.log(p / limit) + passed * np.log((1 - p) / (1 - limit)))
            for p in alternatives(limit)
        ]
    )
    assert float(evidence(failed, failed + passed, limit)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("limit", [0.005, 0.01, 0.05, 0.25])
def test_evidence_is_fair_at_the_limit(limit: float) -> None:
    """Its mean over the next trial is what it was: a martingale, so Ville's bound holds."""
    before = float(evidence(2, 50, limit))
    after = limit * float(evidence(3, 51, limit)) + (1 - limit) * float(evidence(2, 51, limit))
    assert after == pytest.approx(before)


def test_good_canaries_are_rolled_back_by_the_window_rule_and_not_by_evidence() -> None:
    """30 requests a window, a true rate of 0.995: 56% of the days against 0.1% of them."""
    found = simulate(Scenario(true_rate=0.995, days=20_000))
    assert found.windows.rollback_share == pytest.approx(
        0.56, abs=4 * found.windows.standard_error + 0.005
    )
    assert found.eprocess.rollback_share < 0.002


def test_bad_canaries_are_found_within_three_windows() -> None:
    """At a true rate of 0.95."""
    found = simulate(Scenario(true_rate=0.95, days=5_000))
    assert (found.eprocess.rollback_share, found.eprocess.median_windows) == (1.0, 3.0)


def test_evidence_keeps_its_bound_at_the_limit() -> None:
    """At most one in twenty."""
    assert simulate(Scenario(true_rate=0.99, days=20_000)).eprocess.rollback_share <= 0.05


def test_a_drill_is_repeatable_and_written_down(tmp_path: Path) -> None:
    """JSON, Markdown and a picture; the same seed, the same figures."""
    scenarios = drill(threshold=0.99, requests=30, days=50, seed=3, rates=(0.995, 0.95))
    results = [simulate(one) for one in scenarios]
    assert as_json(results) == as_json([simulate(one) for one in scenarios])
    json_path, markdown, picture = write(results, tmp_path)
    assert '"trueRate": 0.995' in json_path.read_text(encoding="utf-8")
    assert "| 0.95 |" in markdown.read_text(encoding="utf-8")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def routing(store: OperationalStore) -> SqlRoutingRepository:
    """The providers of a new installation."""
    return SqlRoutingRepository(store)


def generations(
    store: OperationalStore, at: datetime, count: int, *, fallbacks: int = 0, latency: int = 1_000
) -> None:
    """Store generations of one moment."""
    rows = [
        {
            "id": f"{at.isoformat()}-{number}",
            "source": "generation",
            "prompt": "p",
            "provider": "custom",
            "selected_provider": "custom",
            "fallback_provider": "openai" if number < fallbacks else None,
            "fallback_used": int(number < fallbacks),
            "latency_ms": latency,
            "created_at": at,
        }
        for number in range(count)
    ]
    with store.write() as connection:
        connection.execute(insert(ai_training_examples), rows)


def evaluated(store: OperationalStore, at: datetime, failures: int, count: int = 30) -> None:
    """Store the samples of a canary run of one moment."""
    run = replace(
        RUN, run_id=str(UUID(int=int(at.timestamp()))), run_type=RunType.CANARY, started_at=at
    )
    records = [
        replace(RECORD, record_id=f"r-{n}", schema_valid=n >= failures, patch_apply_success=True)
        for n in range(count)
    ]
    samples = [replace(sample(record, run), created_at=at) for record in records]
    SqlEvalRepository(store).save(replace(run, status=RunStatus.FAILED), samples, [])


def test_a_window_is_judged_once_and_acts_once(
    ledger: Ledger, store: OperationalStore, routing: SqlRoutingRepository, tmp_path: Path
) -> None:
    """Clear damage rolls back; evaluating again finds nothing new and does nothing."""
    for place in range(3):
        at = START + place * WINDOW + timedelta(minutes=1)
        generations(store, at, 30)
        evaluated(store, at, failures=6)
    now = START + 3 * WINDOW + timedelta(minutes=5)
    runs = run_store(Settings(data_dir=tmp_path, db_url=ledger.url))
    rehearsed = watch(store, routing, EvalEnvironment.PROD, runs=None, now=now)
    assert rehearsed[-1].acted is ROLLBACK
    assert routing.configs(EvalEnvironment.PROD)[1].enabled
    assert judged(store, EvalEnvironment.PROD, limit=9) == []
    told = [Channel.LOG]
    found = watch(store, routing, EvalEnvironment.PROD, runs=runs, now=now, channels=told)
    assert found == rehearsed
    assert [(c.provider, c.weight) for c in routing.configs(EvalEnvironment.PROD)] == [
        ("openai", 100),
        ("custom", 0),
    ]
    assert watch(store, routing, EvalEnvironment.PROD, runs=runs, now=now) == []
    stored = judged(store, EvalEnvironment.PROD, limit=1)
    assert (stored[0]["acted"], stored[0]["breaches"]) == ("rollback", ["schema_valid_rate"])
    run = runs.get_run(str(stored[0]["runId"]))
    assert run is not None
    assert (run.asset_key, run.partition_key) == ("canary_windows", "prod")
    assert (run.rows_out, run.attrs["acted"]) == (len(found), "rollback")
    message = ledger.row(notifications)
    assert str(message["subject"]).startswith("canary in prod: rollback: ")


@pytest.mark.parametrize(
    ("seen", "weight", "enabled"),
    [({"fallbacks": 120}, 5, True), ({"latency": 70_000}, 0, False), ({}, 10, True)],
)
def test_stand_ins_and_slowness_cut_the_share_of_the_candidate(
    ledger: Ledger,
    store: OperationalStore,
    routing: SqlRoutingRepository,
    tmp_path: Path,
    seen: dict[str, int],
    weight: int,
    enabled: bool,
) -> None:
    """Half of its weight, or all of it; the default stays as it is."""
    generations(store, START + timedelta(minutes=1), 200, **seen)
    runs = run_store(Settings(data_dir=tmp_path, db_url=ledger.url))
    watch(store, routing, EvalEnvironment.PROD, runs=runs, now=START + WINDOW)
    default, candidate = routing.configs(EvalEnvironment.PROD)
    assert (default.weight, default.enabled) == (100, True)
    assert (candidate.weight, candidate.enabled) == (weight, enabled)


def test_a_window_that_is_not_over_is_not_judged(
    store: OperationalStore, routing: SqlRoutingRepository
) -> None:
    """Half a window says nothing."""
    generations(store, START + timedelta(minutes=1), 30)
    now = START + timedelta(minutes=29)
    found = watch(store, routing, EvalEnvironment.PROD, runs=None, now=now)
    assert all(verdict.window.end <= now for verdict in found)
    assert sum(verdict.window.requests for verdict in found) == 0
