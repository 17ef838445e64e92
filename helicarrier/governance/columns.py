"""The columns that many tables share, declared once: run id, source position, provenance.

`governance_columns` is the heart: whoever stores a number says where it came from and how far it
can be trusted.
"""

from helicarrier.governance.contract import Column, ColumnKind, values_of
from helicarrier.governance.enums import Confidence, CostSource, ValueSource


def run_id() -> Column:
    """The run that wrote the row."""
    return Column(
        name="run_id",
        kind=ColumnKind.TEXT,
        meaning="Run of the run store that wrote this row; `helicarrier lineage` explains it.",
    )


def text(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A text column."""
    return Column(name=name, kind=ColumnKind.TEXT, meaning=meaning, nullable=nullable)


def count(
    name: str,
    meaning: str,
    unit: str = "",
    *,
    nullable: bool = False,
    default: int | None = None,
) -> Column:
    """A count or amount that cannot be negative."""
    return Column(
        name=name,
        kind=ColumnKind.INTEGER,
        meaning=meaning,
        unit=unit,
        nullable=nullable,
        at_least=0,
        default=default,
    )


def flag(name: str, meaning: str, *, default: int | None = None) -> Column:
    """0 or 1."""
    return Column(
        name=name,
        kind=ColumnKind.INTEGER,
        meaning=meaning,
        at_least=0,
        at_most=1,
        default=default,
    )


def instant(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A time in UTC."""
    return Column(name=name, kind=ColumnKind.TIMESTAMP, meaning=meaning, nullable=nullable)


def day(name: str, meaning: str) -> Column:
    """A UTC calendar day."""
    return Column(name=name, kind=ColumnKind.DAY, meaning=meaning)


def money(name: str, meaning: str, *, nullable: bool = True) -> Column:
    """US dollars, exact."""
    return Column(
        name=name, kind=ColumnKind.MONEY, meaning=meaning, unit="USD", nullable=nullable, at_least=0
    )


def choice(name: str, values: tuple[str, ...], meaning: str, *, nullable: bool = False) -> Column:
    """A text column that holds one of `values`."""
    return Column(
        name=name, kind=ColumnKind.TEXT, meaning=meaning, values=values, nullable=nullable
    )


def governance_columns() -> tuple[Column, ...]:
    """Price version, source and confidence of cost, tokens and runtime, in column order."""
    return (
        text(
            "pricing_version",
            "Version of the price list behind the cost; `provider_native` for a reported cost.",
            nullable=True,
        ),
        choice("cost_source", values_of(CostSource), "Who says what it cost."),
        choice("cost_confidence", values_of(Confidence), "How far the cost can be trusted."),
        choice("token_source", values_of(ValueSource), "Who counted the tokens."),
        choice("token_confidence", values_of(Confidence), "How far the counts can be trusted."),
        choice("runtime_source", values_of(ValueSource), "Who measured the runtime."),
        choice("runtime_confidence", values_of(Confidence), "How far the runtime can be trusted."),
        instant("computed_at", "When the cost was computed."),
    )


def token_columns(suffix: str = "") -> tuple[Column, ...]:
    """The token classes with an optional suffix (`_total` in aggregates), total last."""
    return (
        count(f"prompt_tokens{suffix}", "Input tokens that no cache served.", "tokens"),
        count(f"cache_read_tokens{suffix}", "Input tokens read from a cache.", "tokens"),
        count(
            f"cache_write_5m_tokens{suffix}",
            "Tokens written to a five-minute cache (also of unknown kind).",
            "tokens",
        ),
        count(f"cache_write_1h_tokens{suffix}", "Tokens written to a one-hour cache.", "tokens"),
        count(f"completion_tokens{suffix}", "Output tokens, reasoning included.", "tokens"),
        count(f"reasoning_tokens{suffix}", "Output tokens spent on reasoning.", "tokens"),
        count(f"total_tokens{suffix}", "Prompt, cache read, cache writes, completion.", "tokens"),
    )
