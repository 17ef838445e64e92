"""The decision path: its order, its events, and that no error leaves it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, event, text

from helicarrier.advisory import rollback, switch
from helicarrier.advisory.decisions import MAX_PAYLOAD_BYTES, Advisor
from helicarrier.advisory.enums import Event, Outcome, SignalType
from helicarrier.advisory.model import Advice, Decision
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.advisory.signal_store import cache_key
from helicarrier.advisory.signals import MODELS
from helicarrier.advisory.tables import (
    p3_advisory_budget,
    p3_advisory_cache,
    p3_advisory_signal,
)
from helicarrier.canonical import sha256
from helicarrier.store.operational import OperationalStore
from tests.advisory.areas import NOW, RESULT, Area

KIND = SignalType.TIMING_HINT
TODAY = NOW.date()
SOUND = Advice(summary="Fine.", details={}, confidence=Decimal("0.5"))


def advisor(area: Area, model: object = None, *, limit: int = 1) -> Advisor:
    """An advisor, whose models may all be replaced by one."""
    models = MODELS if model is None else dict.fromkeys(SignalType, model)
    return Advisor(area.store, daily_limit=limit, models=models)  # type: ignore[arg-type]


def decide(who: Advisor, **changes: object) -> Decision:
    """Decide about the sample result."""
    return who.decide(replace(RESULT, **changes), KIND, now=NOW, day=TODAY)  # type: ignore[arg-type]


def happened(who: Advisor) -> dict[Event, int]:
    """The events that happened."""
    return {event: count for event, count in who.counters.counts().items() if count}


def used(area: Area) -> list[tuple[object, object]]:
    """Used and granted units of every budget."""
    return [(r["used_advisories"], r["max_advisories"]) for r in area.rows(p3_advisory_budget)]


# The path -----------------------------------------------------------------------------------------


def test_a_signal_is_computed_kept_and_found_again(area: Area) -> None:
    """The second time it costs no budget."""
    area.turn()
    who = advisor(area)
    first = decide(who)
    assert first.outcome is Outcome.COMPUTED
    assert decide(who) == Decision(outcome=Outcome.CACHED, signal_id=first.signal_id)
    assert happened(who) == {
        Event.CACHE_MISS: 1,
        Event.BUDGET_GRANTED: 1,
        Event.COMPUTE_ATTEMPTED: 1,
        Event.COMPUTE_SUCCESS: 1,
        Event.CACHE_HIT: 1,
    }
    (signal,) = area.rows(p3_advisory_signal)
    assert signal == {
        "id": first.signal_id,
        "resume_id": RESULT.resume_id,
        "job_posting_id": RESULT.job_posting_id,
        "signal_type": "timing_hint",
        "signal_payload": '{"details":{"action":"apply_now",'
        '"application_deadline":"2026-11-04T12:00:00.000000Z"},'
        '"summary":"The deadline is within 3 days: apply now."}',
        "confidence_score": Decimal("0.7800"),
        "model_version": "advisory_v1",
        "computed_at": NOW,
        "expires_at": NOW + timedelta(days=2),
        "is_active": 1,
        "created_at": NOW,
    }
    (cached,) = area.rows(p3_advisory_cache)
    assert cached["cache_key"] == cache_key("m1", KIND, "advisory_v1")
    assert used(area) == [(1, 1)]


def test_the_cache_key_is_the_hash_of_its_canonical_json() -> None:
    """Written out, so that it can never change unnoticed."""
    body = b'{"analysis_result_id":"m1","model_version":"advisory_v1","signal_type":"timing_hint"}'
    assert cache_key("m1", KIND, "advisory_v1") == sha256(body)
    frozen = "d273547d12e04338220f064c566fe16159af2e6a3d8fd436bf471c3d7e8fd240"
    assert cache_key("m1", KIND, "advisory_v1") == frozen


def test_an_exhausted_budget_skips_silently(area: Area) -> None:
    """Until the next day; another resume has its own; a higher limit counts at once."""
    area.turn()
    who = advisor(area)
    decide(who)
    assert decide(who, result_id="m2").outcome is Outcome.EXHAUSTED
    assert happened(who)[Event.BUDGET_EXHAUSTED] == 1
    tomorrow = TODAY + timedelta(days=1)
    second = replace(RESULT, result_id="m2")
    assert who.decide(second, KIND, now=NOW, day=tomorrow).outcome is Outcome.COMPUTED
    assert decide(who, result_id="m3", resume_id="other").outcome is Outcome.COMPUTED
    assert decide(advisor(area, limit=2), result_id="m4").outcome is Outcome.COMPUTED
    assert decide(advisor(area, limit=0), result_id="m5").outcome is Outcome.EXHAUSTED
    assert sorted(used(area)) == [(1, 1), (1, 1), (2, 2)]


def test_the_rollout_leaves_others_alone(area: Area) -> None:
    """Without a look at the cache or the budget."""
    area.turn(10)
    who = advisor(area)
    outcomes = [decide(who, resume_id=f"r{n}", result_id=f"m{n}").outcome for n in range(60)]
    assert set(outcomes) == {Outcome.COMPUTED, Outcome.INELIGIBLE}
    computed = outcomes.count(Outcome.COMPUTED)
    assert len(used(area)) == computed
    assert happened(who)[Event.ROLLOUT_INELIGIBLE] == 60 - computed
    area.turn(50)
    later = [decide(who, resume_id=f"r{n}", result_id=f"m{n}").outcome for n in range(60)]
    assert all(
        after is Outcome.CACHED
        for before, after in zip(outcomes, later, strict=True)
        if before is Outcome.COMPUTED
    )


# The switch ---------------------------------------------------------------------------------------


def statements(area: Area) -> list[str]:
    """What the database itself says that it executes for two decisions of a new session."""
    log: list[str] = []
    store = AdvisoryStore(area.url)

    def listen(connection: object, _record: object) -> None:
        if store.dialect == "sqlite":
            connection.set_trace_callback(log.append)  # type: ignore[attr-defined]
            return
        connection.execute("SET client_min_messages = log")  # type: ignore[attr-defined]
        connection.execute("SET log_statement = 'all'")  # type: ignore[attr-defined]
        connection.commit()  # type: ignore[attr-defined]
        connection.add_notice_handler(  # type: ignore[attr-defined]
            lambda notice: log.append(notice.message_primary.partition(": ")[2])
        )

    for pool in {store._writer.pool, store._reader.pool}:
        event.listen(pool, "connect", listen)
    who = advisor(replace(area, store=store))
    decide(who)  # opens the connections
    log.clear()
    decide(who)
    log.append(NEXT)
    decide(who)
    store.close()
    return log


NEXT = "the next decision"
FRAME = ("BEGIN", "COMMIT", "ROLLBACK")


def decisions_of(area: Area) -> list[list[str]]:
    """The statements of two decisions, without the frame of their transactions."""
    kept = [line for line in statements(area) if not line.startswith(FRAME)]
    middle = kept.index(NEXT)
    return [kept[:middle], kept[middle + 1 :]]


@pytest.mark.parametrize("state", ["off", "no percent", "no row"])
def test_off_is_one_read_and_no_write_by_the_log_of_the_database(area: Area, state: str) -> None:
    """Whatever makes it off."""
    if state == "no percent":
        area.turn(0)
    if state == "no row":
        engine = create_engine(area.url)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM p3_feature_state"))
        engine.dispose()
    for log in decisions_of(area):
        (only,) = log
        assert only.split()[0] == "SELECT"
        assert "FROM p3_feature_state" in " ".join(only.split())
    assert area.rows(p3_advisory_signal) == area.rows(p3_advisory_budget) == []


def test_on_reads_the_switch_first_and_a_hit_writes_nothing(area: Area) -> None:
    """Two reads."""
    area.turn()
    for log in decisions_of(area):
        first, second = (" ".join(line.split()) for line in log)
        assert "FROM p3_feature_state" in first
        assert "FROM p3_advisory_cache" in second
        assert {first.split()[0], second.split()[0]} == {"SELECT"}


def test_tables_that_are_gone_are_a_switch_that_is_off(area: Area) -> None:
    """No error, nothing written."""
    area.turn()
    rollback.roll_back(area.url, actor="test", now=NOW)
    who = advisor(area)
    assert decide(who).outcome is Outcome.DISABLED
    assert happened(who) == {Event.DISABLED_NOOP: 1}


@pytest.mark.parametrize("name", ["p3_advisory_cache", "p3_advisory_budget", "p3_advisory_signal"])
def test_a_table_that_goes_alone_ends_the_decision_quietly(area: Area, name: str) -> None:
    """Half a rollback: the switch still says on."""
    area.turn()
    engine = create_engine(area.url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {name}"))
    engine.dispose()
    who = advisor(area)
    assert decide(who).outcome is Outcome.DISABLED
    assert who.counters.attempts().failed == 0
    if name == "p3_advisory_signal":
        return
    assert area.rows(p3_advisory_signal) == []


def test_a_table_that_goes_while_a_model_computes_ends_it_quietly(area: Area) -> None:
    """The unit of the budget is given back."""
    area.turn()

    def slow(*_: object) -> Advice:
        engine = create_engine(area.url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE p3_advisory_cache"))
        engine.dispose()
        return SOUND

    who = advisor(area, slow)
    assert decide(who).outcome is Outcome.DISABLED
    assert used(area) == [(0, 1)]
    assert who.counters.attempts().failed == 0


def test_turning_it_off_stops_with_the_next_decision(area: Area) -> None:
    """In the middle of a run, by another session."""
    area.turn()
    who = advisor(area)
    assert decide(who).outcome is Outcome.COMPUTED
    switch.disable(area.url, actor="test", now=NOW)
    assert decide(who, resume_id="r2", result_id="m2").outcome is Outcome.DISABLED
    assert decide(who).outcome is Outcome.DISABLED


# Failures -----------------------------------------------------------------------------------------


def broken(*_: object) -> Advice:
    """A model with a defect."""
    raise RuntimeError("secret of the input")


def says(**changes: object) -> Callable[..., Advice]:
    """A model that always says this."""
    return lambda *_: replace(SOUND, **changes)  # type: ignore[arg-type]


def test_a_failing_model_costs_no_budget_and_tells_no_secret(
    area: Area, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next try may use it."""
    area.turn()
    who = advisor(area, broken)
    assert decide(who).outcome is Outcome.FAILED
    assert happened(who)[Event.COMPUTE_ERROR] == 1
    assert used(area) == [(0, 1)]
    assert "secret" not in capsys.readouterr().err
    assert decide(advisor(area)).outcome is Outcome.COMPUTED


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": Decimal("1.0001")},
        {"confidence": Decimal("-0.1")},
        {"confidence": Decimal("NaN")},
        {"summary": " "},
        {"details": {"x": object()}},
        {"details": {"x": float("nan")}},
        {"details": {"x": "y" * MAX_PAYLOAD_BYTES}},
        {"expires_at": NOW},
    ],
    ids=["above 1", "below 0", "NaN", "no summary", "object", "NaN inside", "large", "expired"],
)
def test_what_breaks_the_contract_of_a_signal_is_never_stored(
    sqlite_area: Area, change: dict[str, object]
) -> None:
    """It is counted, and the budget is given back."""
    area = sqlite_area
    area.turn()
    who = advisor(area, says(**change))
    assert decide(who).outcome is Outcome.FAILED
    assert happened(who)[Event.CONTRACT_VIOLATION] == 1
    assert (used(area), area.rows(p3_advisory_signal)) == ([(0, 1)], [])


def test_an_unknown_input_gives_no_signal_and_costs_nothing(area: Area) -> None:
    """It is a success of the model."""
    area.turn()
    who = advisor(area)
    assert decide(who, application_deadline=None).outcome is Outcome.NO_SIGNAL
    assert used(area) == [(0, 1)]
    assert who.counters.attempts().failed == 0
    assert area.rows(p3_advisory_cache) == []


def test_a_store_that_cannot_be_used_is_no_error_for_the_caller(area: Area) -> None:
    """Neither when it was never there nor when it is busy."""
    nowhere = AdvisoryStore(area.url.replace("store.sqlite", "none.sqlite").replace("test_", "no_"))
    lost = Advisor(nowhere, daily_limit=1)
    assert decide(lost).outcome is Outcome.FAILED
    nowhere.close()
    if area.store.dialect == "postgresql":
        return
    area.turn()
    hasty = AdvisoryStore(area.url, wait_seconds=0.05)
    holder = OperationalStore(area.url)
    with holder.write():
        assert decide(Advisor(hasty, daily_limit=1)).outcome is Outcome.FAILED
    hasty.close()
    holder.close()


def test_every_attempt_ends_as_one_of_three(area: Area) -> None:
    """Success, error and violation add up to the attempts."""
    area.turn()
    who = advisor(area, limit=100)
    models = {
        SignalType.TIMING_HINT: broken,
        SignalType.FIT_STABILITY: says(summary=""),
        SignalType.CONFIDENCE_ADJUSTMENT: says(),
        SignalType.OPPORTUNITY_RISK: lambda *_: None,
    }
    who._models = models  # type: ignore[assignment]
    for kind in (*SignalType, *SignalType):
        who.decide(RESULT, kind, now=NOW, day=TODAY)
    counts = who.counters.counts()
    ended = (Event.COMPUTE_SUCCESS, Event.COMPUTE_ERROR, Event.CONTRACT_VIOLATION)
    assert counts[Event.COMPUTE_ATTEMPTED] == sum(counts[each] for each in ended) == 7
    assert who.counters.attempts().failed == 4
    assert who.counters.attempts().alarming


# Races --------------------------------------------------------------------------------------------


def test_the_loser_of_a_race_discards_its_signal_and_refunds(area: Area) -> None:
    """The other worker came in while the model computed."""
    area.turn()
    winner = advisor(area, says(summary="First."), limit=5)

    def slow(*_: object) -> Advice:
        assert decide(winner).outcome is Outcome.COMPUTED
        return replace(SOUND, summary="Second.")

    loser = advisor(area, slow, limit=5)
    assert decide(loser) == Decision(outcome=Outcome.LOST_RACE)
    (signal,) = area.rows(p3_advisory_signal)
    assert "First." in str(signal["signal_payload"])
    assert (len(area.rows(p3_advisory_cache)), used(area)) == (1, [(1, 5)])
    assert loser.counters.attempts().failed == 0


@pytest.mark.parametrize("change", ["expired", "inactive", "gone"])
def test_a_cached_signal_that_no_longer_holds_is_computed_anew(area: Area, change: str) -> None:
    """A second generation takes its place in the cache; the first stays as it was."""
    area.turn()
    who = advisor(area, limit=5)
    first = decide(who)
    later = NOW
    if change == "expired":
        later = NOW + timedelta(days=2)
    else:
        action = "UPDATE p3_advisory_signal SET is_active = 0"
        engine = create_engine(area.url)
        with engine.begin() as connection:
            connection.execute(
                text(action if change == "inactive" else "DELETE FROM p3_advisory_signal")
            )
        engine.dispose()
    second = who.decide(RESULT, KIND, now=later, day=TODAY)
    assert second.outcome is Outcome.COMPUTED
    (cached,) = area.rows(p3_advisory_cache)
    assert cached["signal_id"] == second.signal_id != first.signal_id
    assert len(area.rows(p3_advisory_signal)) == (1 if change == "gone" else 2)
    assert who.decide(RESULT, KIND, now=later, day=TODAY).outcome is Outcome.CACHED
