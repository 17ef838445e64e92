"""The closed vocabularies of the area: kinds of signals, what is counted, how a decision ends."""

from enum import StrEnum


class SignalType(StrEnum):
    """What a signal is about; a pair is advised in this order."""

    TIMING_HINT = "timing_hint"
    FIT_STABILITY = "fit_stability"
    CONFIDENCE_ADJUSTMENT = "confidence_adjustment"
    OPPORTUNITY_RISK = "opportunity_risk"


class Event(StrEnum):
    """What is counted of decisions, in the order of the path.

    Each attempt ends as exactly one of success, error and violation.
    """

    DISABLED_NOOP = "disabled_noop"
    ROLLOUT_INELIGIBLE = "rollout_ineligible"
    CACHE_HIT = "cache_hit"
    CACHE_MISS = "cache_miss"
    BUDGET_GRANTED = "budget_granted"
    BUDGET_EXHAUSTED = "budget_exhausted"
    COMPUTE_ATTEMPTED = "compute_attempted"
    COMPUTE_SUCCESS = "compute_success"
    COMPUTE_ERROR = "compute_error"
    CONTRACT_VIOLATION = "contract_violation"


class Outcome(StrEnum):
    """How a decision ended."""

    DISABLED = "disabled"
    INELIGIBLE = "ineligible"
    CACHED = "cached"
    EXHAUSTED = "exhausted"
    COMPUTED = "computed"
    NO_SIGNAL = "no_signal"  # an input is unknown: nothing is said, the budget is given back
    LOST_RACE = "lost_race"  # another worker's signal for the same key came first
    FAILED = "failed"
