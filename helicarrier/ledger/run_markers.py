"""Run markers: what a run has committed, told in the transaction of its rows.

Rows and run store cannot commit together. A writer marks the table and partition that it writes;
its last transaction also marks the run as a whole. A run that died is judged by these: complete
when the last transaction was committed, else interrupted, with the partitions that it had written.
The end of a run takes its markers away.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import Connection, delete, select

from helicarrier import times
from helicarrier.ledger.sink import sink_of
from helicarrier.ledger.tables import run_markers
from helicarrier.store.run_model import Edge, Written

_WHOLE = ""
"""The table of the marker that stands for the run as a whole."""


def mark(
    connection: Connection,
    run_id: str,
    rows: Mapping[tuple[str, str], int],
    *,
    now: datetime,
    last: bool = False,
) -> None:
    """Mark within the open transaction what it writes.

    Args:
        connection: of the transaction that writes the rows.
        run_id: the run.
        rows: (table, partition or empty) -> rows; added to those of earlier transactions.
        now: when, aware.
        last: after this transaction nothing of the run is left to write.
    """
    wanted = dict(rows) | ({(_WHOLE, ""): 0} if last else {})
    if wanted:
        at = times.utc_text(now)
        values = [
            (run_id, table, partition, count, at)
            for (table, partition), count in sorted(wanted.items())
        ]
        sink_of(connection).add(run_markers, values, {"row_count"})


def of_days(table: str, counts: Mapping[date, int]) -> dict[tuple[str, str], int]:
    """Rows by day -> rows by (table, partition)."""
    return {(table, day.isoformat()): count for day, count in counts.items()}


def written(connection: Connection, run_id: str) -> Written:
    """What the markers of a run say."""
    m = run_markers.c
    query = select(m.table_name, m.partition_key, m.row_count).where(m.run_id == run_id)
    found = connection.execute(query.order_by(m.table_name, m.partition_key)).all()
    return Written(
        complete=any(row.table_name == _WHOLE for row in found),
        outputs=tuple(
            Edge(dataset=row.table_name, partition_key=row.partition_key, rows=row.row_count)
            for row in found
            if row.table_name != _WHOLE
        ),
    )


def remove(connection: Connection, run_ids: Iterable[str]) -> None:
    """Let go of the markers of runs that have ended."""
    connection.execute(delete(run_markers).where(run_markers.c.run_id.in_(list(run_ids))))
