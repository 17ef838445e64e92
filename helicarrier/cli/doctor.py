"""`helicarrier doctor`: is everything here, and is it in order?"""

import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import NotReady
from helicarrier.settings import Settings

_SAFE_SQLITE = (3, 51, 3)
_LIBRARIES = ("dagster", "duckdb", "sqlalchemy", "genai-prices", "pandera", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: `ok`, `warning` or `error`."""

    name: str
    state: str
    detail: str


@click.command()
@json_option
@data_dir_option
def doctor(*, as_json: bool, data_dir: Path | None) -> None:
    """Check versions, settings and stores; ends with 3 when something is in the way.

    \b
    EXAMPLES
      helicarrier doctor
      helicarrier doctor --json
    """
    findings = list(_findings(settings_of(data_dir)))
    if as_json:
        print_json(
            {"findings": [{"name": f.name, "state": f.state, "detail": f.detail} for f in findings]}
        )
    else:
        for finding in findings:
            click.echo(f"{finding.state:<8} {finding.name:<12} {finding.detail}")
    if any(finding.state == "error" for finding in findings):
        raise NotReady("something is in the way", hint="The lines marked `error` say what.")


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(name="python", state="ok", detail=platform.python_version())
    yield _sqlite()
    for name in _LIBRARIES:
        yield Finding(name=name, state="ok", detail=version(name))
    yield _data_dir(settings.data_dir)
    yield _operational(settings)
    yield _warehouse(settings.warehouse_path)
    yield _prices()


def _sqlite() -> Finding:
    if sqlite3.sqlite_version_info >= _SAFE_SQLITE:
        return Finding(name="sqlite", state="ok", detail=sqlite3.sqlite_version)
    return Finding(
        name="sqlite",
        state="warning",
        detail=f"{sqlite3.sqlite_version} is older than 3.51.3, which fixes a corruption of the "
        "write-ahead log with several writers; run one writer at a time, or use Postgres",
    )


def _data_dir(folder: Path) -> Finding:
    if not folder.exists():
        return Finding(name="data folder", state="ok", detail=f"{folder} will be made")
    if not folder.is_dir():
        return Finding(name="data folder", state="error", detail=f"{folder} is not a folder")
    return Finding(name="data folder", state="ok", detail=str(folder.absolute()))


def _operational(settings: Settings) -> Finding:
    from helicarrier.store.migrate import readiness

    found = readiness(settings.url)
    if found.ready:
        return Finding(name="ledger", state="ok", detail=f"at revision {found.current}")
    if found.current is None and found.code == "MIGRATION_PENDING":
        return Finding(name="ledger", state="ok", detail="not made yet; an import makes it")
    return Finding(name="ledger", state="error", detail=f"{found.code}: {found.message}")


def _warehouse(path: Path) -> Finding:
    if not path.exists():
        return Finding(name="run store", state="ok", detail="not made yet; an import makes it")
    from helicarrier.errors import HelicarrierError
    from helicarrier.store.warehouse import WarehouseStore

    try:
        with WarehouseStore(path).read() as connection:
            counted = connection.execute("SELECT COUNT(*) FROM runs").fetchone()
    except HelicarrierError as error:
        return Finding(name="run store", state="error", detail=error.message)
    return Finding(name="run store", state="ok", detail=f"{counted[0] if counted else 0} runs")


def _prices() -> Finding:
    from helicarrier.cost.prices import PriceBook

    return Finding(name="prices", state="ok", detail=PriceBook().version)
