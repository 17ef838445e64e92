"""What the breakers look at, and what a look at them does."""

from pathlib import Path

from helicarrier.resolution.decision_enums import Breaker, DecisionType, ReviewVerdict
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.measuring import AGREEMENT
from helicarrier.resolution.records import Decision, Review
from helicarrier.store.operational import OperationalStore
from tests.resolution.deciding import DAY, NOW, mismatch
from tests.resolution.test_applying import DEV, ORDERING, Desk


def values(desk: Desk) -> dict[Breaker, float | None]:
    """What every breaker sees in dev."""
    judged = desk.resolution.board.judge_breakers(DEV, run_id="run")
    return {new.breaker: new.value for _, new in judged}


def test_nothing_is_known_of_an_empty_store(store: OperationalStore, tmp_path: Path) -> None:
    """Unknown is None and trips nothing; what can be counted is zero."""
    desk = Desk(store, tmp_path)
    assert values(desk) == {
        Breaker.FP_RATE_7D: None,
        Breaker.FP_RATE_24H: None,
        Breaker.CONSECUTIVE_FAILURES: 0,
        Breaker.KAPPA_OVERALL: None,
        Breaker.KAPPA_CI_LOWER: None,
        Breaker.CONFIDENCE_DROP: None,
        Breaker.COST_SPIKE_1H: 0,
        Breaker.COST_SPIKE_1D: 0,
        Breaker.BUDGET: 0,
        Breaker.COMPLAINTS: 0,
        Breaker.SATISFACTION: None,
    }
    assert desk.resolution.board.switches(DEV).tripped == ()
    assert not desk.resolution.board.switches(DEV).agreement_open


def test_reviews_trip_their_breakers(store: OperationalStore, tmp_path: Path) -> None:
    """False positives, complaints and satisfaction; each change is in the decision log."""
    desk = Desk(store, tmp_path)
    (made,) = desk.plan(ORDERING)
    said = [
        ("a", ReviewVerdict.FALSE_POSITIVE, 2),
        ("b", ReviewVerdict.CORRECT, 4),
        ("c", ReviewVerdict.COMPLAINT, 1),
        ("d", ReviewVerdict.COMPLAINT, None),
        ("e", ReviewVerdict.COMPLAINT, None),
    ]
    for user, verdict, satisfaction in said:
        desk.resolution.learn(
            Review(
                plan_id=made.plan_id,
                verdict=verdict,
                reviewer=user,
                reviewed_at=NOW - DAY / 2,
                satisfaction=satisfaction,
            )
        )
    found = values(desk)
    assert (found[Breaker.FP_RATE_7D], found[Breaker.FP_RATE_24H]) == (0.5, 0.5)
    assert (found[Breaker.COMPLAINTS], round(found[Breaker.SATISFACTION] or 0, 3)) == (3, 2.333)
    tripped = {
        Breaker.FP_RATE_7D,
        Breaker.FP_RATE_24H,
        Breaker.COMPLAINTS,
        Breaker.SATISFACTION,
    }
    assert set(desk.resolution.board.switches(DEV).tripped) == tripped
    (told,) = desk.resolution.reviews.decisions("breaker:dev:complaints")
    assert (told.data["from"], told.data["to"]) == ("closed", "open")
    desk.now = NOW + DAY
    later = values(desk)
    assert (later[Breaker.FP_RATE_7D], later[Breaker.FP_RATE_24H]) == (0.5, None)


def test_dry_run_judges_and_writes_nothing(store: OperationalStore, tmp_path: Path) -> None:
    """Neither standings nor decisions."""
    desk = Desk(store, tmp_path)
    judged = desk.resolution.board.judge_breakers(DEV, run_id="run", dry_run=True)
    assert len(judged) == len(Breaker)
    assert desk.resolution.board.standings(DEV) == []


def test_agreement_and_confidence(store: OperationalStore, tmp_path: Path) -> None:
    """The newest measurement of agreement counts; confidence is compared with the week before."""
    desk = Desk(store, tmp_path)
    for number, kappa in enumerate((0.5, 0.9)):
        desk.resolution.reviews.log(
            Decision(
                decision_id=f"kappa-{number}",
                decision_type=DecisionType.ANALYSIS,
                entity_id=AGREEMENT,
                data={"kappa": kappa, "ci_lower": 0.7, "gate_open": kappa > 0.8, "items": 250},
                at=NOW + number * DAY / 24,
            )
        )
    desk.resolution.mismatches.save(
        [
            mismatch("old", confidence=1.0, at=NOW - 3 * DAY),
            mismatch("new", confidence=0.75, at=NOW - DAY / 24),
        ]
    )
    found = values(desk)
    assert (found[Breaker.KAPPA_OVERALL], found[Breaker.KAPPA_CI_LOWER]) == (0.9, 0.7)
    assert found[Breaker.CONFIDENCE_DROP] == 0.25
    switches = desk.resolution.board.switches(Environment.PROD)
    assert switches.agreement_open
    assert set(desk.resolution.board.switches(DEV).tripped) == {
        Breaker.KAPPA_CI_LOWER,
        Breaker.CONFIDENCE_DROP,
    }
