"""Cells as text: short and exact forms, unknown dollars, bars, foreign names."""

from decimal import Decimal

import pytest

from helicarrier.usage.tabular import Cell, Dollars, Kind, bar, compact, exact


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0K"),
        (54_489_922, "54.5M"),
        (999_949, "999.9K"),
        (999_950, "1.0M"),
        (7_000_000_000, "7.0B"),
        (1_234_000_000_000_000, "1,234.0T"),
    ],
)
def test_tokens_are_short_where_room_is(tokens: int, text: str) -> None:
    """One decimal and a unit, never 1000.0K."""
    assert compact(tokens, Kind.TOKENS) == text


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (1_234_567, Kind.TOKENS, "1,234,567"),
        (1_234, Kind.COUNT, "1,234"),
        (0.5, Kind.SHARE, "50.0%"),
        (850, Kind.DURATION, "850ms"),
        (3_200, Kind.DURATION, "3.2s"),
        (620_330, Kind.DURATION, "10m 20s"),
        (5_887_812, Kind.DURATION, "1h 38m"),
        (None, Kind.MONEY, "-"),
        (Dollars(amount=Decimal("1234.56785")), Kind.MONEY, "$1,234.5678"),
        ("rocket", Kind.TEXT, "rocket"),
    ],
)
def test_each_kind_of_cell_has_its_form(cell: Cell, kind: Kind, text: str) -> None:
    """Counts with separators, shares as per cent, durations in two units, money in four places."""
    assert exact(cell, kind) == text


def test_dollars_with_calls_of_unknown_cost_are_a_lower_bound() -> None:
    """Some known: at least that much. None known: unknown, and not zero dollars."""
    some = Dollars(amount=Decimal("1.5"), complete=False)
    none = Dollars(amount=Decimal(0), complete=False)
    assert exact(some, Kind.MONEY) == "≥$1.5000"
    assert exact(none, Kind.MONEY) == "unknown"


def test_name_cannot_steer_a_terminal() -> None:
    """Control characters in a model's name are shown as a mark and not sent."""
    assert (
        exact("gpt\x1b[2J\n5", Kind.TEXT)
        == "gpt\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}5"
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "████"), (0.5, "██"), (0.28125, "█▏"), (0.0001, "▏"), (0.0, "")],
)
def test_bars_are_drawn_to_an_eighth(share: float, text: str) -> None:
    """Full width for the most, a sliver for what is not nothing, nothing for nothing."""
    assert bar(share, 4) == text
