"""The Postgres script that makes the tables of this area alone, for `psql -f`, any number of times.

Tables and indexes come from the contracts, triggers and vectors from the files of the migration. A
database that `helicarrier migrate` keeps does not need it.
"""

from collections.abc import Iterator

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from helicarrier.resolution.tables import CONTRACTS
from helicarrier.store.schema import METADATA
from helicarrier.store.versions import CORE

_SCRIPTS = ("0005_triggers.postgresql.sql", "0005_vector.postgresql.sql")
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def schema_sql() -> Iterator[str]:
    """The statements of the script, in order; each ends with a semicolon."""
    yield "BEGIN;"
    wanted = {contract.name for contract in CONTRACTS}
    for table in METADATA.sorted_tables:
        if table.name not in wanted:
            continue
        yield _statement(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            if index._ddl_if is None or index._ddl_if.dialect == _DIALECT.name:  # noqa: SLF001
                yield _statement(CreateIndex(index, if_not_exists=True))
    for name in _SCRIPTS:
        script = (CORE.scripts / "sql" / name).read_text(encoding="utf-8")
        for part in script.strip().split("\n\n"):
            yield f"{_again(part)};"
    yield "COMMIT;"


def _statement(element: CreateTable | CreateIndex) -> str:
    return f"{str(element.compile(dialect=_DIALECT)).strip()};"


def _again(part: str) -> str:
    """The same statement, so that it can be run on what it has made."""
    return part.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
        "CREATE TRIGGER", "CREATE OR REPLACE TRIGGER"
    )
