"""Refresh of every day of the aggregates against the bare SQL on the same Parquet.

    python -m benchmarks.aggregates --rows 1000000,10000000 --json results.json

The facts are made up (365 days, 10 agents, 8 models, 6 categories, sessions of ten calls) and
written to a lake as the extraction would. There are two floors, both of which run the very
statements of the refresh and only fetch their rows as Arrow: once over all days, and in the parts
of days in which the refresh runs them, which is the faster one where there is much to compute. The
refresh itself also looks up what is dirty, validates every row, writes them to a new SQLite store
and clears the flags.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import click

from benchmarks import harness
from benchmarks.harness import Case, Comparison
from helicarrier.governance.arrow import arrow_schema
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.store import migrate
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.times import days
from helicarrier.usage import aggregates
from helicarrier.usage.facts import SOURCES
from helicarrier.usage.refresh import DAILY, PERFORMANCE, Refresher

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
CALLS_PER_SESSION = 10
TARGET = 1.5
RUN_ID = "00000000-0000-4000-8000-000000000000"
NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Hashes stand for chance, so the rows are the same on every machine.
_SESSIONS = """
SELECT
    'session-' || lpad(CAST(n AS VARCHAR), 12, '0') AS session_id,
    CAST($day AS TIMESTAMPTZ) + to_microseconds(CAST(hash(n) % 86400000000 AS BIGINT))
        AS started_at,
    'agent-' || hash(n || 'agent') % 10 AS agent_id,
    'category-' || hash(n || 'category') % 6 AS task_category,
    'claude-model-' || hash(n || 'model') % 8 || '-20250101' AS model_id,
    CASE
        WHEN hash(n || 'status') % 100 < 80 THEN 'success'
        WHEN hash(n || 'status') % 100 < 92 THEN 'failed'
        WHEN hash(n || 'status') % 100 < 95 THEN 'killed'
        WHEN hash(n || 'status') % 100 < 97 THEN 'cancelled'
        ELSE 'running'
    END AS status,
    CASE
        WHEN hash(n || 'status') % 100 < 97
            THEN CAST(1000 + hash(n || 'runtime') % 900000 AS BIGINT)
    END AS runtime_ms,
    CAST($calls AS BIGINT) AS calls_total,
    CAST(CASE WHEN hash(n || 'cost') % 50 = 0 THEN $calls ELSE 0 END AS BIGINT)
        AS cost_unknown_calls,
    CAST(
        CASE WHEN hash(n || 'cost') % 50 > 0 THEN (hash(n || 'cost') % 2000000000) / 1e9 END
        AS DECIMAL(20, 9)
    ) AS cost_usd
FROM range($first, $first + $sessions) AS numbers (n)
ORDER BY started_at
"""
_CALLS = """
SELECT
    session_id || ':' || call AS usage_id,
    session_id,
    LEAST(
        started_at + to_seconds(call * 20),
        CAST($day AS TIMESTAMPTZ) + to_microseconds(86399999999)
    ) AS occurred_at,
    agent_id,
    task_category,
    'anthropic' AS provider,
    -- One call in ten is served by another model than the session's.
    CASE WHEN call = 9 THEN 'claude-model-0-20250101' ELSE model_id END AS model_id,
    CAST(hash(session_id || call) % 4000 AS BIGINT) AS prompt_tokens,
    CAST(hash(session_id || call || 'read') % 90000 AS BIGINT) AS cache_read_tokens,
    CAST(hash(session_id || call || 'write') % 5000 AS BIGINT) AS cache_write_5m_tokens,
    CAST(0 AS BIGINT) AS cache_write_1h_tokens,
    CAST(200 + hash(session_id || call || 'out') % 2000 AS BIGINT) AS completion_tokens,
    CAST(hash(session_id || call || 'thought') % 200 AS BIGINT) AS reasoning_tokens,
    prompt_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
        + completion_tokens AS total_tokens,
    CAST(NULL AS BIGINT) AS runtime_ms,
    CAST(cost_usd / $calls AS DECIMAL(20, 9)) AS cost_usd,
    CASE WHEN cost_usd IS NOT NULL THEN 'genai-prices@0.0.0+000000000000' END
        AS pricing_version,
    CASE WHEN cost_usd IS NULL THEN 'missing' ELSE 'derived' END AS cost_source,
    CASE WHEN cost_usd IS NULL THEN 'unknown' ELSE 'medium' END AS cost_confidence,
    'provider_reported' AS token_source,
    'high' AS token_confidence,
    'missing' AS runtime_source,
    'unknown' AS runtime_confidence
FROM sessions CROSS JOIN range($calls) AS calls (call)
ORDER BY occurred_at
"""


def make_facts(lake: Lake, calls: int, first: date = FIRST, last: date = LAST) -> None:
    """Write both facts datasets with about `calls` calls, spread evenly over the days."""
    every_day = days(first, last)
    sessions = max(1, calls // CALLS_PER_SESSION // len(every_day))
    with aggregates.engine() as connection:
        for place, day in enumerate(every_day):
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            made = connection.sql(
                _SESSIONS,
                params={
                    "day": midnight,
                    "calls": CALLS_PER_SESSION,
                    "first": place * sessions,
                    "sessions": sessions,
                },
            ).to_arrow_table()
            connection.register("sessions", made)
            called = connection.sql(
                _CALLS, params={"day": midnight, "calls": CALLS_PER_SESSION}
            ).to_arrow_table()
            for dataset, table in (
                (Dataset.SESSION_FACTS, made),
                (Dataset.USAGE_FACTS, called),
            ):
                schema = arrow_schema(SOURCES[dataset].contract)
                lake.replace(dataset.value, day, table.select(schema.names).cast(schema))


def bare(lake: Lake) -> None:
    """The statements of the refresh, once over all days; their rows are fetched and dropped."""
    for aggregate in (*DAILY, *PERFORMANCE):
        aggregates.compute(aggregate, lake, days(FIRST, LAST), updated_at=NOW, run_id=RUN_ID)


def bare_in_parts(lake: Lake) -> None:
    """The same, over as many days at once as the refresh computes."""
    every_day = days(FIRST, LAST)
    for aggregate in (*DAILY, *PERFORMANCE):
        size = aggregate.days_at_once
        for start in range(0, len(every_day), size):
            part = every_day[start : start + size]
            aggregates.compute(aggregate, lake, part, updated_at=NOW, run_id=RUN_ID)


class Target:
    """A fresh store for each run, with every day dirty."""

    def __init__(self, folder: Path, lake: Lake) -> None:
        """Args: folder for the store's files, lake."""
        self._file = folder / "helicarrier.sqlite"
        self._lake = lake
        self._store: OperationalStore | None = None

    def prepare(self) -> None:
        """A migrated, empty store whose every day of the aggregates is dirty."""
        self.close()
        for path in self._file.parent.glob("helicarrier.sqlite*"):
            path.unlink()
        url = f"sqlite:///{self._file}"
        migrate.upgrade(url, self._file.parent / "backups")
        self._store = OperationalStore(url)
        marks = [
            (dataset, day)
            for dataset in (Dataset.DAILY_USAGE_AGG, Dataset.MODEL_PERF_AGG)
            for day in days(FIRST, LAST)
        ]
        with self._store.write() as connection:
            dirty.mark_days(connection, marks, run_id=RUN_ID, now=NOW)

    def refresh(self, wanted: Sequence[date] = ()) -> None:
        """Refresh these days of every aggregate, by default all."""
        if self._store is None:
            message = "prepare() comes first"
            raise RuntimeError(message)
        refresher = Refresher(self._store, self._lake, lambda: NOW)
        asked = wanted or days(FIRST, LAST)
        refresher.refresh_daily(asked, RUN_ID)
        refresher.refresh_performance(asked, RUN_ID)

    def rows(self) -> int:
        """Rows that the last refresh left in the store."""
        if self._store is None:
            return 0
        with self._store.read() as connection:
            return sum(
                connection.exec_driver_sql(
                    f"SELECT COUNT(*) FROM {aggregate.contract.name}"  # noqa: S608 - contract
                ).scalar_one()
                for aggregate in (*DAILY, *PERFORMANCE)
            )

    def close(self) -> None:
        """Close the store of the last run."""
        if self._store is not None:
            self._store.close()


def compare(calls: int, runs: int, folder: Path) -> list[Comparison]:
    """Make the facts and measure the refresh and both floors on them."""
    lake = Lake(folder / "lake")
    make_facts(lake, calls)
    target = Target(folder, lake)
    # Libraries are imported, and files are in the system's cache, before anything is measured.
    target.prepare()
    target.refresh([LAST])
    *floors, measured = harness.measure(
        [
            Case(name="bare SQL", run=lambda: bare(lake)),
            Case(name="SQL in parts", run=lambda: bare_in_parts(lake)),
            Case(name="refresh", run=target.refresh, prepare=target.prepare),
        ],
        runs,
    )
    written = target.rows()
    target.close()
    return [
        Comparison(
            subject="refresh of all days",
            size=f"{calls:,} calls",
            floor=floor,
            measured=measured,
            target=TARGET,
            details={
                "aggregate rows": written,
                "calls per second": calls / measured.median,
            },
        )
        for floor in floors
    ]


@click.command()
@click.option("--rows", default="1000000", show_default=True, help="Calls, separated by commas.")
@click.option("--runs", default=3, show_default=True, help="Runs of each side.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(rows: str, runs: int, file: Path | None) -> None:
    """Measure the refresh of all days against the bare SQL."""
    comparisons = []
    for calls in map(int, rows.split(",")):
        with TemporaryDirectory(prefix="helicarrier-bench-") as folder:
            comparisons.extend(compare(calls, runs, Path(folder)))
    about = harness.machine("duckdb", "pyarrow", "pandera", "sqlalchemy")
    harness.show(comparisons, about)
    if file is not None:
        harness.write_json(comparisons, about, file)


if __name__ == "__main__":
    main()
