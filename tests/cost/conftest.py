"""The bundled book, and books of one seller made for one question."""

from collections.abc import Callable

import pytest
from genai_prices.types import (
    ClauseEquals,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
)

from helicarrier.cost import PriceBook

BookOf = Callable[..., PriceBook]


@pytest.fixture(scope="session")
def book() -> PriceBook:
    """The price list that ships with genai-prices."""
    return PriceBook()


@pytest.fixture(scope="session")
def book_of() -> BookOf:
    """Makes a book (`acme@1`): acme lists one model, rocket, and outlet borrows it from acme."""

    def make(
        prices: ModelPrice | list[ConditionalPrice], variants: list[PriceVariant] | None = None
    ) -> PriceBook:
        rocket = ModelInfo(
            id="rocket", match=ClauseEquals("rocket"), prices=prices, price_variants=variants
        )
        acme = Provider(
            id="acme",
            name="Acme",
            api_pattern="https://acme",
            model_match=ClauseStartsWith("rocket"),
            models=[rocket],
        )
        outlet = Provider(
            id="outlet",
            name="Outlet",
            api_pattern="https://outlet",
            fallback_model_providers=["acme"],
        )
        return PriceBook(providers=[acme, outlet], version="acme@1")

    return make
