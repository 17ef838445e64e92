"""What lineage costs: the run around an asset, and the answer to where a number comes from.

A run is two transactions in the warehouse file and one in the operational store; its floor is two
bare transactions of one row each in the same file. An explanation stands beside the read of its
row alone. `python benchmarks/lineage.py` makes its own data.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import harness
from harness import Case, Comparison

from helicarrier import times
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.explain import explain
from helicarrier.settings import Settings
from helicarrier.store.query import open_query
from helicarrier.store.run_model import Edge
from helicarrier.store.warehouse import WarehouseStore

SAMPLES = Path(__file__).resolve().parents[1] / "examples" / "sessions"
CALL = "claude_code:msg_0115kF7mpSKwV1DCLnuqGdzh:req_011CEQXhNz5ABr5CaBk3WSPr"
AT_ONCE = 20
TARGET_SECONDS = 0.020
RUN_TARGET = 4.0
EXPLAIN_TARGET = 200.0
_TABLE = "CREATE TABLE IF NOT EXISTS floor_rows (told VARCHAR)"
_INSERT = "INSERT INTO floor_rows VALUES ($told)"
_ROW = "SELECT * FROM session_usage WHERE usage_id = :usage_id"


def recorded(settings: Settings, warehouse: WarehouseStore) -> None:
    """Runs of an asset with four inputs and four outputs, and no work."""
    runs = run_store(settings, warehouse)
    for _ in range(AT_ONCE):
        with runs.run("usage_facts", partition_key="2026-10-05") as run:
            for number in range(4):
                run.reads(Edge(dataset="session_usage", partition_key=f"{number}", rows=1))
                run.writes(Edge(dataset="usage_facts", partition_key=f"{number}", rows=1))


def bare(warehouse: WarehouseStore) -> None:
    """As many times two transactions of one row."""
    for _ in range(2 * AT_ONCE):
        with warehouse.write() as connection:
            connection.execute(_INSERT, {"told": times.utc_text(times.now())})


def row_alone(settings: Settings) -> None:
    """The row that is explained, read."""
    with open_query(settings.url) as query:
        query.rows(_ROW, {"usage_id": CALL})


def compare(runs: int, folder: Path) -> list[Comparison]:
    """Import the samples and measure both subjects with their floors."""
    settings = Settings(data_dir=folder / "data")
    import_sessions(settings, [SAMPLES], workers=1)
    warehouse = WarehouseStore(settings.warehouse_path)
    with warehouse.write() as connection:
        connection.execute(_TABLE)
    recorded(settings, warehouse)
    explain(settings, "session_usage", [CALL])  # The price list is read once for each process.
    floor, recording, row, explaining = harness.measure(
        [
            Case(name="bare transactions", run=lambda: bare(warehouse)),
            Case(name="runs", run=lambda: recorded(settings, warehouse)),
            Case(name="read of the row", run=lambda: row_alone(settings)),
            Case(name="explain", run=lambda: explain(settings, "session_usage", [CALL])),
        ],
        runs,
    )
    warehouse.close()
    return [
        Comparison(
            subject=f"{AT_ONCE} runs of an asset",
            size="four inputs, four outputs",
            floor=floor,
            measured=recording,
            target=RUN_TARGET,
            details={
                "milliseconds for each run": 1000 * recording.median / AT_ONCE,
                "processor milliseconds for each run": 1000 * recording.cpu / AT_ONCE,
                "milliseconds that a run may take": 1000 * TARGET_SECONDS,
            },
        ),
        Comparison(
            subject="explain a cost",
            size="477 calls of 51 files",
            floor=row,
            measured=explaining,
            target=EXPLAIN_TARGET,
            details={"milliseconds": 1000 * explaining.median},
        ),
    ]


@click.command()
@click.option("--runs", default=7, show_default=True, help="Runs of each side.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(runs: int, file: Path | None) -> None:
    """Measure the run store and the explanations beside their floors."""
    with TemporaryDirectory(prefix="helicarrier-bench-") as folder:
        comparisons = compare(runs, Path(folder))
    about = harness.machine("duckdb", "sqlalchemy")
    harness.show(comparisons, about)
    if file is not None:
        harness.write_json(comparisons, about, file)


if __name__ == "__main__":
    main()
