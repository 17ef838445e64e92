"""A backfill of a year as one run, beside one run for each day.

    python -m benchmarks.backfill --sessions 1000

A ledger of 365 days is made up (so many sessions a day, two calls each). Then everything is
refreshed through Dagster, checks included, as the command line does it: all days as one range, and
some single days, from which 365 of them are extrapolated.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import click

import definitions
from benchmarks import harness
from benchmarks.harness import Case, Comparison, Figures
from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.ledger.model import Batch, Call, Session, Winner
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.settings import Settings
from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
CALLS_PER_SESSION = 2
TARGET_SECONDS = 60.0
_SINGLE_DAYS = 10
_RUN_ID = "00000000-0000-4000-8000-000000000000"
_MODELS = ("claude-sonnet-4-5", "claude-opus-4-1", "claude-3-5-haiku-20241022")


def make_ledger(settings: Settings, sessions: int) -> None:
    """Write so many sessions on each day of the year."""
    migrate.upgrade(settings.url, settings.backups_dir)
    store = OperationalStore(settings.url)
    writer = LedgerWriter(
        run_id=_RUN_ID, now=times.utc_text(times.now()), pricer=Pricer(PriceBook())
    )
    for day in times.days(FIRST, LAST):
        with store.write() as connection:
            writer.write(connection, [_day(day, sessions)])
    store.close()


def _day(day: date, sessions: int) -> Batch:
    batch = Batch(source_uri="benchmark", winner=Winner.MOST_TOKENS)
    step = timedelta(days=1) / (sessions + 1)
    for n in range(sessions):
        began = datetime(day.year, day.month, day.day, tzinfo=UTC) + n * step
        name, model = f"{day}-{n:06d}", _MODELS[n % len(_MODELS)]
        batch.sessions.append(
            Session(
                session_id=name,
                agent_id=f"agent-{n % 10}",
                started_at=times.utc_text(began),
                ended_at=times.utc_text(began + step),
                source="benchmark",
                source_uri="benchmark",
                idempotency_key=f"log:{name}",
                task_category=f"category-{n % 6}",
            )
        )
        batch.calls += [
            Call(
                usage_id=f"benchmark:{name}:{k}",
                session_id=name,
                line=n * CALLS_PER_SESSION + k,
                seq=k,
                occurred_at=times.utc_text(began + k * step / CALLS_PER_SESSION),
                provider="anthropic",
                model_id=model,
                prompt=1_000 + n,
                cache_read=8_000,
                completion=300,
            )
            for k in range(CALLS_PER_SESSION)
        ]
    return batch


def refresh(settings: Settings, days: list[date]) -> None:
    """Materialize these days and run their checks."""
    if definitions.refresh(settings, days).failed:
        message = "rows that were made up break a contract"
        raise RuntimeError(message)


def compare(sessions: int, runs: int, folder: Path) -> Comparison:
    """Make a year and refresh it in both ways."""
    settings = Settings(data_dir=folder)
    make_ledger(settings, sessions)
    every_day = times.days(FIRST, LAST)
    single = every_day[:: len(every_day) // _SINGLE_DAYS][:_SINGLE_DAYS]
    refresh(settings, single[:1])  # libraries are imported before anything is measured

    def one_by_one() -> None:
        for day in single:
            refresh(settings, [day])

    few, measured = harness.measure(
        [
            Case(name="ten single days", run=one_by_one),
            Case(name="365 days, one run", run=lambda: refresh(settings, every_day)),
        ],
        runs,
    )
    times_longer = len(every_day) / len(single)
    floor = Figures(
        name="365 runs, from ten",
        seconds=tuple(seconds * times_longer for seconds in few.seconds),
        cpu_seconds=tuple(seconds * times_longer for seconds in few.cpu_seconds),
        peak_mb=few.peak_mb,
    )
    return Comparison(
        subject="backfill of a year",
        size=f"{sessions:,} sessions a day",
        floor=floor,
        measured=measured,
        target=TARGET_SECONDS / floor.median,
        details={
            "one run, seconds (best)": measured.best,
            "single day, ms": few.median / len(single) * 1e3,
        },
    )


@click.command()
@click.option("--sessions", default="1000", show_default=True, help="A day, separated by commas.")
@click.option("--runs", default=1, show_default=True, help="Runs of each side.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(sessions: str, runs: int, file: Path | None) -> None:
    """Measure a backfill of a year as one run."""
    found = []
    for count in map(int, sessions.split(",")):
        with TemporaryDirectory(prefix="helicarrier-bench-") as folder:
            found.append(compare(count, runs, Path(folder)))
    about = harness.machine("dagster", "duckdb", "pandera")
    harness.show(found, about)
    if file is not None:
        harness.write_json(found, about, file)


if __name__ == "__main__":
    main()
