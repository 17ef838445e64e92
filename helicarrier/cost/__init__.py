"""Cost: token counts, price quotes at a time, governed cost. Knows no table and no log format."""

from helicarrier.cost.governed import GovernedCost, PricedCall, Pricer, govern
from helicarrier.cost.prices import (
    STANDARD,
    UNKNOWN_PROVIDER,
    PriceBook,
    PriceContext,
    bundled_version,
    provider_of,
)
from helicarrier.cost.rates import Rates
from helicarrier.cost.tokens import TokenClass, TokenCounts

__all__ = [
    "STANDARD",
    "UNKNOWN_PROVIDER",
    "GovernedCost",
    "PriceBook",
    "PriceContext",
    "PricedCall",
    "Pricer",
    "Rates",
    "TokenClass",
    "TokenCounts",
    "bundled_version",
    "govern",
    "provider_of",
]
