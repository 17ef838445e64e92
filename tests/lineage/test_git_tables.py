"""The migrated file holds the declared tables, and each constraint refuses what it must."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.frames import validate
from helicarrier.lineage.git.tables import TABLES
from helicarrier.store.duckdb_probes import FOREIGN_KEY, Probe, plain, probes
from helicarrier.store.duckdb_schema import WarehouseTable, declared, facts
from helicarrier.store.warehouse import WarehouseStore

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
COMMIT = {"repo": "/r", "commit_sha": "c" * 40}
SOUND: Mapping[str, Sequence[Mapping[str, object]]] = {
    "git_commits": [
        COMMIT
        | {"author": "Ada <a@b>", "author_time": NOW, "commit_time": NOW, "message": "m"}
        | {"is_merge": 0, "is_boundary": 0, "run_id": "r"}
    ],
    "git_parents": [COMMIT | {"seq": 0, "parent_sha": "p" * 40, "run_id": "r"}],
    "git_changes": [
        COMMIT
        | {"path": "f", "commit_time": NOW, "change_type": "M", "previous_path": None}
        | {"blob_sha": "b" * 40, "insertions": 1, "deletions": 1, "run_id": "r"}
    ],
    "git_refs": [
        {"repo": "/r", "ref_name": "HEAD", "commit_sha": "c" * 40}
        | {"is_tag": 0, "is_remote": 0, "run_id": "r"}
    ],
    "git_cache": [
        {"repo": "/r", "ref": "HEAD", "path": "f", "at": NOW, "commit_sha": "c", "blob_sha": "b"}
        | {"hits": 0, "last_accessed": NOW, "expires_at": NOW}
    ],
    "session_commits": [
        {"session_id": "s", "repo": "/r", "ref": "HEAD", "commit_sha": "c"}
        | {"certainty": "recorded", "reason": None, "run_id": "r"}
    ],
}
PROBES = {
    f"{n}-{probe.table}-{probe.rule}": probe
    for n, probe in enumerate(p for table in TABLES for p in probes(table, SOUND[table.name]))
    if probe.rule != FOREIGN_KEY  # of two columns, so it has a test of its own
}


def insert(connection: duckdb.DuckDBPyConnection, table: str, row: Mapping[str, object]) -> None:
    """One row; some columns are named like words of SQL."""
    columns = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f"${name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", dict(row))  # noqa: S608 - test


def refusal(file: WarehouseStore, probe: Probe) -> str:
    """What the file says to the row of a probe; empty where it takes it."""
    try:
        with file.write() as connection:
            if probe.table == "git_changes":
                insert(connection, "git_commits", SOUND["git_commits"][0])
            for _ in range(1 + probe.twice):
                insert(connection, probe.table, probe.row)
    except duckdb.ConstraintException as error:
        return str(error).partition("\n")[0]
    return ""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseStore]:
    """A migrated file."""
    path = tmp_path_factory.mktemp("git") / "warehouse.duckdb"
    with closing(WarehouseStore(path)) as store:
        with store.write():
            pass
        yield store


@pytest.mark.parametrize("name", PROBES)
def test_a_row_that_breaks_a_rule_is_refused(name: str, file: WarehouseStore) -> None:
    """By the migrated file itself, in the words of that very rule."""
    probe = PROBES[name]
    assert plain(probe.says) in plain(refusal(file, probe))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_sound_rows_are_taken(table: WarehouseTable) -> None:
    """Otherwise a refusal would prove nothing; pandas finds them sound, too."""
    row = SOUND[table.name][0]
    frame = pa.Table.from_pylist([dict(row)], schema=arrow_schema(table.contract))
    assert validate(table.contract, frame).breaches == ()
    with duckdb.connect(":memory:") as scratch:
        for made in TABLES:
            scratch.execute(made.ddl())
        insert(scratch, "git_commits", SOUND["git_commits"][0])
        if table.name != "git_commits":
            insert(scratch, table.name, row)


def test_a_change_without_its_commit_is_refused(file: WarehouseStore) -> None:
    """The foreign key holds for both of its columns."""
    with pytest.raises(duckdb.ConstraintException, match="foreign key"), file.write() as connection:
        insert(connection, "git_changes", SOUND["git_changes"][0])


def test_the_file_has_what_the_contracts_declare(warehouse: WarehouseStore) -> None:
    """Columns, types, keys, CHECKs, the foreign key and the index."""
    with warehouse.read() as connection:
        assert facts(connection, TABLES) == declared(TABLES)
