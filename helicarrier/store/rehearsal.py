"""A rehearsal on Postgres: one session in which temporary copies stand in for the tables.

A temporary table hides the one it is a copy of, so whatever writes through this store writes to
the copies, in transactions of its own, and they are gone with the session. Nobody waits for it: the
tables themselves are read once and never locked. SQLite needs none of this, it copies its file.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, StaticPool, Table

from helicarrier.errors import UsageError
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.operational import OperationalStore, postgres_engine


class RehearsalStore(OperationalStore):
    """A Postgres store whose writes last until it is closed. For one thread."""

    def __init__(self, url: str, tables: Iterable[Table]) -> None:
        """Copies the tables; the session stays open.

        Raises:
            UsageError: the store is not Postgres.
            StorageUnavailable: it cannot be read.
        """
        super().__init__(url)
        address = parse_address(url)
        if not isinstance(address, PostgresDatabase):
            raise UsageError("a rehearsal in a session needs a Postgres store")
        self._writer = self._reader = postgres_engine(address, poolclass=StaticPool)
        with self.write() as connection:
            for table in tables:
                _copy(connection, table.name)


def _copy(connection: Connection, name: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    stored, copy = f"{quote(schema)}.{quote(name)}", f"pg_temp.{quote(name)}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {quote(name)} (LIKE {stored} INCLUDING ALL)"
    )
    connection.exec_driver_sql(f"INSERT INTO {copy} SELECT * FROM {stored}")  # noqa: S608 - names
    connection.exec_driver_sql(f"ANALYZE {copy}")
