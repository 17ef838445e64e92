"""Decisions per second of advice: off, found in the cache, budget used up, computed.

    python -m benchmarks.advisory --decisions 500 --json advisory.json

Both databases are made for the run: a SQLite file in a temporary folder, and Postgres as the tests
start it (without fsync, so its commits are faster than those of a real one). One worker decides,
one pair after the other, by the whole path from the switch to the commit. The floor is what no
decision can do without: a read of the switch's row through the same session; for a computed signal
two committed writes of one row as well.
"""

import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
from sqlalchemy import insert

from benchmarks import harness
from benchmarks.harness import Case, Comparison, Figures
from benchmarks.provider_latency import postgres
from helicarrier.advisory import rollback, switch
from helicarrier.advisory.decisions import Advisor
from helicarrier.advisory.enums import Outcome, SignalType
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.advisory.tables import p3_advisory_cache
from helicarrier.matches.model import MatchResult
from helicarrier.store import migrate

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TARGET_RATIO = 10.0
"""To notice when a step of the path becomes slow; nothing is promised."""

KIND = SignalType.FIT_STABILITY
RESULT = MatchResult(
    result_id="m",
    resume_id="r",
    job_posting_id="p",
    match_score=50,
    qualifications_met=9,
    qualifications_missing=3,
    provider="own",
    model="m",
    created_at=NOW,
    application_deadline=NOW + timedelta(days=9),
)


@dataclass(slots=True)
class Bench:
    """A store and a number that makes each run's pairs new."""

    url: str
    store: AdvisoryStore
    decisions: int
    round: int = 0

    def turn(self, percent: int) -> None:
        """Set the share; 0 is off."""
        switch.enable(self.url, Path(), percent=percent, actor="benchmark", now=NOW)

    def decide(self, outcome: Outcome, *, result: str, resume: str) -> None:
        """Decide about so many pairs, which all have to end alike."""
        advisor = Advisor(self.store, daily_limit=1)
        for n in range(self.decisions):
            pair = replace(
                RESULT,
                result_id=result.format(n=n, r=self.round),
                resume_id=resume.format(n=n, r=self.round),
            )
            found = advisor.decide(pair, KIND, now=NOW, day=NOW.date()).outcome
            if found is not outcome:
                raise SystemExit(f"expected {outcome}, got {found}")

    def read(self) -> None:
        """The floor of every decision."""
        for _ in range(self.decisions):
            with self.store.read() as connection:
                switch.read(connection)

    def write(self) -> None:
        """The floor of a computed one: the read, and two transactions of one row."""
        for n in range(self.decisions):
            with self.store.read() as connection:
                switch.read(connection)
            for part in "ab":
                row = {
                    "id": f"floor {self.round} {n} {part}",
                    "cache_key": f"floor {self.round} {n} {part}",
                    "signal_id": "s",
                    "created_at": NOW,
                }
                with self.store.write() as connection:
                    connection.execute(insert(p3_advisory_cache).values(row))

    def again(self) -> None:
        """Pairs that nobody has seen yet."""
        self.round += 1


def measured(bench: Bench, runs: int) -> list[tuple[Figures, Figures]]:
    """Floor and figures of each kind of decision."""

    def on() -> None:
        bench.turn(100)

    def off() -> None:
        bench.turn(0)

    on()
    bench.decide(Outcome.COMPUTED, result="m{n}", resume="r{n}")

    def fresh() -> None:
        on()
        bench.again()

    read, none, hit, exhausted, write, computed = harness.measure(
        [
            Case(name="read of the switch", run=bench.read),
            Case(
                name="off",
                prepare=off,
                run=lambda: bench.decide(Outcome.DISABLED, result="m{n}", resume="r{n}"),
            ),
            Case(
                name="cache hit",
                prepare=on,
                run=lambda: bench.decide(Outcome.CACHED, result="m{n}", resume="r{n}"),
            ),
            Case(
                name="budget exhausted",
                prepare=on,
                run=lambda: bench.decide(Outcome.EXHAUSTED, result="other{n}", resume="r{n}"),
            ),
            Case(name="read and two writes", prepare=fresh, run=bench.write),
            Case(
                name="computed",
                prepare=fresh,
                run=lambda: bench.decide(Outcome.COMPUTED, result="m{r}-{n}", resume="r{r}-{n}"),
            ),
        ],
        runs,
    )
    return [(read, none), (read, hit), (read, exhausted), (write, computed)]


def comparisons(url: str, decisions: int, runs: int) -> list[Comparison]:
    """Make the tables, measure, drop them."""
    migrate.upgrade(url, Path(tempfile.gettempdir()))
    switch.enable(url, Path(), percent=100, actor="benchmark", now=NOW)
    store = AdvisoryStore(url)
    try:
        pairs = measured(Bench(url, store, decisions), runs)
    finally:
        store.close()
        rollback.roll_back(url, actor="benchmark", now=NOW)
    return [
        Comparison(
            subject=figures.name,
            size=f"{decisions:,} decisions on {store.dialect}",
            floor=floor,
            measured=figures,
            target=TARGET_RATIO,
            details={"decisions per second": decisions / figures.median},
        )
        for floor, figures in pairs
    ]


@click.command(help=__doc__)
@click.option("--decisions", default=500, show_default=True)
@click.option("--runs", default=5, show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(decisions: int, runs: int, json_file: Path | None) -> None:
    """Print decisions per second beside the floor."""
    with tempfile.TemporaryDirectory(prefix="helicarrier-bench-") as folder:
        found = comparisons(f"sqlite:///{folder}/store.sqlite", decisions, runs)
    with postgres() as url:
        found += comparisons(url, decisions, runs)
    about = harness.machine("sqlalchemy", "mmh3")
    harness.show(found, about)
    if json_file is not None:
        harness.write_json(found, about, json_file)


if __name__ == "__main__":
    main()
