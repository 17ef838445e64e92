"""Aggregates: each one's contract, its SQL and the days of facts that it reads, and how it runs.

The SQL is DuckDB's dialect, plain enough for other engines, over three relations: `usage_facts`
and `session_facts` with their partition column `day`, and `wanted_days`. One statement computes
all wanted days. DuckDB runs in memory on the partitions' files, so nothing is locked and nothing
stays; what does not fit spills to a temporary folder that is gone afterwards.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import TableContract
from helicarrier.ledger.dirty import TRAILING_DAYS
from helicarrier.ledger.enums import Dataset
from helicarrier.store.lake import Lake
from helicarrier.usage.facts import SOURCES
from helicarrier.usage.tables import (
    DAILY_PROVENANCE_AGG,
    DAILY_SUBTOTALS_AGG,
    DAILY_USAGE_AGG,
    MODEL_PERF_AGG,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FOLDER = Path(__file__).with_name("sql")
# A sum holds one number for each group. A quantile holds every value, in each window it lies in.
_SUMS_AT_ONCE = 366
_QUANTILES_AT_ONCE = 60
_GLOB = re.compile(r"[\[*?]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregate table: `day` is the column by which it is replaced.

    `inputs` are the facts it reads, of each day and of `trailing_days - 1` days before it. One
    statement computes at most `days_at_once`, which bounds its memory.
    """

    contract: TableContract
    day: str
    inputs: tuple[Dataset, ...]
    days_at_once: int
    trailing_days: int = 1

    @property
    def sql(self) -> str:
        """The statement; its parameters are `updated_at` and `run_id`."""
        return (_FOLDER / f"{self.contract.name}.sql").read_text(encoding="utf-8")

    def input_days(self, days: Iterable[date]) -> list[date]:
        """The days whose facts these days are computed from, in order."""
        before = range(self.trailing_days)
        return sorted({day - timedelta(days=n) for day in days for n in before})


DAILY_USAGE = Aggregate(
    contract=DAILY_USAGE_AGG,
    day="bucket_date",
    inputs=(Dataset.USAGE_FACTS, Dataset.SESSION_FACTS),
    days_at_once=_SUMS_AT_ONCE,
)
DAILY_PROVENANCE = Aggregate(
    contract=DAILY_PROVENANCE_AGG,
    day="bucket_date",
    inputs=(Dataset.USAGE_FACTS,),
    days_at_once=_SUMS_AT_ONCE,
)
DAILY_SUBTOTALS = Aggregate(
    contract=DAILY_SUBTOTALS_AGG,
    day="bucket_date",
    inputs=(Dataset.USAGE_FACTS, Dataset.SESSION_FACTS),
    days_at_once=_SUMS_AT_ONCE,
)
MODEL_PERFORMANCE = Aggregate(
    contract=MODEL_PERF_AGG,
    day="window_end",
    inputs=(Dataset.SESSION_FACTS,),
    days_at_once=_QUANTILES_AT_ONCE,
    trailing_days=TRAILING_DAYS,
)


def compute(
    aggregate: Aggregate, lake: Lake, days: Iterable[date], *, updated_at: datetime, run_id: str
) -> "pa.Table":
    """The rows of all wanted days, ordered by primary key, in the contract's schema.

    A day without facts simply adds nothing; whether that is right is for the caller to know.
    """
    import pyarrow as pa

    wanted = sorted(set(days))
    needed = aggregate.input_days(wanted)
    with engine() as connection:
        for dataset in aggregate.inputs:
            facts_view(connection, lake, dataset, needed)
        wanted_days = pa.table({"bucket_date": pa.array(wanted, pa.date32())})
        connection.register("wanted_days", wanted_days)
        found = connection.sql(
            aggregate.sql, params={"updated_at": updated_at, "run_id": run_id}
        ).to_arrow_table()
    # Columns by name, and the declared schema: a type that differs is refused here.
    schema = arrow_schema(aggregate.contract)
    return pa.Table.from_arrays([found.column(name) for name in schema.names], schema=schema)


@contextmanager
def engine() -> "Iterator[duckdb.DuckDBPyConnection]":
    """An empty DuckDB in memory that thinks in UTC."""
    import duckdb

    with TemporaryDirectory(prefix="helicarrier-") as spill, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET temp_directory = $spill", {"spill": spill})
        yield connection


def facts_view(
    connection: "duckdb.DuckDBPyConnection", lake: Lake, dataset: Dataset, days: Iterable[date]
) -> None:
    """Show the partitions of these days as a view under the dataset's name."""
    import pyarrow as pa

    # DuckDB reads every path as a pattern; a folder may well be called [work].
    paths = [_GLOB.sub(r"[\g<0>]", str(path)) for path in lake.paths(dataset.value, days)]
    if paths:
        facts = connection.read_parquet(paths, hive_partitioning=True)
        facts.create_view(dataset.value)
        return
    schema = arrow_schema(SOURCES[dataset].contract).append(pa.field("day", pa.date32()))
    connection.register(dataset.value, schema.empty_table())
