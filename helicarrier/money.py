"""Exact dollars: Decimal in memory, whole nano-dollars wherever rows are written or added up.

A cost is never a float. One nano-dollar (10**-9) is fine enough to hold the price of a single
cached token of the cheapest model, and 2**63 of them are nine billion dollars.
"""

from decimal import ROUND_HALF_EVEN, Decimal

NANOS_PER_DOLLAR = 1_000_000_000
_NANO = Decimal(1).scaleb(-9)


def to_nanos(amount: Decimal) -> int:
    """Dollars -> nano-dollars, rounded half to even. ValueError when not finite."""
    if not amount.is_finite():
        message = "a money amount must be a finite number of dollars"
        raise ValueError(message)
    return int((amount * NANOS_PER_DOLLAR).to_integral_value(rounding=ROUND_HALF_EVEN))


def from_nanos(nanos: int) -> Decimal:
    """Nano-dollars -> dollars with nine decimal places."""
    return (Decimal(nanos) * _NANO).quantize(_NANO)


def from_storage(value: int | Decimal | None) -> Decimal | None:
    """A stored amount -> dollars: SQLite keeps whole nano-dollars, Postgres NUMERIC(20,9)."""
    match value:
        case None:
            return None
        case Decimal():
            return value.quantize(_NANO)
        case _:
            return from_nanos(value)


def dollars(amount: Decimal | None) -> str | None:
    """Dollars as the decimal string of the wire, nine places, never an exponent."""
    return None if amount is None else f"{amount:.9f}"
