"""The four models: thresholds, formulas, and nothing where an input is unknown."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.advisory.decisions import require_contract
from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.signals import (
    MODELS,
    confidence_adjustment,
    fit_stability,
    opportunity_risk,
    timing_hint,
)
from tests.advisory.areas import NOW, RESULT

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("left", "action", "confidence", "holds_for"),
    [
        (TICK, "apply_now", "0.78", TICK),
        (3 * DAY, "apply_now", "0.78", 3 * DAY),
        (3 * DAY + TICK, "standard_window", "0.68", TICK),
        (14 * DAY, "standard_window", "0.68", 11 * DAY),
        (14 * DAY + TICK, "deprioritize", "0.60", TICK),
        (90 * DAY, "deprioritize", "0.60", 76 * DAY),
        (timedelta(), "deprioritize", "0.60", None),
        (-DAY, "deprioritize", "0.60", None),
    ],
    ids=str,
)
def test_timing_hint_follows_the_deadline(
    left: timedelta, action: str, confidence: str, holds_for: timedelta | None
) -> None:
    """It holds until the next threshold is crossed."""
    said = timing_hint(replace(RESULT, application_deadline=NOW + left), NOW)
    assert said is not None
    assert (said.details["action"], said.confidence) == (action, Decimal(confidence))
    assert said.expires_at == (None if holds_for is None else NOW + holds_for)


@pytest.mark.parametrize(
    ("met", "missing", "confidence"),
    [(5, 5, "0.5500"), (10, 0, "0.7250"), (0, 10, "0.7250"), (9, 3, "0.6375"), (1, 2, "0.6083")],
)
def test_fit_stability_grows_with_the_lean(met: int, missing: int, confidence: str) -> None:
    """To either side alike."""
    said = fit_stability(
        replace(RESULT, qualifications_met=met, qualifications_missing=missing), NOW
    )
    assert said is not None
    assert said.confidence == Decimal(confidence)


@pytest.mark.parametrize(
    ("provider", "score", "confidence"),
    [
        ("openai", 100, "1.0000"),
        ("OpenAI", 50, "0.8500"),
        ("anthropic", 0, "0.6400"),
        ("azure", 75.5, "0.9220"),
        ("own", 33.333, "0.7333"),
    ],
)
def test_confidence_adjustment_adds_provider_and_score(
    provider: str, score: float, confidence: str
) -> None:
    """At most 1."""
    said = confidence_adjustment(replace(RESULT, provider=provider, match_score=score), NOW)
    assert said is not None
    assert said.confidence == Decimal(confidence)


@pytest.mark.parametrize(
    ("left", "score", "level", "confidence"),
    [
        (None, 90, "unknown", "0.55"),
        (-DAY, 90, "high", "0.70"),
        (3 * DAY, 90, "high", "0.70"),
        (3 * DAY + TICK, 75, "low", "0.72"),
        (10 * DAY, 74.9, "medium", "0.64"),
    ],
    ids=str,
)
def test_opportunity_risk_is_the_first_level_that_holds(
    left: timedelta | None, score: float, level: str, confidence: str
) -> None:
    """A level that time will change expires then."""
    deadline = None if left is None else NOW + left
    said = opportunity_risk(replace(RESULT, application_deadline=deadline, match_score=score), NOW)
    assert said is not None
    assert (said.details["level"], said.confidence) == (level, Decimal(confidence))
    wanted = None if level in {"unknown", "high"} else NOW + (left or DAY) - 3 * DAY
    assert said.expires_at == wanted


def test_unknown_inputs_give_no_signal() -> None:
    """Never a guess."""
    assert timing_hint(replace(RESULT, application_deadline=None), NOW) is None
    nothing = replace(RESULT, qualifications_met=0, qualifications_missing=0)
    assert fit_stability(nothing, NOW) is None


@given(
    st.sampled_from(SignalType),
    st.floats(0, 100),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.text(min_size=1, max_size=20),
    st.none() | st.timedeltas(timedelta(days=-400), timedelta(days=400)),
)
def test_whatever_a_model_says_may_be_stored(
    kind: SignalType, score: float, met: int, missing: int, provider: str, left: timedelta | None
) -> None:
    """And it says the same when it is asked again."""
    result = replace(
        RESULT,
        match_score=score,
        qualifications_met=met,
        qualifications_missing=missing,
        provider=provider,
        application_deadline=None if left is None else NOW + left,
    )
    said = MODELS[kind](result, NOW)
    assert said == MODELS[kind](result, NOW)
    if said is not None:
        require_contract(said, NOW)
        assert said.confidence == round(said.confidence, 4)
