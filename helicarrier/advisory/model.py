"""What a model says, what is stored of it, and how a decision ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from helicarrier.advisory.enums import Outcome, SignalType
from helicarrier.canonical import JSONValue
from helicarrier.matches.model import MatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a model says of a match result.

    `confidence` is from 0 to 1 with four decimal places; `expires_at` is when it stops to hold,
    None where time does not change it.
    """

    summary: str
    details: Mapping[str, JSONValue]
    confidence: Decimal
    expires_at: datetime | None = None


Model = Callable[[MatchResult, datetime], Advice | None]
"""A pure function of a match result and a time; None where an input is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal as it is shown."""

    kind: SignalType
    confidence: Decimal
    summary: str
    details: Mapping[str, JSONValue]
    model_version: str
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a decision ended; `signal_id` where there is a signal now."""

    outcome: Outcome
    signal_id: str | None = None
