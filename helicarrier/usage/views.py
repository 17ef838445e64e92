"""Reports as tables: which columns a reader sees, what the bars show and what the notes say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from helicarrier.governance.enums import Confidence, CostSource
from helicarrier.usage.cost_report import Amount, CostReport, CostRow
from helicarrier.usage.model import SMALL_SAMPLE, Block, Dimension, Performance
from helicarrier.usage.performance_report import PerformanceReport
from helicarrier.usage.report import UsageReport
from helicarrier.usage.tabular import Cell, Column, Dollars, Kind, Table, compact, exact

_KEYS = {
    Dimension.DAY: (Column(title="day", kind=Kind.TEXT),),
    Dimension.MODEL: (
        Column(title="model", kind=Kind.TEXT),
        Column(title="provider", kind=Kind.TEXT),
    ),
    Dimension.AGENT: (Column(title="agent", kind=Kind.TEXT),),
}
_USAGE = (
    Column(title="sessions", kind=Kind.COUNT),
    Column(title="calls", kind=Kind.COUNT),
    Column(title="input", kind=Kind.TOKENS),
    Column(title="cache read", kind=Kind.TOKENS),
    Column(title="cache write", kind=Kind.TOKENS),
    Column(title="output", kind=Kind.TOKENS),
    Column(title="reasoning", kind=Kind.TOKENS, detail=True),
    Column(title="tokens", kind=Kind.TOKENS),
    Column(title="unpriced calls", kind=Kind.COUNT, detail=True),
    Column(title="cost", kind=Kind.MONEY),
)
_COST = (
    Column(title="calls", kind=Kind.COUNT),
    Column(title="unpriced", kind=Kind.COUNT),
    Column(title="reported", kind=Kind.MONEY, detail=True),
    Column(title="derived", kind=Kind.MONEY, detail=True),
    Column(title="high", kind=Kind.MONEY),
    Column(title="medium", kind=Kind.MONEY),
    Column(title="low", kind=Kind.MONEY),
    Column(title="cost", kind=Kind.MONEY),
)
_PERFORMANCE = (
    Column(title="model", kind=Kind.TEXT),
    Column(title="sessions", kind=Kind.COUNT),
    Column(title="failed", kind=Kind.COUNT),
    Column(title="killed", kind=Kind.COUNT),
    Column(title="cancelled", kind=Kind.COUNT),
    Column(title="median time", kind=Kind.DURATION),
    Column(title="p95 time", kind=Kind.DURATION),
    Column(title="median cost", kind=Kind.MONEY),
    Column(title="success", kind=Kind.SHARE),
)
_PERFORMANCE_KEYS: dict[Dimension, tuple[Column, ...]] = {
    Dimension.DAY: _KEYS[Dimension.DAY],
    Dimension.MODEL: (),
    Dimension.AGENT: _KEYS[Dimension.AGENT],
}

_PERFORMANCE_TITLES = {
    Dimension.DAY: "performance by day and model",
    Dimension.MODEL: "performance by model",
    Dimension.AGENT: "performance by agent and model",
}

CONFIDENCE_KEY = "high: reported by the provider; medium: by a price of that time; low: less sure"
"""What the confidence of a cost means, in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A key figure: what it is called and its value as text."""

    name: str
    value: str


def usage_figures(report: UsageReport) -> list[Figure]:
    """The totals at a glance."""
    totals = report.totals
    seen = totals.prompt_tokens + totals.cache_read_tokens + totals.cache_write_tokens
    cached = totals.cache_read_tokens / seen if seen else None
    return [
        Figure(name="cost", value=exact(_paid(totals), Kind.MONEY)),
        Figure(name="tokens", value=compact(totals.total_tokens, Kind.TOKENS)),
        Figure(name="calls", value=exact(totals.calls, Kind.COUNT)),
        Figure(name="sessions", value=exact(totals.sessions, Kind.COUNT)),
        Figure(name="input from cache", value=exact(cached, Kind.SHARE)),
        Figure(name="unpriced calls", value=exact(totals.unknown_cost_calls, Kind.COUNT)),
    ]


def cost_figures(report: CostReport) -> list[Figure]:
    """The totals at a glance."""
    totals = report.totals.whole
    return [
        Figure(name="cost", value=exact(_paid(totals), Kind.MONEY)),
        Figure(name="calls", value=exact(totals.calls, Kind.COUNT)),
        Figure(name="unpriced calls", value=exact(totals.unknown_cost_calls, Kind.COUNT)),
    ]


def left_out(usage: Block | Amount) -> str:
    """Says how many calls are not in the dollars; empty where all are."""
    if not usage.unknown_cost_calls:
        return ""
    unknown, calls = usage.unknown_cost_calls, usage.calls
    return f"{unknown:,} of {calls:,} calls have no known cost and are not in the dollars."


def usage_table(report: UsageReport, by: Dimension) -> Table:
    """Usage by day, model or agent; the bars are cost, or tokens while no cost is known."""
    blocks: list[tuple[tuple[Cell, ...], Block]]
    match by:
        case Dimension.DAY:
            blocks = [((day.isoformat(),), block) for day, block in report.daily.items()]
        case Dimension.MODEL:
            blocks = [((row.model_id, row.provider), row.block) for row in report.models]
        case Dimension.AGENT:
            blocks = [((agent,), block) for agent, block in report.agents.items()]
    priced = bool(report.totals.cost_usd)
    return Table(
        title=_title(f"usage by {by}", report.first, report.last),
        columns=_KEYS[by] + _USAGE,
        rows=tuple(key + _usage_cells(block) for key, block in blocks),
        totals=_total_key(by) + _usage_cells(report.totals),
        bar_title="cost" if priced else "tokens",
        bars=_shares([block.cost_usd if priced else block.total_tokens for _, block in blocks]),
        notes=_notes(report.totals, report.pricing_versions, report.dirty_days),
    )


def cost_table(report: CostReport) -> Table:
    """Cost of each key by who says so and how far it can be trusted."""
    return Table(
        title=_title(f"cost by {report.by}", report.first, report.last),
        columns=_KEYS[report.by] + _COST,
        rows=tuple(row.key + _cost_cells(row) for row in report.rows),
        totals=_total_key(report.by) + _cost_cells(report.totals),
        bar_title="cost",
        bars=_shares([row.whole.cost_usd for row in report.rows]),
        notes=(
            f"{CONFIDENCE_KEY.capitalize()}.",
            *_notes(report.totals.whole, report.pricing_versions, report.dirty_days),
        ),
    )


def performance_table(report: PerformanceReport) -> Table:
    """How the sessions of each model went; the bars are success rates."""
    few = sum(row.small_sample for row in report.rows)
    notes = []
    if few:
        notes.append(
            f"{few} of {len(report.rows)} rows stand on fewer than {SMALL_SAMPLE} sessions: "
            "too few to compare."
        )
    if report.live:
        notes.append("Measured from the sessions: no current window covers these days.")
    return Table(
        title=_title(_PERFORMANCE_TITLES[report.by], report.first, report.last),
        columns=_PERFORMANCE_KEYS[report.by] + _PERFORMANCE,
        rows=tuple(row.key + _performance_cells(row) for row in report.rows),
        bar_title="success",
        bars=tuple(row.success_rate or 0.0 for row in report.rows),
        notes=tuple(notes),
    )


def price_list_table(report: CostReport) -> Table:
    """The price lists behind the costs."""
    amounts = report.totals.by_pricing_version
    return Table(
        title="price lists",
        columns=(
            Column(title="price list", kind=Kind.TEXT),
            Column(title="calls", kind=Kind.COUNT),
            Column(title="cost", kind=Kind.MONEY),
        ),
        rows=tuple(
            (version, amounts[version].calls, Dollars(amount=amounts[version].cost_usd))
            for version in report.pricing_versions
        ),
    )


def provenance_table(report: UsageReport) -> Table:
    """Calls, tokens and cost by who says so and how far it can be trusted."""
    kinds = (("tokens", report.token), ("runtime", report.runtime), ("cost", report.cost))
    rows: list[tuple[Cell, ...]] = []
    for name, provenance in kinds:
        for cut, blocks in (
            ("source", provenance.by_source),
            ("confidence", provenance.by_confidence),
        ):
            rows.extend(
                (name, cut, value.replace("_", " "), block.calls, block.total_tokens, _paid(block))
                for value, block in sorted(blocks.items())
            )
    return Table(
        title="provenance",
        columns=(
            Column(title="of", kind=Kind.TEXT),
            Column(title="by", kind=Kind.TEXT),
            Column(title="is", kind=Kind.TEXT),
            Column(title="calls", kind=Kind.COUNT),
            Column(title="tokens", kind=Kind.TOKENS),
            Column(title="cost", kind=Kind.MONEY),
        ),
        rows=tuple(rows),
    )


def _title(subject: str, first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return subject
    return f"{subject}, {first}" if first == last else f"{subject}, {first} to {last}"


def _total_key(by: Dimension) -> tuple[Cell, ...]:
    return ("total", *("" for _ in _KEYS[by][1:]))


def _usage_cells(block: Block) -> tuple[Cell, ...]:
    return (
        block.sessions,
        block.calls,
        block.prompt_tokens,
        block.cache_read_tokens,
        block.cache_write_tokens,
        block.completion_tokens,
        block.reasoning_tokens,
        block.total_tokens,
        block.unknown_cost_calls,
        _paid(block),
    )


def _cost_cells(row: CostRow) -> tuple[Cell, ...]:
    def amount(cut: dict[str, Amount], name: str) -> Cell:
        return Dollars(amount=cut[name].cost_usd) if name in cut else None

    return (
        row.whole.calls,
        row.whole.unknown_cost_calls,
        amount(row.by_source, CostSource.PROVIDER_REPORTED),
        amount(row.by_source, CostSource.DERIVED),
        amount(row.by_confidence, Confidence.HIGH),
        amount(row.by_confidence, Confidence.MEDIUM),
        amount(row.by_confidence, Confidence.LOW),
        _paid(row.whole),
    )


def _performance_cells(row: Performance) -> tuple[Cell, ...]:
    return (
        row.model_id,
        row.runs_total,
        row.failure_count,
        row.killed_count,
        row.cancelled_count,
        row.median_runtime_ms,
        row.p95_runtime_ms,
        None if row.median_cost_usd is None else Dollars(amount=row.median_cost_usd),
        row.success_rate,
    )


def _paid(usage: Block | Amount) -> Dollars:
    return Dollars(amount=usage.cost_usd, complete=not usage.unknown_cost_calls)


def _shares(values: Sequence[int | Decimal]) -> tuple[float, ...]:
    most = max(values, default=0)
    return tuple(float(value / most) for value in values) if most else ()


def _notes(totals: Block | Amount, versions: Iterable[str], dirty_days: int) -> tuple[str, ...]:
    listed = ", ".join(versions)
    days = "1 day is" if dirty_days == 1 else f"{dirty_days:,} days are"
    notes = (
        left_out(totals),
        f"Prices: {listed}" if listed else "",
        f"{days} newer than the last refresh and read from the ledger itself."
        if dirty_days
        else "",
    )
    return tuple(note for note in notes if note)
