"""The book agrees with genai-prices to the last digit and says how sure it is of the date."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from pathlib import Path

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import helicarrier
from helicarrier.cost import (
    STANDARD,
    PriceBook,
    PriceContext,
    TokenClass,
    TokenCounts,
    prices,
    provider_of,
)
from helicarrier.errors import StorageUnavailable

NOON = datetime(2026, 7, 29, 12, tzinfo=UTC)
FAST: PriceContext = (("speed", "fast"),)
BATCH: PriceContext = (("processing", "batch"),)
ONE, TWO, THREE = (ModelPrice(input_mtok=Decimal(n)) for n in (1, 2, 3))
MAY = StartDateConstraint(date(2026, 5, 1))
JULY = StartDateConstraint(date(2026, 7, 1))
MODELS = [(provider.id, model) for provider in providers for model in provider.models]
COUNTS = st.integers(min_value=0, max_value=2_000_000)
BookOf = Callable[..., PriceBook]


def usage(tokens: TokenCounts) -> genai_prices.Usage:
    """The same tokens in the terms of genai-prices, whose classes overlap."""
    return genai_prices.Usage(
        input_tokens=tokens.context,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        cache_write_5m_tokens=tokens.cache_write_5m,
        cache_write_1h_tokens=tokens.cache_write_1h,
        output_tokens=tokens.completion,
        output_reasoning_tokens=tokens.reasoning,
    )


def disagreement(
    book: PriceBook,
    provider_id: str,
    model: ModelInfo,
    tokens: TokenCounts,
    at: datetime,
    context: PriceContext = STANDARD,
) -> str | None:
    """How the book and genai-prices differ about one call; None when they do not."""
    rates = book.rates(provider_id, model.id, at, tokens.context, context)
    with localcontext() as exactly:
        exactly.prec = 60
        try:
            theirs = genai_prices.calc_price(
                usage(tokens),
                model.id,
                provider_id=provider_id,
                genai_request_timestamp=at,
                price_context=dict(context),
            )
        except LookupError:  # some entries are families that no model name equals
            return None if rates is None else "rates for a name that the list does not match"
        listed = theirs.model_price
        if rates is None:
            priced = (listed.input_mtok, listed.output_mtok) != (None, None)
            return "no rates for a priced model" if priced else None
        ours = rates.yoctos(
            tokens.prompt,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            tokens.completion,
            tokens.reasoning,
        )
        if ours is None:
            priced = None not in (listed.input_mtok, listed.output_mtok)
            return "no cost although input and output are priced" if priced else None
        mine = Decimal(ours).scaleb(-24)
        return None if mine == theirs.total_price else f"{mine} is not {theirs.total_price}"


@pytest.mark.parametrize("context_tokens", [1_001, 300_001], ids=["short", "long"])
def test_every_model_agrees_with_genai_prices(book: PriceBook, context_tokens: int) -> None:
    """Each model of the list gives the same dollars, with a short and with a long context."""
    tokens = TokenCounts(
        prompt=context_tokens - 600,
        cache_read=300,
        cache_write_5m=200,
        cache_write_1h=100,
        completion=77,
        reasoning=33,
    )
    found = {
        f"{provider_id}/{model.id}": disagreement(book, provider_id, model, tokens, NOON)
        for provider_id, model in MODELS
    }
    assert {name: text for name, text in found.items() if text} == {}


@settings(derandomize=True, deadline=None, max_examples=300, database=None)
@given(
    choice=st.sampled_from(MODELS),
    tokens=st.builds(
        TokenCounts,
        prompt=COUNTS,
        cache_read=COUNTS,
        cache_write_5m=COUNTS,
        cache_write_1h=COUNTS,
        completion=COUNTS.map(lambda count: count + 2_000_000),
        reasoning=COUNTS,
    ),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis takes naive bounds
    context=st.sampled_from([STANDARD, FAST, BATCH, (("service_tier", "flex"),)]),
)
def test_any_call_agrees_with_genai_prices(
    book: PriceBook,
    choice: tuple[str, ModelInfo],
    tokens: TokenCounts,
    at: datetime,
    context: PriceContext,
) -> None:
    """Any mix of tokens, at any time and in any context, costs the same to the last digit."""
    assert disagreement(book, *choice, tokens, at, context) is None


def test_version_names_package_and_data(book: PriceBook) -> None:
    """The version is the package's and the first 12 hex digits of its data file's sha256."""
    data = Path(genai_prices.__file__).with_name("data.py").read_bytes()
    digest = hashlib.sha256(data).hexdigest()[:12]
    assert book.version == f"genai-prices@{genai_prices.__version__}+{digest}"


def test_version_has_a_fixed_form(book: PriceBook) -> None:
    """Version, plus sign, twelve lower-case hex digits: it is stored and compared as text."""
    assert re.fullmatch(r"genai-prices@\d+(\.\d+)+\+[0-9a-f]{12}", book.version)


def test_version_is_known_without_importing_the_list() -> None:
    """Naming the version must not cost the time of the import."""
    code = (
        "import sys; from helicarrier.cost import PriceBook; PriceBook();"
        "sys.exit('genai_prices' in sys.modules)"
    )
    root = Path(helicarrier.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_list_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the failure says what is missing."""
    monkeypatch.setattr(prices, "_MODULE", "no_such_price_list")
    with pytest.raises(StorageUnavailable, match="genai-prices cannot be found"):
        prices.bundled_version.__wrapped__()


def test_installed_snapshot_does_not_change_prices() -> None:
    """A list that another library puts into the process is not the one the version names."""
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert PriceBook().rates("anthropic", "claude-opus-4-5", NOON, 1) is not None
    finally:
        set_custom_snapshot(None)


def test_providers_without_version_are_refused() -> None:
    """A price whose list has no name would be no evidence."""
    with pytest.raises(ValueError, match="belong together"):
        PriceBook(providers=[])


@pytest.mark.parametrize(
    ("token_class", "dollars"),
    [
        pytest.param(TokenClass.PROMPT, "5", id="prompt"),
        pytest.param(TokenClass.CACHE_READ, "0.5", id="cache-read"),
        pytest.param(TokenClass.CACHE_WRITE_5M, "6.25", id="five-minute-write"),
        pytest.param(TokenClass.CACHE_WRITE_1H, "10", id="one-hour-write"),
        pytest.param(TokenClass.COMPLETION, "25", id="completion"),
    ],
)
def test_cache_writes_of_five_minutes_and_one_hour_are_priced_apart(
    book: PriceBook, token_class: TokenClass, dollars: str
) -> None:
    """The published prices of one model: a one-hour write costs twice the input."""
    rates = book.rates("anthropic", "claude-opus-4-5-20251101", NOON, 1_000)
    assert rates is not None
    assert rates.per_million(token_class) == Decimal(dollars)


@pytest.mark.parametrize(
    ("context_tokens", "dollars", "above"),
    [
        pytest.param(200_000, "3", 0, id="at-the-threshold"),
        pytest.param(200_001, "6", 200_000, id="above-it"),
    ],
)
def test_context_tier_starts_above_its_threshold(
    book: PriceBook, context_tokens: int, dollars: str, above: int
) -> None:
    """The larger price holds from one token above the threshold, for all tokens."""
    rates = book.rates("anthropic", "claude-sonnet-4-5", NOON, context_tokens)
    assert rates is not None
    assert (rates.per_million(TokenClass.PROMPT), rates.above_tokens) == (Decimal(dollars), above)


def test_tiers_of_classes_need_not_coincide(book_of: BookOf) -> None:
    """Between two thresholds each class has the tier that it reached."""
    price = ModelPrice(
        input_mtok=TieredPrices(Decimal(1), [Tier(100, Decimal(2))]),
        cache_read_mtok=TieredPrices(Decimal(3), [Tier(200, Decimal(4))]),
    )
    rates = book_of(price).rates("acme", "rocket", NOON, 150)
    assert rates is not None
    found = (rates.per_million(TokenClass.PROMPT), rates.per_million(TokenClass.CACHE_READ))
    assert found == (Decimal(2), Decimal(3))


def quote(book: PriceBook, at: datetime, context: PriceContext = STANDARD) -> tuple[int, bool]:
    """Dollars per million input tokens of acme's rocket, and whether the price is dated."""
    rates = book.rates("acme", "rocket", at, 1, context)
    assert rates is not None
    return int(rates.per_million(TokenClass.PROMPT) or 0), rates.dated


def at(text: str) -> datetime:
    """A UTC time from ISO text without a zone."""
    return datetime.fromisoformat(f"{text}+00:00")


def test_only_price_of_a_model_is_dated(book_of: BookOf) -> None:
    """A model whose price never changed has the same price at any time."""
    assert quote(book_of(ONE), at("2020-01-01T00:00:00")) == (1, True)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param("2026-04-30T23:59:59.999999", (1, True), id="before-the-first-date"),
        pytest.param("2026-05-01T00:00:00", (2, True), id="first-moment-of-the-day"),
        pytest.param("2026-06-30T23:59:59.999999", (2, True), id="last-moment-before-the-next"),
        pytest.param("2026-07-01T00:00:00", (3, True), id="next-price"),
    ],
)
def test_time_of_the_event_decides_the_price(
    book_of: BookOf, moment: str, expected: tuple[int, bool]
) -> None:
    """Dated prices start at UTC midnight; until the first of them the unconditional one holds."""
    book = book_of(
        [
            ConditionalPrice(prices=ONE),
            ConditionalPrice(MAY, prices=TWO),
            ConditionalPrice(JULY, prices=THREE),
        ]
    )
    assert quote(book, at(moment)) == expected


def test_price_that_starts_later_is_not_dated(book_of: BookOf) -> None:
    """When only a later price is listed it is used, and known to be later."""
    assert quote(book_of([ConditionalPrice(JULY, prices=TWO)]), at("2026-01-01T00:00:00")) == (
        2,
        False,
    )


def test_day_of_a_price_is_the_utc_day(book_of: BookOf) -> None:
    """A time with another offset is converted before the day is taken."""
    book = book_of([ConditionalPrice(prices=ONE), ConditionalPrice(JULY, prices=TWO)])
    assert quote(book, datetime.fromisoformat("2026-07-01T01:00:00+02:00")) == (1, True)


@pytest.mark.parametrize(
    ("moment", "dollars"),
    [
        pytest.param("2026-07-29T00:29:59.999999", 1, id="before"),
        pytest.param("2026-07-29T00:30:00", 2, id="start-included"),
        pytest.param("2026-07-29T16:29:59.999999", 2, id="inside"),
        pytest.param("2026-07-29T16:30:00", 1, id="end-excluded"),
    ],
)
def test_hour_of_the_event_decides_an_off_peak_price(
    book_of: BookOf, moment: str, dollars: int
) -> None:
    """Two calls of one day may have two prices, whichever was asked for first."""
    hours = TimeOfDateConstraint(time(0, 30), time(16, 30, tzinfo=UTC))
    book = book_of([ConditionalPrice(prices=ONE), ConditionalPrice(hours, prices=TWO)])
    quote(book, NOON)
    assert quote(book, at(moment)) == (dollars, True)


def test_hours_across_midnight_are_honoured(book_of: BookOf) -> None:
    """An interval that ends before it starts holds at both ends of the day."""
    night = TimeOfDateConstraint(time(22), time(6))
    book = book_of([ConditionalPrice(prices=ONE), ConditionalPrice(night, prices=TWO)])
    hours = (5, 6, 21, 22)
    assert [quote(book, NOON.replace(hour=hour))[0] for hour in hours] == [2, 1, 1, 2]


def test_hours_with_an_offset_are_converted(book_of: BookOf) -> None:
    """An interval stated in another zone starts at its UTC time."""
    abroad = timezone(timedelta(hours=8))
    hours = TimeOfDateConstraint(time(8, tzinfo=abroad), time(12, tzinfo=abroad))
    book = book_of([ConditionalPrice(prices=ONE), ConditionalPrice(hours, prices=TWO)])
    assert [quote(book, NOON.replace(hour=hour))[0] for hour in (0, 3, 4)] == [2, 2, 1]


def test_no_condition_that_holds_leaves_the_price_undated(book_of: BookOf) -> None:
    """Outside the only listed hours the first price is a guess."""
    hours = TimeOfDateConstraint(time(1), time(2))
    assert quote(book_of([ConditionalPrice(hours, prices=ONE)]), NOON) == (1, False)


def test_context_selects_its_variant(book_of: BookOf) -> None:
    """A fast request has the price of fast requests."""
    book = book_of(ONE, [PriceVariant({"speed": "fast"}, TWO)])
    assert (quote(book, NOON), quote(book, NOON, FAST)) == ((1, True), (2, True))


def test_context_without_variant_is_not_dated(book_of: BookOf) -> None:
    """The standard price of a request that was not standard is not known to be right."""
    assert quote(book_of(ONE, [PriceVariant({"speed": "fast"}, TWO)]), NOON, BATCH) == (1, False)


def test_context_of_which_only_a_part_is_priced_is_not_dated(book_of: BookOf) -> None:
    """A fast batch at the price of a fast request is a guess."""
    book = book_of(ONE, [PriceVariant({"speed": "fast"}, TWO)])
    assert quote(book, NOON, BATCH + FAST) == (2, False)


def test_variant_of_a_later_date_is_not_dated(book_of: BookOf) -> None:
    """Before a variant's first day the standard price stands in for it."""
    book = book_of(ONE, [PriceVariant({"processing": "batch"}, TWO, JULY)])
    assert quote(book, at("2026-06-30T00:00:00"), BATCH) == (1, False)


def test_variant_bound_to_hours_is_resolved_per_period(book_of: BookOf) -> None:
    """The hours of a variant split the day, too."""
    hours = TimeOfDateConstraint(time(11), time(13))
    book = book_of(ONE, [PriceVariant({"speed": "fast"}, TWO, hours)])
    found = [quote(book, NOON.replace(hour=hour), FAST) for hour in (10, 12, 13)]
    assert found == [(1, False), (2, True), (1, False)]


def test_unknown_model_has_no_rates(book: PriceBook) -> None:
    """A model that its maker's list does not name is not priced by a similar name."""
    assert book.rates("openai", "gpt-5.3-codex-spark", NOON, 1) is None


def test_model_of_another_seller_has_no_rates(book_of: BookOf) -> None:
    """A known seller that does not list the model gives no price."""
    assert book_of(ONE).rates("acme", "claude-opus-5", NOON, 1) is None


def test_model_without_prices_has_no_rates(book_of: BookOf) -> None:
    """An entry with an empty list of prices is a model of unknown cost."""
    assert book_of([]).rates("acme", "rocket", NOON, 1) is None


def test_flat_rate_model_has_no_rates(book_of: BookOf) -> None:
    """An entry without any token price is unknown, not free."""
    assert book_of(ModelPrice()).rates("acme", "rocket", NOON, 1) is None


@pytest.mark.parametrize(
    "provider",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("unknown", id="unknown"),
        pytest.param("my-own-proxy", id="not-listed"),
    ],
)
def test_unknown_provider_is_found_by_model(book_of: BookOf, provider: str | None) -> None:
    """Where the log names no seller that the list knows, the model's name decides."""
    rates = book_of(ONE).rates(provider, "rocket", NOON, 1)
    assert rates is not None
    assert rates.source_model == "acme/rocket"


def test_gateway_names_the_seller_inside_the_model(book_of: BookOf) -> None:
    """LiteLLM writes the seller before a slash."""
    assert book_of(ONE).rates("litellm", "acme/rocket", NOON, 1) is not None


def test_borrowed_model_is_named_after_its_seller(book_of: BookOf) -> None:
    """A model that one seller borrows from another shows under the seller that was asked."""
    rates = book_of(ONE).rates("outlet", "rocket", NOON, 1)
    assert rates is not None
    assert rates.source_model == "outlet/rocket"


def test_borrowed_model_has_no_variants(book_of: BookOf) -> None:
    """What a seller charges for a fast request is not what its supplier charges."""
    book = book_of(ONE, [PriceVariant({"speed": "fast"}, TWO)])
    rates = book.rates("outlet", "rocket", NOON, 1, FAST)
    assert rates is not None
    assert (rates.per_million(TokenClass.PROMPT), rates.dated) == (Decimal(1), False)


def test_naive_time_is_refused(book: PriceBook) -> None:
    """A time without a zone cannot decide a price."""
    with pytest.raises(ValueError, match="without a zone"):
        book.rates("openai", "gpt-5.5", datetime(2026, 7, 1), 1)  # noqa: DTZ001 - the point


def test_rates_of_a_day_are_resolved_once(book: PriceBook) -> None:
    """The second question of a day is answered from memory."""
    first = book.day("openai", "gpt-5.5", "2026-07-01")
    assert book.day("openai", "gpt-5.5", "2026-07-01") is first


def test_invented_names_do_not_fill_the_memory(
    book_of: BookOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names come from outside, so what is remembered about them is bounded."""
    monkeypatch.setattr(prices, "_MEMO_LIMIT", 3)
    book = book_of(ONE)
    for number in range(10):
        book.day("acme", f"invented-{number}", "2026-07-01")
    assert max(len(book._days), len(book._models)) <= 3


def test_forgetting_does_not_change_a_price(
    book_of: BookOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was forgotten is resolved again to the same rates."""
    monkeypatch.setattr(prices, "_MEMO_LIMIT", 1)
    book = book_of(ONE)
    before = quote(book, NOON)
    book.day("acme", "invented", "2026-07-01")
    assert quote(book, NOON) == before


@pytest.mark.parametrize(
    ("model_id", "maker"),
    [
        pytest.param("claude-opus-4-5-20251101", "anthropic", id="claude"),
        pytest.param("gpt-5.3-codex-spark", "openai", id="gpt"),
        pytest.param("GPT-4o", "openai", id="upper-case"),
        pytest.param("chatgpt-4o-latest", "openai", id="chatgpt"),
        pytest.param("codex-mini-latest", "openai", id="codex"),
        pytest.param("o1-preview", "openai", id="o1"),
        pytest.param("o3", "openai", id="o3"),
        pytest.param("o4-mini", "openai", id="o4"),
        pytest.param("gemini-2.5-pro", "google", id="gemini"),
        pytest.param("o10", "unknown", id="not-o1"),
        pytest.param("llama-4", "unknown", id="other"),
        pytest.param("", "unknown", id="empty"),
    ],
)
def test_maker_of_a_model_is_read_from_its_name(model_id: str, maker: str) -> None:
    """Logs without a provider still name their model."""
    assert provider_of(model_id) == maker
