"""Latency by provider over many generations, on each database, with the plans it is answered by.

    python -m benchmarks.provider_latency --rows 1000000 --json latency.json

The rows are made up by the database itself, the same on each: four providers of unequal shares, one
in fifty without a latency. On SQLite and Postgres `helicarrier routing latency` is measured, which
looks up places of an index or counts by ranges; on DuckDB the same percentile over a table of the
file, by its own `quantile_cont`. The floor only counts the measured generations of each provider.
The answers have to be equal on all three. Postgres is the throw-away server of the tests, or
HELICARRIER_TEST_DSN.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import duckdb
from sqlalchemy import Connection, create_engine, event, func, select, text

from benchmarks import harness
from benchmarks.harness import Case, Comparison
from helicarrier.evals.routing.latency import latency_by_provider
from helicarrier.evals.tables import ai_training_examples
from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore
from tests.postgres import DSN_VARIABLE, fresh_database, private_folder, start_cluster

LIMIT_SECONDS = 1.0
TARGET_SECONDS = 0.1
TOLERANCE_MS = 0.001
Answer = list[tuple[str, int, float, float]]

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :rows) ",
    "postgresql": "WITH numbers AS (SELECT CAST(generate_series(0, :rows - 1) AS BIGINT) AS n) ",
}
_PROVIDER = (
    "CASE WHEN n % 10 < 5 THEN 'openai' WHEN n % 10 < 8 THEN 'anthropic' "
    "WHEN n % 10 < 9 THEN 'custom' ELSE 'local' END"
)
_LATENCY = "CASE WHEN n % 50 = 0 THEN NULL ELSE 200 + n * 7919 % 49999 END"
_FILL = f"""
INSERT INTO ai_training_examples
  (id, source, prompt, provider, selected_provider, latency_ms, metadata, created_at)
SELECT 'g' || n, 'generation', 'p', {_PROVIDER}, {_PROVIDER}, {_LATENCY}, '{{}}', :created_at
FROM numbers
"""  # noqa: S608 - constants of this module
_DUCKDB_FILL = f"""
CREATE TABLE ai_training_examples AS
SELECT {_PROVIDER} AS selected_provider, {_LATENCY} AS latency_ms FROM range(?) AS r(n)
"""  # noqa: S608 - constants of this module
_DUCKDB = """
SELECT selected_provider, COUNT(latency_ms), quantile_cont(latency_ms, 0.5),
  quantile_cont(latency_ms, 0.95)
FROM ai_training_examples GROUP BY selected_provider ORDER BY selected_provider
"""
_DUCKDB_COUNT = """
SELECT selected_provider, COUNT(latency_ms) FROM ai_training_examples GROUP BY selected_provider
"""


def fill(store: OperationalStore, rows: int, *, vacuum: bool) -> None:
    """Make the rows, and let the database know of what there is."""
    with store.write() as connection:
        dialect = connection.dialect.name
        when = "2026-11-01T00:00:00.000000Z"
        connection.execute(text(_NUMBERS[dialect] + _FILL), {"rows": rows, "created_at": when})
        connection.execute(text("ANALYZE ai_training_examples"))
    if dialect == "postgresql" and vacuum:
        # What autovacuum does soon after so many rows.
        engine = create_engine(store.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE ai_training_examples"))
        engine.dispose()


def plans(connection: Connection) -> list[str]:
    """How the database answers each distinct statement of the product."""
    seen: dict[str, object] = {}

    def keep(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.setdefault(statement, parameters)

    event.listen(connection, "before_cursor_execute", keep)
    latency_by_provider(connection)
    event.remove(connection, "before_cursor_execute", keep)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return [
        str(row[-1])
        for statement, parameters in seen.items()
        for row in connection.exec_driver_sql(explain + statement, parameters)  # type: ignore[call-overload]
    ]


def of_store(
    name: str, url: str, folder: Path, rows: int, runs: int, *, vacuum: bool
) -> tuple[Comparison, Answer]:
    """Measure the product on a database; prints its plans."""
    migrate.upgrade(url, folder)
    store = OperationalStore(url)
    try:
        fill(store, rows, vacuum=vacuum)
        columns = ai_training_examples.c
        count = select(columns.selected_provider, func.count(columns.latency_ms)).group_by(
            columns.selected_provider
        )
        with store.read() as connection:
            show_plan(name, plans(connection))
            comparison = compared(
                name,
                rows,
                runs,
                floor=lambda: connection.execute(count).all(),
                subject=lambda: latency_by_provider(connection),
            )
            answer = [
                (one.provider, one.measured, one.p50_ms, one.p95_ms)
                for one in latency_by_provider(connection)
            ]
    finally:
        store.close()
    return comparison, answer


def of_duckdb(path: Path, rows: int, runs: int) -> tuple[Comparison, Answer]:
    """Measure the same percentile in a DuckDB file; prints its plan."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(_DUCKDB_FILL, [rows])
        plan = connection.execute(f"EXPLAIN {_DUCKDB}").fetchall()[0][1]
        show_plan("DuckDB", plan.splitlines())
        comparison = compared(
            "DuckDB",
            rows,
            runs,
            floor=lambda: connection.execute(_DUCKDB_COUNT).fetchall(),
            subject=lambda: connection.execute(_DUCKDB).fetchall(),
        )
        return comparison, connection.execute(_DUCKDB).fetchall()


def compared(
    name: str, rows: int, runs: int, *, floor: Callable[[], object], subject: Callable[[], object]
) -> Comparison:
    """The subject beside its floor."""
    least, measured = harness.measure(
        [
            Case(name="count by provider", run=floor),
            Case(name="median and 95th percentile", run=subject),
        ],
        runs,
    )
    return Comparison(
        subject=f"latency by provider, {name}",
        size=f"{rows:,} generations",
        floor=least,
        measured=measured,
        target=TARGET_SECONDS / least.median,
        details={"median, microseconds": measured.median * 1_000_000},
    )


def show_plan(name: str, lines: list[str]) -> None:
    """Print a plan."""
    click.echo(f"Plan of {name}:")
    for line in lines:
        click.echo(f"  {line}")


@contextmanager
def postgres() -> Iterator[str]:
    """URL of a database that is dropped afterwards."""
    given = os.environ.get(DSN_VARIABLE)
    if given:
        with fresh_database(given) as url:
            yield url
        return
    folder = private_folder()
    cluster = start_cluster(folder)
    try:
        with fresh_database(cluster.url.render_as_string(hide_password=False)) as url:
            yield url
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _same(one: Answer, other: Answer) -> bool:
    """Whether two answers agree within 0.001 ms: databases differ in the last digit of a float."""
    return [row[:2] for row in one] == [row[:2] for row in other] and all(
        abs(a - b) < TOLERANCE_MS
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left[2:], right[2:], strict=True)
    )


@click.command(help=__doc__)
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--runs", default=5, show_default=True)
@click.option("--vacuum", is_flag=True, help="VACUUM Postgres first, as autovacuum would.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(*, rows: int, runs: int, vacuum: bool, json_file: Path | None) -> None:
    """Print seconds and plans; ends with 1 where one takes a second or the answers differ."""
    with TemporaryDirectory() as made, postgres() as url:
        folder = Path(made)
        measured = [
            of_store(name, address, folder / "backups", rows, runs, vacuum=vacuum)
            for name, address in (
                ("SQLite", f"sqlite:///{folder}/l.sqlite"),
                ("Postgres", url),
            )
        ]
        measured += [
            of_duckdb(folder / "l.duckdb", rows, runs),
        ]
    comparisons = [comparison for comparison, _ in measured]
    about = harness.machine("sqlalchemy", "psycopg", "duckdb")
    harness.show(comparisons, about)
    if json_file is not None:
        harness.write_json(comparisons, about, json_file)
    answers = [answer for _, answer in measured]
    equal = all(_same(answer, answers[0]) for answer in answers)
    for row in answers[0]:
        click.echo(f"{row[0]}: {row[1]:,} measured, median {row[2]:g} ms, p95 {row[3]:g} ms")
    click.echo(f"the same answers on all three: {'yes' if equal else 'no'}")
    slow = any(each.measured.median > LIMIT_SECONDS for each in comparisons)
    sys.exit(1 if slow or not equal else 0)


if __name__ == "__main__":
    main()
