"""The cost report: what each day, model or agent cost, by whose word and under which price list.

The defence of a bill: every dollar stands under one source, one confidence and one version of the
price list, and calls without a known cost are counted beside the dollars, never priced at zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from helicarrier.money import dollars
from helicarrier.usage.model import CostShare, Dimension, Json
from helicarrier.usage.repository import UsageRepository
from helicarrier.usage.span import days_of, iso

_KEY_NAMES = {
    Dimension.DAY: ("date",),
    Dimension.MODEL: ("modelId", "provider"),
    Dimension.AGENT: ("agentId",),
}


@dataclass(slots=True, kw_only=True)
class Amount:
    """Known dollars of some calls; `unknown_cost_calls` of them are not in it."""

    calls: int = 0
    cost_usd: Decimal = field(default_factory=lambda: Decimal(0).scaleb(-9))
    unknown_cost_calls: int = 0

    def add(self, share: CostShare) -> None:
        """Takes a share in."""
        self.calls += share.calls
        self.cost_usd += share.cost_usd
        self.unknown_cost_calls += share.unknown_cost_calls

    def as_json(self) -> Json:
        """The amount on the wire; `costUsd` is a decimal string with nine places."""
        return {
            "calls": self.calls,
            "costUsd": dollars(self.cost_usd),
            "unknownCostCalls": self.unknown_cost_calls,
        }


def _amounts() -> defaultdict[str, Amount]:
    return defaultdict(Amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """The cost of one key, whole and cut by source, by confidence and by price list.

    `key` is a day, a (model, provider) or an agent, empty for the totals. Calls without a cost
    are in the cuts by source (`missing`) and confidence (`unknown`); they have no price list.
    """

    key: tuple[str, ...]
    whole: Amount = field(default_factory=Amount)
    by_source: defaultdict[str, Amount] = field(default_factory=_amounts)
    by_confidence: defaultdict[str, Amount] = field(default_factory=_amounts)
    by_pricing_version: defaultdict[str, Amount] = field(default_factory=_amounts)

    def add(self, share: CostShare) -> None:
        """Takes a share in."""
        self.whole.add(share)
        self.by_source[share.cost_source].add(share)
        self.by_confidence[share.cost_confidence].add(share)
        if share.pricing_version:
            self.by_pricing_version[share.pricing_version].add(share)

    def as_json(self) -> Json:
        """The row on the wire, without its key."""
        return self.whole.as_json() | {
            "bySource": _cut(self.by_source),
            "byConfidence": _cut(self.by_confidence),
            "byPricingVersion": _cut(self.by_pricing_version),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """The answer. Days ascend; models and agents come dearest first."""

    first: date | None
    last: date | None
    by: Dimension
    totals: CostRow
    rows: tuple[CostRow, ...]
    dirty_days: int

    @property
    def empty(self) -> bool:
        """Whether no call falls on these days."""
        return not self.rows

    @property
    def pricing_versions(self) -> tuple[str, ...]:
        """The price lists behind the costs."""
        return tuple(sorted(self.totals.by_pricing_version))

    def as_json(self) -> Json:
        """The report on the wire."""
        return {
            "from": iso(self.first),
            "to": iso(self.last),
            "by": self.by.value,
            "totals": self.totals.as_json(),
            "rows": [_named(self.by, row.key) | row.as_json() for row in self.rows],
            "pricingVersions": list(self.pricing_versions),
        }


def cost_report(
    repository: UsageRepository,
    *,
    by: Dimension = Dimension.DAY,
    first: date | None = None,
    last: date | None = None,
) -> CostReport:
    """Cost from `first` to `last`, which default to the first and the last day with data.

    Raises:
        UsageError: `first` lies after `last`.
    """
    span = days_of(repository.span(), first, last)
    shares = repository.costs(span, by) if span else []
    return CostReport(
        first=span.first if span else first,
        last=span.last if span else last,
        by=by,
        totals=_totals(shares),
        rows=_rows(shares, by),
        dirty_days=repository.dirty_days(span) if span else 0,
    )


def _totals(shares: Iterable[CostShare]) -> CostRow:
    totals = CostRow(key=())
    for share in shares:
        totals.add(share)
    return totals


def _rows(shares: Iterable[CostShare], by: Dimension) -> tuple[CostRow, ...]:
    rows: dict[tuple[str, ...], CostRow] = {}
    for share in shares:
        rows.setdefault(share.key, CostRow(key=share.key)).add(share)
    match by:
        case Dimension.DAY:
            return tuple(rows[key] for key in sorted(rows))
        case Dimension.MODEL | Dimension.AGENT:
            return tuple(
                sorted(
                    rows.values(), key=lambda row: (-row.whole.cost_usd, -row.whole.calls, row.key)
                )
            )


def _named(by: Dimension, key: tuple[str, ...]) -> Json:
    return dict(zip(_KEY_NAMES[by], key, strict=True))


def _cut(amounts: defaultdict[str, Amount]) -> Json:
    return {name: amounts[name].as_json() for name in sorted(amounts)}
