"""A governed cost names its source, its price list and how far it can be trusted."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint

from helicarrier.cost import GovernedCost, PriceBook, PricedCall, Pricer, TokenCounts, govern
from helicarrier.errors import ErrorCode, VerificationFailed
from helicarrier.governance.enums import Confidence, CostSource

BookOf = Callable[..., PriceBook]

NOON = "2026-07-29T12:00:00.000000Z"
PRICE = ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(8))
MISSING = (None, None, "missing", "unknown")


@pytest.fixture(scope="module")
def dated(book_of: BookOf) -> Pricer:
    """Prices acme's rocket at 2 dollars in, 8 dollars out, at any time."""
    return Pricer(book_of(PRICE))


def price(
    pricer: Pricer,
    *,
    model_id: str = "rocket",
    occurred_at: str = NOON,
    prompt: int = 1_000,
    completion: int = 100,
    complete: bool = True,
    reported: Decimal | None = None,
) -> PricedCall:
    """Price one call of acme without any cache."""
    return pricer.price(
        "acme", model_id, occurred_at, prompt, 0, 0, 0, completion, complete, reported
    )


def test_reported_cost_wins(dated: Pricer) -> None:
    """What the provider says is taken as it is, with the highest confidence."""
    assert price(dated, reported=Decimal("0.5")) == (
        500_000_000,
        "provider_native",
        "provider_reported",
        "high",
    )


def test_reported_cost_is_rounded_to_nanos(dated: Pricer) -> None:
    """An exact half of a nano-dollar goes to the even one."""
    assert price(dated, reported=Decimal("0.0000000025"))[0] == 2


def test_reported_cost_needs_no_price(dated: Pricer) -> None:
    """A model that the list does not know may still have a reported cost."""
    assert price(dated, model_id="ship", reported=Decimal(1))[2:] == ("provider_reported", "high")


def test_complete_tokens_at_a_dated_price_give_medium(dated: Pricer) -> None:
    """1,000 tokens at 2 and 100 at 8 dollars per million are 0.0028 dollars."""
    assert price(dated) == (2_800_000, "acme@1", "derived", "medium")


def test_partial_tokens_give_low(dated: Pricer) -> None:
    """A log that lacks a class of tokens gives a lower bound, not a cost to trust."""
    assert price(dated, complete=False) == (2_800_000, "acme@1", "derived", "low")


def test_time_before_the_first_dated_price_gives_low(book_of: BookOf) -> None:
    """A price that may not have held at that time is used with low confidence."""
    july = StartDateConstraint(date(2026, 7, 1))
    pricer = Pricer(book_of([ConditionalPrice(july, prices=PRICE)]))
    found = [price(pricer, occurred_at=f"2026-0{month}-02T00:00:00.000000Z")[3] for month in (6, 7)]
    assert found == ["low", "medium"]


def test_unknown_model_is_missing(dated: Pricer) -> None:
    """No price: no cost and no version, never zero."""
    assert price(dated, model_id="ship") == MISSING


def test_used_class_without_price_is_missing(book_of: BookOf) -> None:
    """A call whose output has no price has no cost, although its input has one."""
    assert price(Pricer(book_of(ModelPrice(input_mtok=Decimal(1))))) == MISSING


def test_recorded_zero_with_tokens_is_derived(dated: Pricer) -> None:
    """A recorded 0 of a subscription is not free."""
    assert price(dated, reported=Decimal(0)) == price(dated)


def test_recorded_zero_with_tokens_of_an_unknown_model_is_missing(dated: Pricer) -> None:
    """Neither a recorded 0 nor the list says what the call cost."""
    assert price(dated, model_id="ship", reported=Decimal(0)) == MISSING


def test_recorded_zero_without_tokens_is_reported(dated: Pricer) -> None:
    """A call that used nothing and is recorded as costing nothing cost nothing."""
    found = price(dated, prompt=0, completion=0, reported=Decimal(0))
    assert found == (0, "provider_native", "provider_reported", "high")


@pytest.mark.parametrize("reported", [Decimal(-1), Decimal("NaN"), Decimal("Infinity")], ids=str)
def test_impossible_recorded_amount_is_derived(dated: Pricer, reported: Decimal) -> None:
    """An amount that no bill can hold says nothing."""
    assert price(dated, reported=reported) == price(dated)


def test_call_without_any_known_token_is_missing(dated: Pricer) -> None:
    """Unknown counts are not counts of zero."""
    assert price(dated, prompt=0, completion=0, complete=False) == MISSING


def test_call_that_used_no_tokens_costs_nothing(dated: Pricer) -> None:
    """Complete counts of zero are known."""
    assert price(dated, prompt=0, completion=0) == (0, "acme@1", "derived", "medium")


@pytest.mark.parametrize(
    ("complete", "confidence"),
    [pytest.param(True, "medium", id="complete"), pytest.param(False, "low", id="partial")],
)
def test_cost_that_a_client_computed_is_derived(
    dated: Pricer, complete: bool, confidence: str
) -> None:
    """A client's own arithmetic keeps the client's name and is not the provider's word."""
    found = dated.price(
        "acme",
        "rocket",
        NOON,
        1_000,
        0,
        0,
        0,
        100,
        complete,
        Decimal("0.25"),
        reported_by="pi_client",
    )
    assert found == (250_000_000, "pi_client", "derived", confidence)


@pytest.mark.parametrize(
    ("prompt", "nanos"),
    [
        pytest.param(1, 0, id="half-to-even-down"),
        pytest.param(3, 2, id="half-to-even-up"),
        pytest.param(5, 2, id="half-to-even-down-again"),
        pytest.param(7, 4, id="half-to-even-up-again"),
    ],
)
def test_call_is_rounded_once_half_to_even(book_of: BookOf, prompt: int, nanos: int) -> None:
    """At half a nano-dollar per token an odd count ends on an exact half."""
    pricer = Pricer(book_of(ModelPrice(input_mtok=Decimal("0.0005"))))
    assert price(pricer, prompt=prompt, completion=0)[0] == nanos


def test_classes_are_added_up_before_rounding(book_of: BookOf) -> None:
    """Two halves of a nano-dollar are one nano-dollar, not two roundings to zero."""
    half = Decimal("0.0005")
    pricer = Pricer(book_of(ModelPrice(input_mtok=half, output_mtok=half)))
    assert price(pricer, prompt=1, completion=1)[0] == 1


def test_govern_gives_the_result_of_the_pricer(book: PriceBook) -> None:
    """The typed function and the fast path are one implementation."""
    tokens = TokenCounts(
        prompt=3,
        cache_read=150_000,
        cache_write_5m=500,
        cache_write_1h=7_000,
        completion=900,
        reasoning=400,
    )
    governed = govern(
        tokens,
        provider="anthropic",
        model_id="claude-opus-5",
        occurred_at=datetime(2026, 7, 29, 14, tzinfo=timezone(timedelta(hours=2))),
        reported=None,
        tokens_complete=True,
        book=book,
    )
    row = Pricer(book).price(
        "anthropic", "claude-opus-5", NOON, 3, 150_000, 500, 7_000, 900, True, None, 400
    )
    assert row == (
        governed.cost_nanos,
        governed.pricing_version,
        governed.source,
        governed.confidence,
    )


def test_govern_prices_a_fast_call_by_its_context(book: PriceBook) -> None:
    """Fast mode of one model costs twice the standard price."""

    def cost(context: tuple[tuple[str, str], ...]) -> int:
        governed = govern(
            TokenCounts(prompt=1_000, completion=1_000),
            provider="anthropic",
            model_id="claude-opus-5",
            occurred_at=datetime(2026, 7, 29, tzinfo=UTC),
            reported=None,
            tokens_complete=True,
            book=book,
            context=context,
        )
        return governed.cost_nanos or 0

    assert cost((("speed", "fast"),)) == 2 * cost(()) > 0


def test_governed_cost_shows_dollars() -> None:
    """Nano-dollars are shown with nine decimal places."""
    cost = GovernedCost(
        cost_nanos=2_800_000,
        pricing_version="acme@1",
        source=CostSource.DERIVED,
        confidence=Confidence.MEDIUM,
    )
    assert str(cost.usd) == "0.002800000"


def test_missing_cost_shows_no_dollars() -> None:
    """A missing cost has no amount."""
    cost = GovernedCost(
        cost_nanos=None,
        pricing_version=None,
        source=CostSource.MISSING,
        confidence=Confidence.UNKNOWN,
    )
    assert cost.usd is None


@pytest.mark.parametrize(
    ("nanos", "version", "source", "confidence"),
    [
        pytest.param(1, None, CostSource.DERIVED, Confidence.LOW, id="derived-without-version"),
        pytest.param(1, "", CostSource.DERIVED, Confidence.LOW, id="derived-with-empty-version"),
        pytest.param(1, "acme@1", CostSource.MISSING, Confidence.UNKNOWN, id="missing-with-cost"),
        pytest.param(None, "acme@1", CostSource.DERIVED, Confidence.LOW, id="derived-without-cost"),
        pytest.param(1, "acme@1", CostSource.DERIVED, Confidence.UNKNOWN, id="cost-without-trust"),
        pytest.param(None, None, CostSource.MISSING, Confidence.LOW, id="trust-without-cost"),
    ],
)
def test_contradicting_parts_are_refused(
    nanos: int | None, version: str | None, source: CostSource, confidence: Confidence
) -> None:
    """No cost without its origin, and no origin without its cost."""
    with pytest.raises(VerificationFailed) as failure:
        GovernedCost(
            cost_nanos=nanos, pricing_version=version, source=source, confidence=confidence
        )
    assert failure.value.code is ErrorCode.GOVERNANCE_BREACH
