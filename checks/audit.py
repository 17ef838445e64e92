"""Audit: stored rows against their contract, batch by batch, and what came of it.

Memory holds one batch, whatever the table. Only a batch that breaks a rule is looked at again, day
by day, so that the partitions to mend can be named; a sound one is validated once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from helicarrier import times
from helicarrier.governance import frames
from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import ColumnKind, TableContract
from helicarrier.governance.frames import Breach
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.store.warehouse import WarehouseStore
from helicarrier.usage.columnar import midnight, read

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 100_000


@dataclass(slots=True, kw_only=True)
class Findings:
    """What an audit found so far: rows seen, breaches by rule, days with a breach.

    `missing` names days that have no partition at all, of which nothing is known.
    """

    rows: int = 0
    breaches: dict[str, Breach] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    missing: list[date] = field(default_factory=list)

    def add(self, breaches: Iterable[Breach]) -> None:
        """Add the breaches of one batch to those of the same rules."""
        for found in breaches:
            known = self.breaches.get(found.rule)
            self.breaches[found.rule] = found if known is None else _both(known, found)


def audit(
    contract: TableContract, day_column: str | None, batches: "Iterable[pa.Table]"
) -> Findings:
    """Hold batches of rows against their contract.

    Args: contract; day_column, the day or instant that places a row in its partition (None: it
    has none); batches in
    the contract's schema.
    """
    findings = Findings()
    for batch in batches:
        found = frames.validate(contract, batch)
        findings.rows += found.rows
        if found.breaches:
            findings.add(found.breaches)
            if day_column is not None:
                findings.days |= _failing_days(contract, day_column, batch)
    return findings


def stored_rows(
    store: OperationalStore, contract: TableContract, day_column: str | None, days: list[date]
) -> "Iterator[pa.Table]":
    """The rows of a table on consecutive days; without days, or a column for them, all rows.

    Raises:
        NotReady: there is no store yet.
        StorageUnavailable: it cannot be read.
    """
    columns = ", ".join(contract.column_names)
    query = f"SELECT {columns} FROM {contract.name}"  # noqa: S608 - names of the contract
    params: dict[str, str] = {}
    order = contract.primary_key[0]
    if days and day_column is not None:
        query += f" WHERE {day_column} >= :first AND {day_column} < :after"
        bounds = {"first": days[0], "after": days[-1] + timedelta(days=1)}
        is_day = contract.by_name[day_column].kind is ColumnKind.DAY
        params = {
            name: day.isoformat() if is_day else times.utc_text(midnight(day))
            for name, day in bounds.items()
        }
        order = day_column
    with store.read() as connection:
        yield from read(connection, contract, query, params, order_by=order)


def warehouse_rows(warehouse: WarehouseStore, contract: TableContract) -> "Iterator[pa.Table]":
    """The rows of a table of the warehouse file, all of them.

    Raises:
        NotReady: there is no file yet, or it is of another version.
        StorageUnavailable: it cannot be read.
    """
    import pyarrow as pa

    schema = arrow_schema(contract)
    columns = ", ".join(contract.column_names)
    query = f"SELECT {columns} FROM {contract.name} ORDER BY {contract.primary_key[0]}"  # noqa: S608 - names of the contract
    with warehouse.read() as connection:
        for batch in connection.sql(query).to_arrow_reader(_ROWS_AT_ONCE):
            arrays = [
                column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)
            ]
            # Not by a cast of the whole, which would refuse a NULL before the contract can.
            yield pa.Table.from_arrays(arrays, schema=schema)


def lake_rows(lake: Lake, contract: TableContract, days: list[date]) -> "Iterator[pa.Table]":
    """The partitions of a dataset on these days that exist; without days all of them.

    Small neighbours come together, a large one comes alone and whole: its key has to be unique.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    gathered: list[pa.Table] = []
    rows = 0
    for path in lake.paths(contract.name, days or lake.days(contract.name)):
        # Not through a dataset, which would add the partition column of the folder's name.
        table = pq.ParquetFile(path).read()
        if gathered and rows + table.num_rows > _ROWS_AT_ONCE:
            yield pa.concat_tables(gathered)
            gathered, rows = [], 0
        gathered.append(table)
        rows += table.num_rows
    if gathered:
        yield pa.concat_tables(gathered)


def _failing_days(contract: TableContract, day_column: str, batch: "pa.Table") -> set[date]:
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pc.cast(batch.column(day_column), pa.date32())
    return {
        day.as_py()
        for day in pc.unique(days)
        if frames.validate(contract, batch.filter(pc.equal(days, day))).breaches
    }


def _both(one: Breach, other: Breach) -> Breach:
    return Breach(
        rule=one.rule,
        failing=one.failing + other.failing,
        sample=(one.sample + other.sample)[: frames.SAMPLE],
        remedy=one.remedy,
    )
