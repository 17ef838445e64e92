"""The governance check of one large partition beside reading it.

    python -m benchmarks.governance --rows 250000,1000000

The check is that of the asset, on the same Parquet file: every rule of the contract on every row.
The floor reads the file into the frames that the check is given.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import pandas as pd

from benchmarks import harness
from benchmarks.aggregates import LAST, make_facts
from benchmarks.harness import Case, Comparison
from checks.audit import audit, lake_rows
from helicarrier.store.lake import Lake
from helicarrier.usage.tables import USAGE_FACTS

TARGET = 3.0


def read(lake: Lake) -> None:
    """Read the partition as frames and drop them."""
    for batch in lake_rows(lake, USAGE_FACTS, [LAST]):
        batch.to_pandas(types_mapper=pd.ArrowDtype)


def check(lake: Lake) -> None:
    """Hold the partition against its contract."""
    found = audit(USAGE_FACTS, "occurred_at", lake_rows(lake, USAGE_FACTS, [LAST]))
    if found.breaches or not found.rows:
        message = "the rows that were made up break the contract"
        raise RuntimeError(message)


def compare(rows: int, runs: int, folder: Path) -> Comparison:
    """Make one partition and measure both on it."""
    lake = Lake(folder / "lake")
    make_facts(lake, rows, LAST, LAST)
    check(lake)
    floor, measured = harness.measure(
        [
            Case(name="read", run=lambda: read(lake)),
            Case(name="read and check", run=lambda: check(lake)),
        ],
        runs,
    )
    return Comparison(
        subject="governance check of a partition",
        size=f"{rows:,} rows",
        floor=floor,
        measured=measured,
        target=TARGET,
        details={"rows per second": rows / measured.median},
    )


@click.command()
@click.option("--rows", default="1000000", show_default=True, help="Rows, separated by commas.")
@click.option("--runs", default=3, show_default=True, help="Runs of each side.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(rows: str, runs: int, file: Path | None) -> None:
    """Measure the check of a partition against reading it."""
    found = []
    for count in map(int, rows.split(",")):
        with TemporaryDirectory(prefix="helicarrier-bench-") as folder:
            found.append(compare(count, runs, Path(folder)))
    about = harness.machine("pandera", "pandas", "pyarrow")
    harness.show(found, about)
    if file is not None:
        harness.write_json(found, about, file)


if __name__ == "__main__":
    main()
