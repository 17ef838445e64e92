"""The lake: partitions are whole, old or new, and an empty day is not an absent one."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helicarrier.errors import StorageUnavailable
from helicarrier.store.lake import Lake

ROOT = Path(__file__).parents[2]
DAY = date(2026, 3, 1)
NEXT = date(2026, 3, 2)


def table(*numbers: int) -> pa.Table:
    """A table with one column."""
    return pa.table({"n": pa.array(numbers, pa.int64())})


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake whose folder does not exist yet."""
    return Lake(tmp_path / "lake")


def test_a_partition_has_the_layout_that_engines_read(lake: Lake) -> None:
    """The day is a column of its own to them."""
    info = lake.replace("facts", DAY, table(1, 2))
    assert info.path == lake.root / "facts" / "day=2026-03-01" / "part.parquet"
    assert (info.rows, info.bytes) == (2, info.path.stat().st_size)
    files = str(lake.root / "facts" / "*" / "*.parquet")
    found = duckdb.sql(f"SELECT n, day FROM read_parquet('{files}', hive_partitioning = true)")  # noqa: S608
    assert found.fetchall() == [(1, DAY), (2, DAY)]


def test_replacing_leaves_only_the_new_rows(lake: Lake) -> None:
    """And nothing else in the folder."""
    lake.replace("facts", DAY, table(1, 2))
    lake.replace("facts", DAY, table(3))
    path = lake.path("facts", DAY)
    assert pq.read_table(path, partitioning=None).to_pydict() == {"n": [3]}
    assert names(path.parent) == ["part.parquet"]


def test_who_reads_the_old_partition_reads_it_to_its_end(lake: Lake) -> None:
    """A replacement is another file; nobody sees half of each."""
    with pq.ParquetFile(lake.replace("facts", DAY, table(1, 2)).path) as reader:
        lake.replace("facts", DAY, table(3))
        assert reader.read().to_pydict() == {"n": [1, 2]}


def test_a_day_without_rows_is_computed_all_the_same(lake: Lake) -> None:
    """An absent partition means that nobody has looked."""
    info = lake.replace("facts", DAY, table())
    assert info.rows == 0
    assert lake.exists("facts", DAY)
    assert not lake.exists("facts", NEXT)
    assert pq.read_schema(info.path).names == ["n"]


def test_paths_are_those_that_exist_in_the_order_asked_for(lake: Lake) -> None:
    """Days that were never computed are left out."""
    lake.replace("facts", DAY, table(1))
    lake.replace("facts", NEXT, table(2))
    wanted = [NEXT, date(2026, 3, 3), DAY]
    assert lake.paths("facts", wanted) == [lake.path("facts", NEXT), lake.path("facts", DAY)]
    assert lake.days("facts") == [DAY, NEXT]
    assert lake.days("other") == []


def test_a_removed_partition_is_gone(lake: Lake) -> None:
    """Removing it again is no error."""
    lake.replace("facts", DAY, table(1))
    assert lake.remove("facts", DAY)
    assert not lake.remove("facts", DAY)
    assert not lake.path("facts", DAY).parent.exists()


def test_a_failed_write_keeps_the_old_partition(lake: Lake) -> None:
    """Whatever was begun is taken away."""
    path = lake.replace("facts", DAY, table(1)).path
    with pytest.raises(AttributeError):
        lake.replace("facts", DAY, None)
    assert pq.read_table(path, partitioning=None).to_pydict() == {"n": [1]}
    assert names(path.parent) == ["part.parquet"]


def test_a_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(StorageUnavailable):
        Lake(tmp_path / "lake").replace("facts", DAY, table(1))


def test_a_killed_writer_leaves_the_old_partition(lake: Lake) -> None:
    """SIGKILL after the bytes and before the rename; the rest is swept away later."""
    path = lake.replace("facts", DAY, table(1)).path
    program = (
        "import os, signal, sys; from datetime import date; from pathlib import Path\n"
        "import pyarrow as pa, pyarrow.parquet; from helicarrier.store.lake import Lake\n"
        "real = os.fsync\n"
        "os.fsync = lambda handle: (real(handle), os.kill(os.getpid(), signal.SIGKILL))\n"
        "Lake(Path(sys.argv[1])).replace('facts', date(2026, 3, 1), pa.table({'n': [9, 9, 9]}))"
    )
    command = [sys.executable, "-c", program, str(lake.root)]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -9
    assert pq.read_table(path, partitioning=None).to_pydict() == {"n": [1]}
    (left,) = [name for name in names(path.parent) if name != "part.parquet"]
    os.utime(path.parent / left, (0, 0))
    lake.replace("facts", DAY, table(2))
    assert names(path.parent) == ["part.parquet"]
