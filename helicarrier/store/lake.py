"""The lake: datasets as Parquet files, one file for each UTC day, replaced as a whole.

The Hive layout `root/<dataset>/day=YYYY-MM-DD/part.parquet` is what DuckDB, Spark and pandas read
by themselves. A partition appears by an atomic rename after its bytes are on the disk, so a reader
sees the old one or the new one, never a part. A day without rows has a file, too: an absent
partition means "never computed".
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from helicarrier.errors import StorageUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

_PART = "part.parquet"
_DAY = "day="
_ABANDONED_SECONDS = 3600
"""After this time an unfinished file belongs to a writer that is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionInfo:
    """A partition as written. `bytes` is the size of the file."""

    rows: int
    bytes: int
    path: Path


class Lake:
    """The datasets under `root`, which is made at the first write."""

    def __init__(self, root: Path) -> None:
        """Args: root, the folder of all datasets."""
        self.root = root

    def path(self, dataset: str, day: date) -> Path:
        """Where the partition is or would be."""
        return self.root / dataset / f"{_DAY}{day.isoformat()}" / _PART

    def paths(self, dataset: str, days: Iterable[date]) -> list[Path]:
        """The partitions of these days that exist, in the order of the days."""
        wanted = (self.path(dataset, day) for day in days)
        return [path for path in wanted if path.is_file()]

    def exists(self, dataset: str, day: date) -> bool:
        """Whether the day was ever computed."""
        return self.path(dataset, day).is_file()

    def days(self, dataset: str) -> list[date]:
        """The days that were computed, oldest first."""
        found = (self.root / dataset).glob(f"{_DAY}*/{_PART}")
        return sorted(date.fromisoformat(path.parent.name.removeprefix(_DAY)) for path in found)

    def replace(self, dataset: str, day: date, table: "pa.Table") -> PartitionInfo:
        """Writes the day's rows in place of those that were there.

        Raises:
            StorageUnavailable: the file could not be written; the old partition stays.
        """
        import pyarrow.parquet as pq

        target = self.path(dataset, day)
        part = target.with_name(f".{_PART}.{uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target.parent)
            with part.open("xb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            part.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise StorageUnavailable(
                f"the partition {target} could not be written",
                hint="Check the folder's rights and the space on the disk.",
            ) from error
        finally:
            with suppress(OSError):
                part.unlink()
        return PartitionInfo(rows=table.num_rows, bytes=size, path=target)

    def sha256(self, dataset: str, day: date) -> str | None:
        """Hash of the partition's file; None where there is none."""
        try:
            with self.path(dataset, day).open("rb") as file:
                return file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def remove(self, dataset: str, day: date) -> bool:
        """Takes the partition away; False when there was none."""
        target = self.path(dataset, day)
        if not target.is_file():
            return False
        target.unlink()
        with suppress(OSError):  # Another writer may be filling it again.
            target.parent.rmdir()
        return True


def _sweep(folder: Path) -> None:
    """Takes away what writers that were killed left unfinished."""
    oldest = time.time() - _ABANDONED_SECONDS
    for path in folder.glob(f".{_PART}.*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
