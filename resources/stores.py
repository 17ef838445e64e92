"""The operational store and the lake as resources: opened for a block, closed after it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field
from sqlalchemy import Table, func, select

from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import Query, open_query
from resources.configuration import SettingsResource


class OperationalResource(SettingsResource):
    """The ledger and the aggregates: SQLite or Postgres, at the address that the settings name."""

    @contextmanager
    def store(self) -> Iterator[OperationalStore]:
        """The store; its connections are closed at the end of the block."""
        store = OperationalStore(self.load().url)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def query(self) -> Iterator[Query]:
        """The light read path: one snapshot of the store.

        Raises:
            NotReady: there is no store yet.
            StorageUnavailable: it cannot be reached.
        """
        with open_query(self.load().url) as query:
            yield query

    def row_counts(self, tables: Iterable[Table]) -> dict[str, int]:
        """How many rows the tables hold, by name, in one snapshot.

        Raises:
            NotReady: there is no store yet.
            StorageUnavailable: it cannot be reached.
        """
        with self.store() as store, store.read() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables
            }


class LakeResource(dg.ConfigurableResource):
    """The facts: Parquet files, one for each dataset and UTC day."""

    root: str = Field(description="Folder of all datasets.")

    def lake(self) -> Lake:
        """The lake; it holds nothing open."""
        return Lake(Path(self.root))

    def row_counts(self, dataset: str, days: Iterable[date]) -> dict[date, int]:
        """Rows of the partitions of these days that exist, from their footers."""
        import pyarrow.parquet as pq

        lake = self.lake()
        return {
            day: pq.read_metadata(lake.path(dataset, day)).num_rows
            for day in days
            if lake.exists(dataset, day)
        }
