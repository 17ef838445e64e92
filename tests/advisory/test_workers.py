"""Many workers at once, each with a session of its own: budgets, races, and tables that go away."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

from helicarrier.advisory import rollback, switch
from helicarrier.advisory.decisions import Advisor
from helicarrier.advisory.enums import Event, Outcome, SignalType
from helicarrier.advisory.model import Advice
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.advisory.signals import MODELS
from helicarrier.advisory.tables import (
    p3_advisory_budget,
    p3_advisory_cache,
    p3_advisory_signal,
)
from helicarrier.advisory.verification import Presence, verify
from helicarrier.matches.model import MatchResult
from helicarrier.store import migrate
from helicarrier.store.versions import P3
from tests.advisory.areas import NOW, RESULT, Area

WORKERS = 8
RESUMES, POSTINGS = 200, 5
PAIRS = [
    replace(RESULT, result_id=f"m{r}-{p}", resume_id=f"r{r}", job_posting_id=f"p{p}")
    for r in range(RESUMES)
    for p in range(POSTINGS)
]


def at_once(
    area: Area, pairs: Iterable[MatchResult], model: Callable[..., Advice | None] | None = None
) -> list[Advisor]:
    """Let 8 workers with stores of their own decide about all pairs together."""
    todo = iter(pairs)
    lock, gate = threading.Lock(), threading.Barrier(WORKERS)
    models = MODELS if model is None else dict.fromkeys(SignalType, model)

    def work() -> Advisor:
        store = AdvisoryStore(area.url)
        advisor = Advisor(store, daily_limit=1, models=models)
        gate.wait()
        while True:
            with lock:
                pair = next(todo, None)
            if pair is None:
                store.close()
                return advisor
            advisor.decide(pair, SignalType.TIMING_HINT, now=NOW, day=NOW.date())

    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(WORKERS)]]


def total(advisors: list[Advisor]) -> Counter[Event]:
    """The events of all workers."""
    found: Counter[Event] = Counter()
    for advisor in advisors:
        found.update(advisor.counters.counts())
    return found


def fail(*_: object) -> Advice | None:
    """A model with a defect."""
    raise RuntimeError


def test_eight_workers_give_each_resume_exactly_one_signal_a_day(area: Area) -> None:
    """1,000 pairs, a budget of one: no unit is lost and none is used twice."""
    area.turn()
    failed = total(at_once(area, PAIRS[:100], fail))
    assert failed[Event.COMPUTE_ERROR] == failed[Event.BUDGET_GRANTED] >= 20
    assert {row["used_advisories"] for row in area.rows(p3_advisory_budget)} == {0}
    pairs = PAIRS + PAIRS[::10]
    Random(5).shuffle(pairs)
    events = total(at_once(area, pairs))
    signals = Counter(str(row["resume_id"]) for row in area.rows(p3_advisory_signal))
    assert signals == {f"r{n}": 1 for n in range(RESUMES)}
    budgets = area.rows(p3_advisory_budget)
    assert [(b["used_advisories"], b["max_advisories"]) for b in budgets] == [(1, 1)] * RESUMES
    cached = {str(row["signal_id"]) for row in area.rows(p3_advisory_cache)}
    assert cached == {str(row["id"]) for row in area.rows(p3_advisory_signal)}
    assert events[Event.COMPUTE_SUCCESS] == events[Event.COMPUTE_ATTEMPTED] == RESUMES
    assert events[Event.CACHE_HIT] + events[Event.CACHE_MISS] == len(pairs)
    assert events[Event.BUDGET_GRANTED] + events[Event.BUDGET_EXHAUSTED] == events[Event.CACHE_MISS]
    assert verify(area.url).holds


def test_a_rollback_while_workers_run_hurts_nobody(area: Area) -> None:
    """No error leaves the area, nothing else changes; forward again is off, and works."""
    area.turn()
    before = area.others()
    outcomes: Counter[Outcome] = Counter()
    stop, errors = threading.Event(), []

    def work(seed: int) -> None:
        store = AdvisoryStore(area.url)
        advisor = Advisor(store, daily_limit=1_000)
        rng = Random(seed)
        try:
            while not stop.is_set():
                pair = replace(rng.choice(PAIRS), result_id=f"m{rng.random()}")
                kind = rng.choice(list(SignalType))
                outcomes[advisor.decide(pair, kind, now=NOW, day=NOW.date()).outcome] += 1
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            store.close()

    def until(outcome: Outcome, more: int) -> None:
        wanted, deadline = outcomes[outcome] + more, time.monotonic() + 300
        while outcomes[outcome] < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        assert outcomes[outcome] >= wanted

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            until(Outcome.COMPUTED, 20)
            rollback.roll_back(area.url, actor="test", now=NOW)
            assert verify(area.url, expect=Presence.ABSENT).holds
            assert area.others() == before
            until(Outcome.DISABLED, 20)
            migrate.upgrade(area.url, Path("/nowhere"), environment=P3)
            assert area.others() == before
            computed = outcomes[Outcome.COMPUTED]
            until(Outcome.DISABLED, 20)
            assert outcomes[Outcome.COMPUTED] <= computed + len(threads)
            area.turn()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert outcomes[Outcome.FAILED] == 0
    assert verify(area.url, expect=Presence.INSTALLED).holds


def test_a_worker_stops_within_one_decision(area: Area) -> None:
    """Once it is off, each worker computes at most what it was computing."""
    area.turn()
    computing = threading.Event()
    go_on = threading.Event()

    def slow(*_: object) -> Advice | None:
        computing.set()
        assert go_on.wait(30)
        return None

    def turn_off() -> None:
        assert computing.wait(30)
        switch.disable(area.url, actor="test", now=NOW)
        go_on.set()

    operator = threading.Thread(target=turn_off)
    operator.start()
    events = total(at_once(area, PAIRS[::POSTINGS], slow))
    operator.join()
    assert 1 <= events[Event.COMPUTE_ATTEMPTED] <= WORKERS
    assert events[Event.DISABLED_NOOP] >= RESUMES - 2 * WORKERS
