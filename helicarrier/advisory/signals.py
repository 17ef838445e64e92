"""The four signal models of `advisory_v1`: pure functions of a match result and a time.

Their numbers are the published constants of the first version: fixed weights that rank signals
against each other, fitted to nothing, so a confidence here is no probability. An unknown input
gives no signal; the one level that is called unknown says so and nothing more.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

from helicarrier import times
from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.model import Advice, Model
from helicarrier.matches.model import MatchResult

MODEL_VERSION = "advisory_v1"

SOON = timedelta(days=3)
STANDARD = timedelta(days=14)
LOW_RISK_SCORE = 75
_STEP = Decimal("0.0001")
_PROVIDER_BONUS = MappingProxyType(
    {"openai": Decimal("0.15"), "anthropic": Decimal("0.14"), "azure": Decimal("0.12")}
)
_OTHER_BONUS = Decimal("0.10")


def timing_hint(result: MatchResult, now: datetime) -> Advice | None:
    """When to apply, by the time that is left until the deadline.

    Source: `advisory_v1`. At most 3 days left: `apply_now`, 0.78; at most 14: `standard_window`,
    0.68; more, or none left: `deprioritize`, 0.60. Holds until the next threshold is crossed.
    An unknown deadline gives no signal.
    """
    deadline = result.application_deadline
    if deadline is None:
        return None
    left = deadline - now
    if timedelta() < left <= SOON:
        action, confidence, until = "apply_now", Decimal("0.78"), deadline
        summary = "The deadline is within 3 days: apply now."
    elif SOON < left <= STANDARD:
        action, confidence, until = "standard_window", Decimal("0.68"), deadline - SOON
        summary = "The deadline is within 14 days: apply in the usual order."
    elif left > STANDARD:
        action, confidence, until = "deprioritize", Decimal("0.60"), deadline - STANDARD
        summary = "The deadline is far: others come first."
    else:
        action, confidence, until = "deprioritize", Decimal("0.60"), None
        summary = "The deadline has passed."
    return Advice(
        summary=summary,
        details={"action": action, "application_deadline": times.utc_text(deadline)},
        confidence=confidence,
        expires_at=until,
    )


def fit_stability(result: MatchResult, _now: datetime) -> Advice | None:
    """How stable the judgement of the fit is, by how far the qualifications lean to one side.

    Source: `advisory_v1`. 0.55 + |0.5 - met / (met + missing)| * 0.35. Without qualifications
    there is nothing to lean: no signal.
    """
    met, missing = result.qualifications_met, result.qualifications_missing
    if met + missing == 0:
        return None
    lean = abs(Decimal("0.5") - Decimal(met) / Decimal(met + missing))
    return Advice(
        summary=f"{met} of {met + missing} qualifications are met.",
        details={"qualifications_met": met, "qualifications_missing": missing},
        confidence=_rounded(Decimal("0.55") + lean * Decimal("0.35")),
    )


def confidence_adjustment(result: MatchResult, _now: datetime) -> Advice | None:
    """How far the match score can be relied on, by who judged and how high the score is.

    Source: `advisory_v1`. 0.5 + a bonus of the provider (openai 0.15, anthropic 0.14, azure 0.12,
    any other 0.10) + min(1, score / 100) * 0.4, at most 1.
    """
    provider = result.provider.casefold()
    bonus = _PROVIDER_BONUS.get(provider, _OTHER_BONUS)
    share = min(Decimal(1), Decimal(str(result.match_score)) / 100)
    confidence = min(Decimal(1), Decimal("0.5") + bonus + share * Decimal("0.4"))
    return Advice(
        summary=f"The score of {result.match_score:g} comes from {result.provider}.",
        details={"match_score": result.match_score, "provider": result.provider},
        confidence=_rounded(confidence),
    )


def opportunity_risk(result: MatchResult, now: datetime) -> Advice | None:
    """How likely it is that the opportunity is missed.

    Source: `advisory_v1`. The first that holds: deadline unknown: `unknown`, 0.55; at most 3 days
    left or none: `high`, 0.70; score of at least 75: `low`, 0.72; else `medium`, 0.64. Holds until
    the last 3 days begin.
    """
    deadline = result.application_deadline
    until: datetime | None = None
    if deadline is None:
        level, confidence, summary = "unknown", Decimal("0.55"), "The deadline is not known."
    elif deadline - now <= SOON:
        level, confidence = "high", Decimal("0.70")
        summary = "The deadline is within 3 days or has passed."
    else:
        until = deadline - SOON
        if result.match_score >= LOW_RISK_SCORE:
            level, confidence = "low", Decimal("0.72")
            summary = "There is time, and the fit is good."
        else:
            level, confidence = "medium", Decimal("0.64")
            summary = "There is time; the fit is not sure."
    return Advice(
        summary=summary,
        details={"level": level, "match_score": result.match_score},
        confidence=confidence,
        expires_at=until,
    )


MODELS: Mapping[SignalType, Model] = MappingProxyType(
    {
        SignalType.TIMING_HINT: timing_hint,
        SignalType.FIT_STABILITY: fit_stability,
        SignalType.CONFIDENCE_ADJUSTMENT: confidence_adjustment,
        SignalType.OPPORTUNITY_RISK: opportunity_risk,
    }
)
"""The models in the order in which a pair is advised."""


def _rounded(confidence: Decimal) -> Decimal:
    return confidence.quantize(_STEP, ROUND_HALF_EVEN)
