"""Governed cost: what a call cost, who says so, by which price list, how far to trust it.

A number without its origin is worth little in a bill, so the four travel together and are made
in one place. What a provider reports wins. Else the cost is derived from the tokens and the
rates of that time. What can be known by neither is missing, never zero. `Pricer.price` is the
one implementation; `govern` gives it types.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from helicarrier.cost.prices import STANDARD, PriceBook, PriceContext
from helicarrier.cost.rates import nanos
from helicarrier.cost.tokens import TokenCounts
from helicarrier.errors import ErrorCode, VerificationFailed
from helicarrier.governance.enums import PROVIDER_NATIVE, SESSION_BILL, Confidence, CostSource
from helicarrier.money import from_nanos, to_nanos
from helicarrier.times import utc_text

PricedCall = tuple[int | None, str | None, str, str]
"""cost in nano-dollars, pricing_version, cost_source, cost_confidence: four columns of a row."""

_REPORTED = CostSource.PROVIDER_REPORTED.value
_DERIVED = CostSource.DERIVED.value
_HIGH = Confidence.HIGH.value
_MEDIUM = Confidence.MEDIUM.value
_LOW = Confidence.LOW.value
_MISSING: PricedCall = (None, None, CostSource.MISSING.value, Confidence.UNKNOWN.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernedCost:
    """A cost in nano-dollars with its origin; VerificationFailed when the parts contradict.

    `cost_nanos` and `pricing_version` are None exactly when `source` is missing, and only then
    is the confidence unknown.
    """

    cost_nanos: int | None
    pricing_version: str | None
    source: CostSource
    confidence: Confidence

    def __post_init__(self) -> None:
        """Refuse a cost without origin, and an origin without cost."""
        missing = self.source is CostSource.MISSING
        parts = (
            self.cost_nanos is None,
            not self.pricing_version,
            self.confidence is Confidence.UNKNOWN,
        )
        if any(part is not missing for part in parts):
            raise VerificationFailed(
                "a cost needs a pricing version, a source and a confidence, or none of them",
                code=ErrorCode.GOVERNANCE_BREACH,
            )

    @property
    def usd(self) -> Decimal | None:
        """The cost in dollars, nine decimal places; None when it is missing."""
        return None if self.cost_nanos is None else from_nanos(self.cost_nanos)


class Pricer:
    """Prices calls one by one against a book: the importer's inner loop, about 2 us when warm."""

    __slots__ = ("_day", "_version")

    def __init__(self, book: PriceBook) -> None:
        """Args: book, which keeps the rates between calls and between pricers."""
        self._day = book.day
        self._version = book.version

    def price(  # noqa: PLR0913, PLR0917 - one argument per column; packing them costs time
        self,
        provider: str | None,
        model_id: str,
        occurred_at: str,
        prompt: int,
        cache_read: int,
        cache_write_5m: int,
        cache_write_1h: int,
        completion: int,
        tokens_complete: bool,  # noqa: FBT001 - a column like the others
        reported: Decimal | None,
        reasoning: int = 0,
        context: PriceContext = STANDARD,
        reported_by: str = PROVIDER_NATIVE,
    ) -> PricedCall:
        """Price one call.

        Args: provider and model as logged; occurred_at as 27-character UTC text; tokens as in
        `TokenCounts`; tokens_complete False when the log lacks a class; reported the dollars in
        the log, if any; context what departs from the standard price; reported_by the pricing
        version of `reported`: a client that computes a cost itself did not report the provider's.

        A recorded 0 for a call that used tokens says nothing (a subscription, a trial, a person)
        and neither does an amount below zero or not finite: the cost is then derived. A share of
        a bill may well be 0.
        """
        context_tokens = prompt + cache_read + cache_write_5m + cache_write_1h
        used = context_tokens + completion
        if reported is not None and (
            _is_statement(reported, used) or (reported_by == SESSION_BILL and not reported)
        ):
            cost = to_nanos(reported)
            if reported_by == PROVIDER_NATIVE:
                return cost, PROVIDER_NATIVE, _REPORTED, _HIGH
            return cost, reported_by, _DERIVED, _MEDIUM if tokens_complete else _LOW
        if not used and not tokens_complete:
            return _MISSING
        day = self._day(provider, model_id, occurred_at[:10], context)
        rates = None if day is None else day.at(occurred_at, context_tokens)
        if rates is None:
            return _MISSING
        yoctos = rates.yoctos(
            prompt, cache_read, cache_write_5m, cache_write_1h, completion, reasoning
        )
        if yoctos is None:
            return _MISSING
        confidence = _MEDIUM if tokens_complete and rates.dated else _LOW
        return nanos(yoctos), self._version, _DERIVED, confidence


def govern(  # noqa: PLR0913 - the facts of one call, all named
    tokens: TokenCounts,
    *,
    provider: str | None,
    model_id: str,
    occurred_at: datetime,
    reported: Decimal | None,
    tokens_complete: bool,
    book: PriceBook,
    context: PriceContext = STANDARD,
    reported_by: str = PROVIDER_NATIVE,
) -> GovernedCost:
    """The governed cost of one call at an aware time; arguments as in `Pricer.price`."""
    cost, version, source, confidence = Pricer(book).price(
        provider,
        model_id,
        utc_text(occurred_at),
        tokens.prompt,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        tokens.completion,
        tokens_complete,
        reported,
        tokens.reasoning,
        context,
        reported_by,
    )
    return GovernedCost(
        cost_nanos=cost,
        pricing_version=version,
        source=CostSource(source),
        confidence=Confidence(confidence),
    )


def _is_statement(reported: Decimal, tokens_used: int) -> bool:
    return reported.is_finite() and (reported > 0 or (reported == 0 and not tokens_used))
