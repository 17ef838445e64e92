"""Run markers of the warehouse file: what a run has committed there, told with its rows.

They are to content and git history what `ledger/run_markers` is to the ledger: a run that was
killed is judged by them. Markers of runs that have ended are let go when a later run is done, since
a transaction for that alone would cost more than the rows.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from helicarrier.store.run_model import Edge, Written

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WHOLE = ""
"""The table of the marker that stands for the run as a whole."""

_MARK = """
INSERT INTO run_markers
VALUES ($run_id, $table_name, $partition_key, $row_count, CURRENT_TIMESTAMP)
"""
_WRITTEN = """
SELECT table_name, partition_key, CAST(SUM(row_count) AS BIGINT) FROM run_markers
WHERE run_id = $run_id GROUP BY ALL ORDER BY ALL
"""
# Where the run store is in Postgres this file knows no runs: age has to do.
_LET_GO = """
DELETE FROM run_markers WHERE run_id <> $run_id AND (
  run_id IN (SELECT run_id FROM runs WHERE status <> 'running')
  OR marked_at < CURRENT_TIMESTAMP - INTERVAL 30 DAY
)
"""


def mark(
    connection: "DuckDBPyConnection",
    run_id: str,
    rows: Mapping[tuple[str, str], int],
    *,
    last: bool = False,
) -> None:
    """Mark within the open transaction what it writes.

    Args:
        connection: of the transaction that writes the rows.
        run_id: the run.
        rows: (table, partition or empty) -> rows; added to those of earlier transactions.
        last: after this transaction nothing of the run is left to write.
    """
    wanted = dict(rows) | ({(_WHOLE, ""): 0} if last else {})
    for (table, partition), count in sorted(wanted.items()):
        values = {"table_name": table, "partition_key": partition, "row_count": count}
        connection.execute(_MARK, values | {"run_id": run_id})
    if last:
        connection.execute(_LET_GO, {"run_id": run_id})


def written(connection: "DuckDBPyConnection", run_id: str) -> Written:
    """What the markers of a run say."""
    found = connection.execute(_WRITTEN, {"run_id": run_id}).fetchall()
    return Written(
        complete=any(table == _WHOLE for table, _, _ in found),
        outputs=tuple(
            Edge(dataset=table, partition_key=partition, rows=count)
            for table, partition, count in found
            if table != _WHOLE
        ),
    )
