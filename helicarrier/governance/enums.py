"""Where a number comes from and how far it can be trusted: the vocabulary of provenance.

These enums are the single source of the database CHECKs, the pandera schemas and the documents.
"""

from enum import StrEnum


class CostSource(StrEnum):
    """Who says what a call cost."""

    PROVIDER_REPORTED = "provider_reported"
    DERIVED = "derived"
    MISSING = "missing"


class ValueSource(StrEnum):
    """Who says how many tokens or milliseconds a call took."""

    PROVIDER_REPORTED = "provider_reported"
    DERIVED = "derived"
    MISSING = "missing"


class Confidence(StrEnum):
    """How far a value can be trusted.

    `high`: reported by the provider. `medium`: derived from complete tokens and a price dated at
    that time. `low`: an undated or later price, or partial tokens. `unknown`: no value.
    """

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


PROVIDER_NATIVE = "provider_native"
"""The pricing version of a cost that the provider itself reported."""

SESSION_BILL = "session_bill"
"""The pricing version of a cost that is a call's share of what its session was billed."""
