"""Rates are exact whole numbers, and a call is rounded once, half to even."""

from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice, Tier, TieredPrices

from helicarrier.cost import Rates, TokenClass
from helicarrier.cost.rates import nanos, rates_of, tier_starts

NANO = 10**15


def rates(prices: ModelPrice, context_tokens: int = 0) -> Rates | None:
    """The rates of a price for a size of context."""
    return rates_of(prices, context_tokens=context_tokens, dated=True, source_model="acme/rocket")


@pytest.mark.parametrize(
    ("yoctos", "expected"),
    [
        pytest.param(NANO // 2 - 1, 0, id="below-half"),
        pytest.param(NANO // 2, 0, id="half-to-even-down"),
        pytest.param(NANO // 2 + 1, 1, id="above-half"),
        pytest.param(NANO + NANO // 2, 2, id="half-to-even-up"),
        pytest.param(7 * NANO, 7, id="whole"),
    ],
)
def test_nanos_rounds_half_to_even(yoctos: int, expected: int) -> None:
    """An exact half goes to the even nano-dollar, everything else to the nearest."""
    assert nanos(yoctos) == expected


@pytest.mark.parametrize(
    ("token_class", "key"),
    [
        pytest.param(TokenClass.PROMPT, "input_mtok", id="prompt"),
        pytest.param(TokenClass.CACHE_READ, "cache_read_mtok", id="cache-read"),
        pytest.param(TokenClass.CACHE_WRITE_5M, "cache_write_mtok", id="cache-write"),
        pytest.param(TokenClass.CACHE_WRITE_1H, "cache_write_1h_mtok", id="one-hour-write"),
        pytest.param(TokenClass.COMPLETION, "output_mtok", id="completion"),
    ],
)
def test_every_published_price_is_exact(token_class: TokenClass, key: str) -> None:
    """No token price of the bundled list loses a digit when it becomes a whole number."""
    lossy = []
    for provider in providers:
        for model in provider.models:
            entries = model.prices
            listed = [entries] if isinstance(entries, ModelPrice) else [e.prices for e in entries]
            for prices in listed:
                published = getattr(prices, key)
                base = published.base if isinstance(published, TieredPrices) else published
                found = rates(prices)
                if base is not None and (found is None or base != found.per_million(token_class)):
                    lossy.append(f"{provider.id}/{model.id}")
    assert lossy == []


def test_class_without_price_costs_its_parent() -> None:
    """Cached tokens without a cache price are input; reasoning without one is output."""
    found = rates(ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(8)))
    assert found is not None
    assert found.yoctos(1, 1, 1, 1, 1, 1) == found.yoctos(4, 0, 0, 0, 1)


def test_one_hour_write_takes_the_price_of_writes_before_that_of_input() -> None:
    """Without a price for one hour the general price of cache writes holds."""
    found = rates(ModelPrice(input_mtok=Decimal(2), cache_write_mtok=Decimal("2.5")))
    assert found is not None
    assert found.per_million(TokenClass.CACHE_WRITE_1H) == Decimal("2.5")


def test_reasoning_with_its_own_price_replaces_that_part_of_the_completion() -> None:
    """Ten completion tokens of which four are reasoning cost six and four of each price."""
    found = rates(
        ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(8), output_reasoning_mtok=Decimal(3))
    )
    assert found is not None
    assert found.yoctos(0, 0, 0, 0, 10, 4) == (6 * 8 + 4 * 3) * 10**18


def test_reasoning_beyond_the_completion_is_ignored() -> None:
    """A log that counts more reasoning than output cannot make the cost negative."""
    found = rates(ModelPrice(output_mtok=Decimal(8), output_reasoning_mtok=Decimal(3)))
    assert found is not None
    assert found.yoctos(0, 0, 0, 0, 10, 99) == 10 * 3 * 10**18


def test_fee_per_call_is_charged_once() -> None:
    """A price per thousand requests adds a thousandth of it to each call."""
    found = rates(ModelPrice(input_mtok=Decimal(1), requests_kcount=Decimal(12)))
    assert found is not None
    assert found.yoctos(0, 0, 0, 0, 0) == 12 * 10**21


def test_used_class_without_any_price_has_no_cost() -> None:
    """Output of a model that prices input only is unknown, not free."""
    found = rates(ModelPrice(input_mtok=Decimal(1)))
    assert found is not None
    assert found.yoctos(5, 0, 0, 0, 1) is None


def test_unused_class_without_price_does_no_harm() -> None:
    """A call to an embedding model has no output, so its price is complete."""
    found = rates(ModelPrice(input_mtok=Decimal(1)))
    assert found is not None
    assert found.yoctos(5, 0, 0, 0, 0) == 5 * 10**18


def test_unpriced_class_shows_no_price() -> None:
    """An explanation shows nothing where the list says nothing."""
    found = rates(ModelPrice(input_mtok=Decimal(1)))
    assert found is not None
    assert found.per_million(TokenClass.COMPLETION) is None


def test_entry_without_token_prices_gives_no_rates() -> None:
    """A free or flat-rate entry is a model of unknown cost."""
    assert rates(ModelPrice(audio_hours=Decimal(1))) is None


def test_tier_starts_are_those_of_all_classes() -> None:
    """Classes may change price at different sizes of context."""
    prices = ModelPrice(
        input_mtok=TieredPrices(Decimal(1), [Tier(200, Decimal(2))]),
        output_mtok=TieredPrices(Decimal(3), [Tier(100, Decimal(4)), Tier(200, Decimal(5))]),
    )
    assert tier_starts(prices) == (100, 200)
