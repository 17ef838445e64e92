"""A populated database of revision 0001, as it was left by the version that wrote it.

`fixtures/core_0001.sqlite` is such a file; its rows are also in `fixtures/core_0001.json`, from
which the same database is made on Postgres.
"""

import json
import shutil
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import MetaData, create_engine

from helicarrier.store import migrate
from helicarrier.store.addresses import SqliteFile, parse_address
from helicarrier.store.versions import CORE

FOLDER = Path(__file__).parent / "fixtures"
FILE = FOLDER / "core_0001.sqlite"
AT_BASELINE = replace(CORE, revisions=("0001",))

Row = dict[str, object]


def baseline_rows() -> dict[str, list[Row]]:
    """Table -> rows, with money as decimal strings and times as text."""
    return json.loads((FOLDER / "core_0001.json").read_text(encoding="utf-8"))


def put_baseline(url: str) -> None:
    """Puts the populated baseline where `url` points to, which must be empty."""
    address = parse_address(url)
    if isinstance(address, SqliteFile):
        address.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FILE, address.path)
        return
    migrate.upgrade(url, Path("unused"), environment=AT_BASELINE)
    insert(url, baseline_rows())


def insert(url: str, tables: dict[str, list[Row]]) -> None:
    """Inserts rows of the JSON form into the tables of a Postgres database, parents first."""
    engine = create_engine(url)
    found = MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        for table, rows in tables.items():
            kinds = {c.name: c.type.python_type for c in found.tables[table].columns}
            values = [{name: _typed(v, kinds[name]) for name, v in row.items()} for row in rows]
            connection.execute(found.tables[table].insert(), values)
    engine.dispose()


def _typed(value: object, kind: type) -> object:
    if not isinstance(value, str):
        return value
    if kind is Decimal:
        return Decimal(value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if kind is date else value
