"""The V3 reads from the database and from the legacy JSON repository, over the same sessions.

    python -m benchmarks.legacy_reads --sessions 10000 --json legacy.json

One made-up year is put into SQLite, into Postgres and into `v3-intelligence.json`; then the service
answers the same questions over HTTP from each of them. The file is read once and stays in memory,
so it is asked at its best. It can bear 256 MB: 10,000 sessions of ten calls, or 100,000 of one.
The last line names the questions whose median is above that of the file on a database.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
from rich.console import Console
from rich.table import Table as Screen
from sqlalchemy import Table

from benchmarks import harness, large_ledger
from benchmarks.provider_latency import postgres
from benchmarks.service import Load, reads
from helicarrier.ledger.sink import Row
from helicarrier.ledger.tables import (
    SESSION_LEDGER,
    SESSION_USAGE,
    session_ledger,
    session_usage,
)
from helicarrier.legacy.file import LegacyFile
from helicarrier.legacy.rows import whole_session
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore

_OWNER = SESSION_USAGE.column_names.index("session_id")
_FINGERPRINT = SESSION_LEDGER.column_names.index("payload_sha256")


def write_legacy(store: OperationalStore, folder: Path) -> int:
    """The sessions and calls of a SQLite store as the legacy file; its bytes."""
    path = Settings(data_dir=folder).legacy_path
    calls: dict[str, list[Row]] = {}
    for call in _rows(store, session_usage):
        calls.setdefault(str(call[_OWNER]), []).append(call)
    with LegacyFile(path).write() as change:
        for session in _rows(store, session_ledger):
            # An envelope has a fingerprint, and the file takes envelopes alone.
            row = (*session[:_FINGERPRINT], "0" * 64, *session[_FINGERPRINT + 1 :])
            change.put(whole_session(row, calls.get(str(session[0]), []), []))
    return path.stat().st_size


def _rows(store: OperationalStore, table: Table) -> list[Row]:
    """As they are stored, in the order of the contract."""
    names = ", ".join(column.name for column in table.columns)
    with store.read() as connection:
        found = connection.exec_driver_sql(f"SELECT {names} FROM {table.name}")  # noqa: S608 - names
        return [tuple(row) for row in found]


def show(title: str, found: dict[str, Sequence[Load]]) -> list[str]:
    """Print medians and 95th percentiles side by side; the questions that a database loses."""
    screen = Screen(title=title, title_justify="left")
    screen.add_column("request")
    for name in found:
        screen.add_column(f"{name}, p50 and p95 ms", justify="right")
    slower = []
    *databases, legacy = found.values()
    for position, old in enumerate(legacy):
        new = [database[position] for database in databases]
        if max(one.quantile(50) for one in new) > old.quantile(50):
            slower.append(old.name)
        cells = [f"{one.quantile(50):.1f}  {one.quantile(95):.1f}" for one in (*new, old)]
        screen.add_row(old.name, *cells)
    Console(width=120).print(screen)
    return slower


@click.command(help=__doc__)
@click.option("--sessions", default=10_000, show_default=True)
@click.option("--per-session", default=10, show_default=True, help="Calls of each, at most ten.")
@click.option("--times", default=10, show_default=True, help="Each question is asked.")
@click.option("--postgres/--no-postgres", "with_postgres", default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(
    *, sessions: int, per_session: int, times: int, with_postgres: bool, file: Path | None
) -> None:
    """Ask, print, and say which questions a database answers more slowly."""
    load_before = os.getloadavg()[0]
    calls = sessions * per_session
    found: dict[str, Sequence[Load]] = {}
    with TemporaryDirectory() as made:
        folder, old = Path(made) / "new", Path(made) / "old"
        folder.mkdir()
        old.mkdir()
        url = f"sqlite:///{folder / 'helicarrier.sqlite'}"
        store = large_ledger.make(url, folder, calls, per_session=per_session)
        size = write_legacy(store, old)
        store.close()
        found["SQLite"] = reads(folder, times)
        if with_postgres:
            with postgres() as server:
                large_ledger.make(server, folder, calls, per_session=per_session).close()
                found["Postgres"] = reads(folder, times, db_url=server)
        found["legacy JSON"] = reads(old, times, enable_sqlite="false")
    title = f"{sessions:,} sessions, {calls:,} calls, legacy file of {size / 1e6:,.0f} MB"
    slower = show(title, found)
    about = harness.machine("fastapi", "uvicorn") | {"load": round(load_before)}
    click.echo(", ".join(f"{name} {value}" for name, value in about.items()))
    click.echo(f"slower than the legacy store: {', '.join(slower) or 'none'}")
    if file is not None:
        loads = [
            asdict(replace(one, name=f"{one.name}, {name}"))
            for name, those in found.items()
            for one in those
        ]
        file.write_text(json.dumps({"machine": about, "loads": loads}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
