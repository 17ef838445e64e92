"""The closed vocabularies of deciding: breakers, budgets, reviews, configurations, decisions.

Database CHECKs and the configuration read them. What mismatches and plans are made of stands in
`enums`.
"""

from enum import StrEnum


class BreakerState(StrEnum):
    """Whether a breaker lets anything through; half open is still shut, but on its way back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(StrEnum):
    """What trips a breaker."""

    FP_RATE_7D = "fp_rate_7d"
    FP_RATE_24H = "fp_rate_24h"
    CONSECUTIVE_FAILURES = "consecutive_failures"
    KAPPA_OVERALL = "kappa_overall"
    KAPPA_CI_LOWER = "kappa_ci_lower"
    CONFIDENCE_DROP = "confidence_drop"
    COST_SPIKE_1H = "cost_spike_1h"
    COST_SPIKE_1D = "cost_spike_1d"
    BUDGET = "budget"
    COMPLAINTS = "complaints"
    SATISFACTION = "satisfaction"


class Operation(StrEnum):
    """What money and calls are set aside for."""

    ANALYZE = "analyze"
    JUDGE = "judge"
    EMBED = "embed"
    RESOLVE = "resolve"


class ReservationState(StrEnum):
    """Where a reservation stands; an open one counts in full until its day is over."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


class ReviewVerdict(StrEnum):
    """What a person says of a resolution."""

    CORRECT = "correct"
    FALSE_POSITIVE = "false_positive"
    COMPLAINT = "complaint"


class ConfigOutcome(StrEnum):
    """Whether a runtime configuration that was read came into force."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class DecisionType(StrEnum):
    """What was decided."""

    ANALYSIS = "analysis"
    RESOLUTION = "resolution"
    LEARNING = "learning"
