"""Re-pricing as a whole: which days, under which price list, what moved, by how much and why.

This is what the command line calls and what the asset's metadata is made of. The days default to
all that hold calls; a dry run computes the same report and writes nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.ledger.history import Reason
from helicarrier.ledger.runs import run_store
from helicarrier.money import dollars
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.usage.repository import SqlUsageRepository
from helicarrier.usage.repricing import PriceChange, preview, reprice
from helicarrier.usage.span import Span, days_of, iso
from helicarrier.usage.tabular import Column, Dollars, Kind, Table

ASSET_KEY = "usage_repricing"
"""The run store's and Dagster's name for a re-pricing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """What a re-pricing of `span` under the list `pricing_version` did, or would do.

    `run_id` is None for a dry run; `span` where there are no calls.
    """

    run_id: str | None
    span: Span | None
    pricing_version: str
    changes: Sequence[PriceChange]

    @property
    def calls(self) -> int:
        """Calls whose cost, source or confidence moved."""
        return sum(change.calls for change in self.changes)

    @property
    def before_usd(self) -> Decimal:
        """Known cost of those calls before, in dollars."""
        return sum((change.before_usd for change in self.changes), Decimal(0))

    @property
    def after_usd(self) -> Decimal:
        """Known cost of those calls after, in dollars."""
        return sum((change.after_usd for change in self.changes), Decimal(0))

    def as_json(self) -> dict[str, object]:
        """The wire form; a price list of null is an unknown cost, which counts as 0."""
        return {
            "runId": self.run_id,
            "dryRun": self.run_id is None,
            "from": iso(self.span.first if self.span else None),
            "to": iso(self.span.last if self.span else None),
            "pricingVersion": self.pricing_version,
            "reason": Reason.PRICE_UPDATE.value,
            "calls": self.calls,
            "beforeUsd": dollars(self.before_usd),
            "afterUsd": dollars(self.after_usd),
            "changes": [
                {
                    "modelId": change.model_id,
                    "before": change.before_version,
                    "after": change.after_version,
                    "calls": change.calls,
                    "beforeUsd": dollars(change.before_usd),
                    "afterUsd": dollars(change.after_usd),
                }
                for change in self.changes
            ],
        }

    def table(self) -> Table:
        """What moved, by model and price lists."""
        return Table(
            title="Re-priced" if self.run_id else "Would be re-priced",
            columns=(
                Column(title="model", kind=Kind.TEXT),
                Column(title="price list before", kind=Kind.TEXT),
                Column(title="price list after", kind=Kind.TEXT),
                Column(title="calls", kind=Kind.COUNT),
                Column(title="before", kind=Kind.MONEY),
                Column(title="after", kind=Kind.MONEY),
            ),
            rows=tuple(
                (
                    change.model_id,
                    change.before_version or "unknown cost",
                    change.after_version or "unknown cost",
                    change.calls,
                    Dollars(amount=change.before_usd),
                    Dollars(amount=change.after_usd),
                )
                for change in self.changes
            ),
            totals=(
                "total",
                "",
                "",
                self.calls,
                Dollars(amount=self.before_usd),
                Dollars(amount=self.after_usd),
            ),
        )


def reprice_calls(
    settings: Settings,
    first: date | None = None,
    last: date | None = None,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime] = times.now,
) -> Repricing:
    """Price the calls of a range of UTC days under the price list of this installation.

    Args: settings; first and last day, both included, without them all days that hold calls;
    dry_run to write nothing; clock.

    Raises:
        UsageError: the range is empty.
        NotReady: the store is not at the schema of this version.
        StorageUnavailable: a store cannot be read or written.
    """
    with open_query(settings.url) as query:
        query.ready()
        span = days_of(SqlUsageRepository(query).span(), first, last)
    days = [] if span is None else times.days(span.first, span.last)
    book = PriceBook()
    pricer = Pricer(book)
    with closing(OperationalStore(settings.url)) as store:
        if dry_run or not days:
            changes = preview(store, days, pricer=pricer)
            return Repricing(run_id=None, span=span, pricing_version=book.version, changes=changes)
        runs = run_store(settings)
        with runs.run(ASSET_KEY, partition_key=f"{days[0]}..{days[-1]}") as run:
            changes = reprice(store, days, pricer=pricer, run_id=run.run_id, now=clock())
            done = Repricing(
                run_id=run.run_id, span=span, pricing_version=book.version, changes=changes
            )
            run.rows_out = done.calls
            run.note(**done.as_json())
    return done
