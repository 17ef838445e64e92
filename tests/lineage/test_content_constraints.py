"""Every CHECK, key and the foreign key of content: a row that breaks it alone is refused for it."""

from collections.abc import Iterator, Mapping
from contextlib import closing

import duckdb
import pytest

from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import TableContract
from helicarrier.governance.frames import validate
from helicarrier.lineage.content.sound import SOUND
from helicarrier.lineage.content.tables import ANNOTATIONS, CONTRACTS, TABLES
from helicarrier.store.duckdb_probes import (
    FOREIGN_KEY,
    PRIMARY_KEY,
    Probe,
    definitions,
    plain,
    probes,
    run_probes,
)
from helicarrier.store.duckdb_schema import WarehouseTable
from helicarrier.store.warehouse import WarehouseStore

PROBES = {
    f"{n}-{probe.table}-{probe.rule}": probe
    for n, probe in enumerate(p for table in TABLES for p in probes(table, SOUND[table.name]))
}


def insert(connection: duckdb.DuckDBPyConnection, table: str, row: Mapping[str, object]) -> None:
    """One row, as anybody would write it."""
    columns, places = ", ".join(row), ", ".join(f"${name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", dict(row))  # noqa: S608 - test


def refusal(file: WarehouseStore, probe: Probe) -> str:
    """What the file says to the row of a probe; empty where it takes it."""
    try:
        with file.write() as connection:
            if probe.table == ANNOTATIONS.name:
                insert(connection, "documents", SOUND["documents"][0])
            for _ in range(1 + probe.twice):
                insert(connection, probe.table, probe.row)
    except duckdb.ConstraintException as error:
        return str(error).partition("\n")[0]
    return ""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseStore]:
    """A migrated file."""
    path = tmp_path_factory.mktemp("probes") / "warehouse.duckdb"
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
def test_there_is_a_probe_for_every_constraint(table: WarehouseTable) -> None:
    """NOT NULL of each column, each rule of the contract, the primary and the foreign keys."""
    tried = {probe.rule for probe in PROBES.values() if probe.table == table.name}
    contract = table.contract
    not_null = {f"{column.name}_not_null" for column in contract.columns if not column.nullable}
    keys = {PRIMARY_KEY} | ({FOREIGN_KEY} if table.foreign_keys else set())
    assert tried == not_null | set(contract.checks()) | keys
    assert bool(table.foreign_keys) == (contract is ANNOTATIONS)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_sound_rows_are_taken(contract: TableContract) -> None:
    """Otherwise a refusal would prove nothing; pandas finds them sound, too."""
    assert breaking(contract, *SOUND[contract.name]) == set()
    with duckdb.connect(":memory:") as scratch:
        for table in TABLES:
            scratch.execute(table.ddl())
        for row in SOUND["documents"]:
            insert(scratch, "documents", row)
        for row in SOUND[contract.name] if contract.name != "documents" else []:
            insert(scratch, contract.name, row)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_governance_check_finds_the_same_rows(contract: TableContract) -> None:
    """What a CHECK refuses is what pandas would find, under the name of the same rule."""
    for probe in PROBES.values():
        if probe.table == contract.name and probe.rule in contract.checks():
            assert breaking(contract, probe.row) == {probe.rule}


def breaking(contract: TableContract, *rows: Mapping[str, object]) -> set[str]:
    """The rules that pandas finds broken."""
    import pyarrow as pa

    frame = pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(contract))
    return {breach.rule for breach in validate(contract, frame).breaches}


def test_a_constraint_that_is_gone_or_weaker_is_noticed(file: WarehouseStore) -> None:
    """A table that somebody rebuilt without a rule, or with one that refuses nothing."""
    with file.read() as connection:
        made = definitions(connection)
    assert all(result.refused for result in run_probes(made, TABLES, SOUND))
    weaker = made | {
        "documents": made["documents"].replace("CHECK((title != ''))", "CHECK((title != 'x'))"),
        "annotations": made["annotations"].partition(", FOREIGN KEY")[0] + ")",
    }
    assert weaker["documents"] != made["documents"]
    taken = {
        (result.probe.table, result.probe.rule)
        for result in run_probes(weaker, TABLES, SOUND)
        if not result.refused
    }
    assert taken == {("documents", "title_filled"), ("annotations", FOREIGN_KEY)}
