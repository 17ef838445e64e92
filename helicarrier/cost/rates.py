"""What one token of each class costs, as whole numbers, and the one sum that prices a call.

Prices are published per million tokens with up to 18 decimal places (some sellers publish float
noise), so one token is an exact whole number of yocto-dollars (10**-24). Adding up integers is
exact and ten times faster than Decimal; a call is rounded to nano-dollars once, at its end.
A class that the price list leaves out costs what its parent class costs (a cached token without
a cache price is an input token), which is how genai-prices itself decomposes usage.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from helicarrier.cost.tokens import TokenClass

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

_YOCTO_DIGITS = 24
_MILLION_DIGITS = 6
_THOUSAND_DIGITS = 3
_YOCTOS_PER_NANO = 10**15
_HALF_NANO = _YOCTOS_PER_NANO // 2

_PRICE_KEYS: dict[TokenClass, tuple[str, ...]] = {
    TokenClass.PROMPT: ("input_mtok",),
    TokenClass.CACHE_READ: ("cache_read_mtok", "input_mtok"),
    TokenClass.CACHE_WRITE_5M: ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
    TokenClass.CACHE_WRITE_1H: ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
    TokenClass.COMPLETION: ("output_mtok",),
    TokenClass.REASONING: ("output_reasoning_mtok", "output_mtok"),
}
_CALL_PRICE_KEY = "requests_kcount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices in yocto-dollars (10**-24) per token, valid at one time and for one context tier.

    `per_call` is a fee per call. A class in `unpriced` has no price, neither its own nor a
    parent's; its number here is 0 and means nothing. `above_tokens` is where the tier starts
    (exclusive; 0 for the first). `dated` says whether the list knows this price to be valid at
    that time. `source_model` is `<seller>/<model>` of the matched entry.
    """

    prompt: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    completion: int
    reasoning: int
    per_call: int
    unpriced: frozenset[TokenClass]
    above_tokens: int
    dated: bool
    source_model: str

    def yoctos(
        self,
        prompt: int,
        cache_read: int,
        cache_write_5m: int,
        cache_write_1h: int,
        completion: int,
        reasoning: int = 0,
    ) -> int | None:
        """The exact cost of a call in yocto-dollars; None when it used a class without price.

        `completion` includes `reasoning`; reasoning beyond the completion is ignored.
        """
        if self.unpriced:
            counts = (prompt, cache_read, cache_write_5m, cache_write_1h, completion, reasoning)
            for token_class, count in zip(TokenClass, counts, strict=True):
                if count and token_class in self.unpriced:
                    return None
        total = (
            self.per_call
            + prompt * self.prompt
            + cache_read * self.cache_read
            + cache_write_5m * self.cache_write_5m
            + cache_write_1h * self.cache_write_1h
            + completion * self.completion
        )
        if reasoning:
            total += min(reasoning, completion) * (self.reasoning - self.completion)
        return total

    def per_million(self, token_class: TokenClass) -> Decimal | None:
        """Dollars per million tokens of a class, as the price list states it; None without."""
        if token_class in self.unpriced:
            return None
        by_class = (
            self.prompt,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.completion,
            self.reasoning,
        )
        yoctos = dict(zip(TokenClass, by_class, strict=True))[token_class]
        return Decimal(yoctos).scaleb(_MILLION_DIGITS - _YOCTO_DIGITS)


def nanos(yoctos: int) -> int:
    """Yocto-dollars -> nano-dollars, rounded half to even."""
    whole, rest = divmod(yoctos, _YOCTOS_PER_NANO)
    if rest > _HALF_NANO or (rest == _HALF_NANO and whole & 1):
        whole += 1
    return whole


def tier_starts(prices: "ModelPrice") -> tuple[int, ...]:
    """The context sizes above which any token price changes, ascending."""
    from genai_prices.types import TieredPrices

    keys = {key for chain in _PRICE_KEYS.values() for key in chain}
    tiered = [price for key in keys if isinstance(price := _price(prices, key), TieredPrices)]
    return tuple(sorted({tier.start for price in tiered for tier in price.tiers}))


def rates_of(
    prices: "ModelPrice", *, context_tokens: int, dated: bool, source_model: str
) -> Rates | None:
    """The rates for a call of `context_tokens` input tokens; None when no token has a price.

    An entry without any token price is a free or flat-rate model: what it costs is unknown.
    """
    from genai_prices.types import calc_unit_price

    yoctos: dict[TokenClass, int] = {}
    for token_class, keys in _PRICE_KEYS.items():
        price = next((found for key in keys if (found := _price(prices, key)) is not None), None)
        if price is not None:
            # One token at per=1 is the package's own choice of the tier, not a second copy of it.
            per_million = calc_unit_price(price, 1, context_tokens, 1)
            yoctos[token_class] = _whole(per_million, _MILLION_DIGITS)
    if not yoctos:
        return None
    call_price = _price(prices, _CALL_PRICE_KEY)
    return Rates(
        prompt=yoctos.get(TokenClass.PROMPT, 0),
        cache_read=yoctos.get(TokenClass.CACHE_READ, 0),
        cache_write_5m=yoctos.get(TokenClass.CACHE_WRITE_5M, 0),
        cache_write_1h=yoctos.get(TokenClass.CACHE_WRITE_1H, 0),
        completion=yoctos.get(TokenClass.COMPLETION, 0),
        reasoning=yoctos.get(TokenClass.REASONING, 0),
        per_call=_whole(calc_unit_price(call_price, 1, context_tokens, 1), _THOUSAND_DIGITS),
        unpriced=frozenset(TokenClass) - yoctos.keys(),
        above_tokens=max(0, context_tokens - 1),
        dated=dated,
        source_model=source_model,
    )


def _price(prices: "ModelPrice", key: str) -> "Decimal | TieredPrices | None":
    # A price list of another version may not know the key at all; that is "no price", too.
    price: Decimal | TieredPrices | None = getattr(prices, key, None)
    return price


def _whole(price: Decimal, unit_digits: int) -> int:
    shifted = price.scaleb(_YOCTO_DIGITS - unit_digits)
    return int(shifted.to_integral_value(rounding=ROUND_HALF_EVEN))
