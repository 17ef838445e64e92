"""Learning: what was reviewed is counted by pattern, and decides nothing."""

from pathlib import Path

import pytest
from scipy.stats import binomtest

from helicarrier.resolution.decision_enums import DecisionType, ReviewVerdict
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.false_positives import monday, weekly
from helicarrier.resolution.learning import embedding_of, lower_end, signature_of
from helicarrier.resolution.records import Decision, Review
from helicarrier.resolution.sql_patterns import SqlPatterns
from helicarrier.resolution.tables import EMBEDDING_LENGTH
from helicarrier.store.operational import OperationalStore
from tests.resolution.deciding import DAY, NOW, mismatch
from tests.resolution.test_applying import DEV, ORDERING, Desk, pair

WEEK = 7 * DAY


def pointing(*weights: float) -> list[float]:
    """An embedding whose first numbers are given."""
    return [*weights, *[0.0] * (EMBEDDING_LENGTH - len(weights))]


def decision(number: int) -> Decision:
    """A line of the log."""
    return Decision(
        decision_id=f"learned-{number}",
        decision_type=DecisionType.LEARNING,
        entity_id="pattern",
        data={},
        at=NOW,
    )


@pytest.mark.parametrize(("successes", "uses"), [(0, 1), (1, 1), (7, 10), (190, 200)])
def test_confidence_is_the_lower_end_of_wilsons_interval(successes: int, uses: int) -> None:
    """As scipy computes it."""
    interval = binomtest(successes, uses).proportion_ci(method="wilson")
    assert lower_end(successes, uses) == pytest.approx(interval.low, abs=1e-12)
    assert lower_end(0, 0) == 0


def test_pattern_counts_what_held(store: OperationalStore) -> None:
    """The same kind of mismatch is one pattern, with its rate."""
    patterns = SqlPatterns(store)
    for number, held in enumerate([True, True, False]):
        found = patterns.learn(
            mismatch(f"m{number}", evidence={"method": "canonical_json"}),
            held=held,
            embedding=None,
            now=NOW,
            decision=decision(number),
        )
    assert (found.successes, found.uses, found.success_rate) == (2, 3, 2 / 3)
    assert patterns.like(mismatch("other", evidence={"method": "canonical_json"})) == found
    assert patterns.like(mismatch("other", evidence={"method": "exact"})) is None


def test_signature_has_codes_and_no_content() -> None:
    """What was in a pair stays out of it."""
    found = mismatch(
        evidence={
            "syntax": "json",
            "method": "canonical_json",
            "verdict": "equivalent",
            "findings": [{"code": "ORDER", "where": "/secret", "message": "secret"}],
        }
    )
    assert signature_of(found) == "json_ordering|json|canonical_json|equivalent|ORDER"


def test_nearest_patterns_by_embedding(store: OperationalStore) -> None:
    """By the cosine, the nearest first, on every engine alike; who has none is left out."""
    patterns = SqlPatterns(store)
    directions = {"a": pointing(1.0), "b": pointing(1.0, 1.0), "c": pointing(0.0, 1.0), "d": None}
    for number, (name, embedding) in enumerate(directions.items()):
        patterns.learn(
            mismatch(name, evidence={"method": name}),
            held=True,
            embedding=embedding,
            now=NOW,
            decision=decision(number),
        )
    near = patterns.nearest(pointing(1.0, 0.1), most=2)
    assert [one.pattern.signature.split("|")[2] for one in near] == ["a", "b"]
    assert near[0].similarity == pytest.approx(1 / 1.01**0.5, abs=1e-6)
    assert near[0].pattern.embedding == tuple(pointing(1.0))


class Short:
    """A provider of another length."""

    def embed(self, text: str) -> list[float]:
        """Too few numbers."""
        return [1.0]


def test_embedding_of_another_length_is_refused() -> None:
    """Before anything is stored; without a provider there is none."""
    with pytest.raises(ValueError, match="1536"):
        embedding_of(Short(), "text")
    assert embedding_of(None, "text") is None


def test_success_changes_nothing_about_the_next_plan(
    store: OperationalStore, tmp_path: Path
) -> None:
    """A pattern that always held: the next plan asks for as much care as the first."""
    desk = Desk(store, tmp_path)
    (first,) = desk.plan(ORDERING)
    for number in range(30):
        review = Review(
            plan_id=first.plan_id,
            verdict=ReviewVerdict.CORRECT,
            reviewer=f"user-{number}",
            reviewed_at=NOW,
        )
        assert desk.resolution.learn(review)
        assert not desk.resolution.learn(review)
    found = desk.resolution.mismatches.get(first.mismatch_id)
    assert found is not None
    pattern = desk.resolution.patterns.like(found)
    assert pattern is not None
    assert (pattern.successes, pattern.uses) == (30, 30)
    (second,) = desk.plan(pair("next", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'))
    assert (second.safety_level, second.minimum_confidence, second.dual_key) == (
        first.safety_level,
        first.minimum_confidence,
        first.dual_key,
    )


def test_false_positives_week_by_week(store: OperationalStore, tmp_path: Path) -> None:
    """What nobody reviewed is counted beside, and no review is no rate."""
    desk = Desk(store, tmp_path)
    (made,) = desk.plan(ORDERING)
    desk.plan(pair("other", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'))
    for user, verdict in (
        ("ada", ReviewVerdict.FALSE_POSITIVE),
        ("grace", ReviewVerdict.CORRECT),
        ("joan", ReviewVerdict.COMPLAINT),
    ):
        desk.resolution.learn(
            Review(
                plan_id=made.plan_id,
                verdict=verdict,
                reviewer=user,
                reviewed_at=NOW,
                satisfaction=4,
            )
        )
    before, this = weekly(
        desk.resolution.plans, desk.resolution.reviews, [DEV], weeks=2, now=NOW + DAY
    )
    assert (before.plans, before.rate) == (0, None)
    assert (this.plans, this.unreviewed, this.correct, this.false_positives) == (2, 1, 1, 1)
    assert (this.complaints, this.rate, this.satisfaction) == (1, 0.5, 4)
    assert monday(this.begins + 6 * DAY) == this.begins
    elsewhere = weekly(
        desk.resolution.plans, desk.resolution.reviews, [Environment.PROD], weeks=1, now=NOW
    )
    assert [one.plans for one in elsewhere] == [0]
