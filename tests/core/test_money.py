"""Money is exact: what goes in as dollars comes back to the last of nine places."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.money import NANOS_PER_DOLLAR, dollars, from_nanos, from_storage, to_nanos

NANOS = st.integers(-(2**63), 2**63 - 1)


@given(NANOS)
def test_nanos_become_dollars_and_back_without_loss(nanos: int) -> None:
    """Over the whole range of a stored integer."""
    amount = from_nanos(nanos)
    assert amount * NANOS_PER_DOLLAR == nanos
    assert amount.as_tuple().exponent == -9
    assert to_nanos(amount) == nanos


@given(st.decimals(-(10**9), 10**9, places=15))
def test_finer_amounts_are_rounded_to_the_nearest_nano_dollar(amount: Decimal) -> None:
    """By at most half of one, computed in exact fractions."""
    exact = Fraction(amount) * NANOS_PER_DOLLAR
    assert abs(to_nanos(amount) - exact) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("amount", "nanos"),
    [
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("0.0000000025", 2),
        ("-0.0000000015", -2),
        ("0.00000000050000000001", 1),
        ("1e-9", 1),
        ("1E+3", 1_000 * NANOS_PER_DOLLAR),
    ],
)
def test_a_tie_goes_to_the_even_nano_dollar(amount: str, nanos: int) -> None:
    """So that sums of rounded amounts do not drift."""
    assert to_nanos(Decimal(amount)) == nanos


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_an_amount_that_is_not_finite_is_refused(amount: str) -> None:
    """It has no number of nano-dollars."""
    with pytest.raises(ValueError, match="finite"):
        to_nanos(Decimal(amount))


@given(st.lists(st.integers(0, 10**12), max_size=50))
def test_sums_of_dollars_equal_sums_of_nanos(parts: list[int]) -> None:
    """Adding up never depends on the form."""
    assert sum(map(from_nanos, parts), Decimal()) == from_nanos(sum(parts))


@given(NANOS)
def test_both_databases_give_the_same_dollars(nanos: int) -> None:
    """SQLite hands out the integer, Postgres a NUMERIC(20,9)."""
    numeric = Decimal(nanos).scaleb(-9)
    assert from_storage(nanos) == from_storage(numeric)
    assert str(from_storage(nanos)) == str(from_storage(numeric))
    assert from_storage(None) is None


@given(NANOS)
def test_the_wire_form_has_nine_places_and_no_exponent(nanos: int) -> None:
    """The text is exact and reads back to the same amount."""
    text = dollars(from_nanos(nanos)) or ""
    assert "e" not in text.lower()
    assert len(text.partition(".")[2]) == 9
    assert to_nanos(Decimal(text)) == nanos


def test_an_unknown_amount_stays_unknown_on_the_wire() -> None:
    """Unknown is not zero."""
    assert dollars(None) is None
    assert dollars(Decimal(0)) == "0.000000000"
    assert dollars(Decimal("1E-9")) == "0.000000001"
