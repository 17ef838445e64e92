"""Refresh: dirty days to clean ones; facts from the ledger, aggregates from the facts.

A step claims which of its days are dirty before it reads anything else, validates what it computed
before it commits, and clears a day in the transaction that replaces its rows, at the generation it
claimed: a write that came in between keeps the day dirty. A day that was computed from facts which
were themselves out of date stays dirty, or becomes so. Hence the one promise that everything else
leans on: what is clean is right. Steps may be repeated, interrupted and run in any order; a lock
keeps two of them from working on one lake at the same time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from helicarrier import logs, times
from helicarrier.governance import frames
from helicarrier.ledger import dirty, run_markers
from helicarrier.ledger.enums import Dataset
from helicarrier.store.file_lock import locked
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.usage import aggregates, bulk, facts, inputs
from helicarrier.usage.aggregates import Aggregate

if TYPE_CHECKING:
    import pyarrow as pa

_Result = TypeVar("_Result")

FACTS = (Dataset.USAGE_FACTS, Dataset.SESSION_FACTS)
DAILY = (aggregates.DAILY_USAGE, aggregates.DAILY_PROVENANCE, aggregates.DAILY_SUBTOTALS)
PERFORMANCE = (aggregates.MODEL_PERFORMANCE,)

_DAYS_AT_ONCE = 60
"""Days of facts that are validated together at most."""

_ROWS_AT_ONCE = 60_000
"""Rows that one transaction writes: SQLite takes them in less than half a second."""

_PATIENCE_SECONDS = 600.0
"""How long a refresh waits for another one of the same lake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What a step did.

    `rows` counts the written rows by table and day, days without rows included. `stale` names the
    days that stay dirty because facts they were computed from are out of date, with these days.
    """

    rows: dict[str, dict[date, int]] = field(default_factory=dict)
    stale: Mapping[date, tuple[date, ...]] = field(default_factory=dict)

    def summary(self) -> dict[str, int]:
        """Counts for a log line: days that stay dirty, rows by table."""
        totals = {f"{name}_rows": sum(counts.values()) for name, counts in self.rows.items()}
        return {"stale_days": len(self.stale)} | totals


class Refresher:
    """Brings days of the facts and of the aggregates up to date."""

    def __init__(
        self,
        store: OperationalStore,
        lake: Lake,
        now: Callable[[], datetime] = times.now,
        *,
        first_day: date = date.min,
    ) -> None:
        """Args: store, lake, now, first_day of the partitions: days before it have no facts."""
        self._store = store
        self._lake = lake
        self._now = now
        self._first_day = first_day

    def dirty(self, dataset: Dataset) -> dict[date, int]:
        """The dataset's dirty days in order, each with its generation."""
        with self._store.read() as connection:
            return dirty.dirty(connection, dataset)

    def refresh_facts(
        self, days: Iterable[date], run_id: str, *, datasets: Sequence[Dataset] = FACTS
    ) -> Refreshed:
        """Extract days of the ledger into partitions of the lake.

        Raises:
            VerificationFailed: GOVERNANCE_BREACH; the days of the breach keep their partitions.
            StorageUnavailable: the ledger or the lake could not be read or written.
        """
        wanted = sorted(set(days))
        result = Refreshed()
        with self._alone():
            self._refresh_facts(wanted, datasets, run_id, result)
        logs.info("usage.facts_refreshed", run_id=run_id, **result.summary())
        return result

    def _refresh_facts(
        self, wanted: Sequence[date], datasets: Sequence[Dataset], run_id: str, result: Refreshed
    ) -> None:
        for dataset in datasets:
            counts = result.rows[dataset.value] = {}
            seen = self._claim(dataset, wanted)
            with self._store.read() as connection:
                groups = _groups(facts.partitions(connection, dataset, wanted))
                for written in _ahead(
                    partial(self._write_facts, dataset, group, seen, run_id) for group in groups
                ):
                    counts.update(written)
        with self._store.write() as connection:
            run_markers.mark(connection, run_id, {}, now=self._now(), last=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One refresh of a lake at a time: a slower one must not overwrite what a later one read.

        Raises:
            StorageUnavailable: STORAGE_BUSY, another process refreshes for too long.
        """
        self._lake.root.mkdir(parents=True, exist_ok=True)
        lock = self._lake.root / ".refresh.lock"
        with locked(lock, subject=self._lake.root, exclusive=True, wait_seconds=_PATIENCE_SECONDS):
            yield

    def refresh_daily(self, days: Iterable[date], run_id: str) -> Refreshed:
        """Compute the daily aggregates (`DAILY`) of these days.

        Raises as `refresh_performance`.
        """
        return self._refresh(Dataset.DAILY_USAGE_AGG, DAILY, days, run_id)

    def refresh_performance(self, days: Iterable[date], run_id: str) -> Refreshed:
        """Compute the windows of `model_perf_agg` that end with these days.

        Raises:
            VerificationFailed: GOVERNANCE_BREACH; nothing of the breach was written.
            StorageUnavailable: the lake or the store could not be read or written.
        """
        return self._refresh(Dataset.MODEL_PERF_AGG, PERFORMANCE, days, run_id)

    def _write_facts(
        self,
        dataset: Dataset,
        group: "Mapping[date, pa.Table]",
        seen: Mapping[date, int],
        run_id: str,
    ) -> dict[date, int]:
        import pyarrow as pa

        contract = facts.SOURCES[dataset].contract
        frames.validate(contract, pa.concat_tables(group.values())).raise_if_any()
        counts = {
            day: self._lake.replace(dataset.value, day, table).rows for day, table in group.items()
        }
        cleared = {day: seen[day] for day in group if day in seen}
        with self._store.write() as connection:
            dirty.clear(connection, dataset, cleared)
            marks = run_markers.of_days(dataset.value, counts)
            run_markers.mark(connection, run_id, marks, now=self._now())
        return counts

    def _refresh(
        self, dataset: Dataset, tables: Sequence[Aggregate], days: Iterable[date], run_id: str
    ) -> Refreshed:
        wanted = sorted(set(days))
        with self._alone():
            return self._refresh_aggregates(dataset, tables, wanted, run_id)

    def _refresh_aggregates(
        self, dataset: Dataset, tables: Sequence[Aggregate], wanted: Sequence[date], run_id: str
    ) -> Refreshed:
        seen = self._claim(dataset, wanted)
        with self._store.read() as connection:
            stale = self._stale(connection, tables, wanted)
        step = _Step(dataset=dataset, run_id=run_id, now=self._now(), seen=seen, stale=stale)
        result = Refreshed(rows={table.contract.name: {} for table in tables}, stale=stale)
        for computed in _ahead(self._computations(tables, wanted, step)):
            for first, last in computed.batches():
                batch = computed.between(first, last)
                self._commit(batch, step, last=last == wanted[-1])
                for name, counts in batch.counts().items():
                    result.rows[name].update(counts)
        logs.info("usage.refreshed", dataset=dataset.value, run_id=run_id, **result.summary())
        return result

    def _claim(self, dataset: Dataset, wanted: Sequence[date]) -> dict[date, int]:
        """The dirty ones among the days, from now on at a generation that no write leaves alone."""
        with self._store.write() as connection:
            return dirty.claim(connection, dataset, set(wanted))

    def _stale(
        self, connection: Connection, tables: Sequence[Aggregate], days: Sequence[date]
    ) -> dict[date, tuple[date, ...]]:
        stale: dict[date, set[date]] = {}
        for table in tables:
            needed = [day for day in table.input_days(days) if day >= self._first_day]
            bad = set[date]()
            for dataset in table.inputs:
                bad |= inputs.untrusted(connection, self._lake, dataset, needed)
            for day in days:
                if found := bad.intersection(table.input_days([day])):
                    stale.setdefault(day, set()).update(found)
        return {day: tuple(sorted(found)) for day, found in stale.items()}

    def _computations(
        self, tables: Sequence[Aggregate], days: Sequence[date], step: "_Step"
    ) -> "Iterator[Callable[[], _Computed]]":
        size = min(table.days_at_once for table in tables)
        for start in range(0, len(days), size):
            yield partial(self._compute, tables, days[start : start + size], step)

    def _compute(
        self, tables: Sequence[Aggregate], days: Sequence[date], step: "_Step"
    ) -> "_Computed":
        computed = [
            (
                table,
                aggregates.compute(
                    table, self._lake, days, updated_at=step.now, run_id=step.run_id
                ),
            )
            for table in tables
        ]
        for table, rows in computed:
            frames.validate(table.contract, rows).raise_if_any()
        return _Computed(days=days, tables=computed)

    def _commit(self, batch: "_Computed", step: "_Step", *, last: bool) -> None:
        """One transaction: the rows of these days, the flags they keep or lose, the markers."""
        with self._store.write() as connection:
            for table, rows in batch.tables:
                bulk.replace_days(connection, table, batch.days, rows)
            dirty.clear(
                connection,
                step.dataset,
                {
                    day: step.seen[day]
                    for day in batch.days
                    if day in step.seen and day not in step.stale
                },
            )
            dirty.mark_days(
                connection,
                [
                    (step.dataset, day)
                    for day in batch.days
                    if day in step.stale and day not in step.seen
                ],
                run_id=step.run_id,
                now=step.now,
            )
            marks: dict[tuple[str, str], int] = {}
            for name, counts in batch.counts().items():
                marks |= run_markers.of_days(name, counts)
            run_markers.mark(connection, step.run_id, marks, now=step.now, last=last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What one step knew when it began."""

    dataset: Dataset
    run_id: str
    now: datetime
    seen: Mapping[date, int]
    stale: Mapping[date, tuple[date, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Computed:
    """Validated rows of some days, for each table, ordered by day."""

    days: Sequence[date]
    tables: "Sequence[tuple[Aggregate, pa.Table]]"

    def between(self, first: date, last: date) -> "_Computed":
        """The part of the days from first to last."""
        return _Computed(
            days=[day for day in self.days if first <= day <= last],
            tables=[
                (table, bulk.rows_between(rows, table, first, last)) for table, rows in self.tables
            ],
        )

    def counts(self) -> dict[str, dict[date, int]]:
        """Rows by table and day."""
        return {
            table.contract.name: {
                day: bulk.rows_between(rows, table, day, day).num_rows for day in self.days
            }
            for table, rows in self.tables
        }

    def batches(self) -> list[tuple[date, date]]:
        """Whole days cut into runs, first and last day, that one short transaction can write."""
        runs: list[tuple[date, date]] = []
        rows = 0
        counts = self.counts().values()
        for day in self.days:
            more = sum(count[day] for count in counts)
            if not runs or rows + more > _ROWS_AT_ONCE:
                runs.append((day, day))
                rows = more
            else:
                runs[-1] = (runs[-1][0], day)
                rows += more
        return runs


def _ahead(steps: Iterable[Callable[[], _Result]]) -> Iterator[_Result]:
    """The results in order, each step run while the consumer still works on the one before.

    Reading, computing and writing are other people's code that leaves Python's lock alone, so
    the two sides keep two processors busy. After an error no further step begins.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    pending: Future[_Result] | None = None
    try:
        for step in steps:
            following = pool.submit(step)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _groups(
    partitions: "Iterable[tuple[date, pa.Table]]",
) -> "Iterator[dict[date, pa.Table]]":
    """Days gathered until there are enough rows for one validation to pay."""
    group: dict[date, pa.Table] = {}
    rows = 0
    for day, table in partitions:
        group[day] = table
        rows += table.num_rows
        if rows > _ROWS_AT_ONCE or len(group) >= _DAYS_AT_ONCE:
            yield group
            group, rows = {}, 0
    if group:
        yield group
