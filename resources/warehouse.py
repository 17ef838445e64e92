"""The warehouse file as a resource: Dagster's DuckDB resource, behind the file's one owner.

The stock resource opens the file by itself, commits each statement alone and leaves its connection
open when the block raises, which shuts out everybody else until the process ends. This one hands
out a transaction of `WarehouseStore`, which waits for its turn, rolls back and closes.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection
from pydantic import Field

from helicarrier import settings as configuration
from helicarrier.ledger.runs import run_store
from helicarrier.settings import Settings
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore


class WarehouseResource(DuckDBResource):
    """The DuckDB file: the run store, and what later areas keep there."""

    variables: dict[str, str] = Field(
        default={}, description="HELICARRIER_ variables that win over those of the environment."
    )

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """A connection in one write transaction, rolled back and closed when the block raises.

        Raises:
            StorageUnavailable: STORAGE_BUSY, another process has held the file for too long.
        """
        with self.store().write() as connection:
            yield connection

    def store(self) -> WarehouseStore:
        """The owner of the file; it holds nothing open between two transactions."""
        return _owner(Path(self.database))

    def runs(self) -> RunStore:
        """The run store: in the file, or in Postgres where the ledger is there."""
        return _runs(configuration.load(os.environ | self.variables), Path(self.database))

    def row_counts(self, tables: Iterable[str]) -> dict[str, int]:
        """How many rows the tables hold, by name.

        Raises:
            NotReady: there is no file yet, or it is of another version.
            StorageUnavailable: it cannot be read.
        """
        with self.store().read() as connection:
            return {
                name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchall()[0][0]  # noqa: S608 - a table of the program
                for name in tables
            }


@cache
def _owner(path: Path) -> WarehouseStore:
    """One owner for each file and process: starting DuckDB anew takes longer than a transaction."""
    return WarehouseStore(path)


@cache
def _runs(settings: Settings, path: Path) -> RunStore:
    """One for each configuration, since it may hold connections."""
    return run_store(settings, _owner(path))
