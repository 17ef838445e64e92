"""Quarantine: lines that could not be read, kept with their bytes and the reason.

A line that turns bad again counts as another attempt, not as another row; what was quarantined is
never deleted by an import. Only files end here: what the HTTP service refuses is answered.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier import times
from helicarrier.canonical import sha256
from helicarrier.ingest.source import BadRecord
from helicarrier.ledger.tables import ingest_quarantine

RAW_BYTES = 65_536
"""Bytes of a line that are kept: enough to see what it was, however long it is."""


def keep(
    connection: Connection, bad: Mapping[str, Sequence[BadRecord]], *, run_id: str, now: str
) -> None:
    """Store bad lines by their file; lines seen before count one more attempt."""
    rows = [
        {
            "source_uri": path,
            "source_line": record.line,
            "sha256": sha256(record.raw),
            "raw": record.raw[:RAW_BYTES],
            "raw_bytes": len(record.raw),
            "error_code": record.code,
            "error_message": record.message,
            "first_seen": times.parse(now),
            "attempts": 1,
            "run_id": run_id,
        }
        for path, records in bad.items()
        for record in records
    ]
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(ingest_quarantine)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["source_uri", "source_line", "sha256"],
            set_={
                "attempts": ingest_quarantine.c.attempts + 1,
                "error_code": statement.excluded.error_code,
                "error_message": statement.excluded.error_message,
            },
        ),
        rows,
    )


def entries(connection: Connection, *, limit: int) -> list[dict[str, object]]:
    """The newest entries: file, line, reason, size of the raw bytes; never the bytes."""
    table = ingest_quarantine
    query = (
        select(
            table.c.source_uri,
            table.c.source_line,
            table.c.error_code,
            table.c.error_message,
            table.c.first_seen,
            table.c.attempts,
            table.c.raw_bytes,
            (table.c.raw_bytes > func.length(table.c.raw)).label("cut"),
        )
        .order_by(table.c.first_seen.desc(), table.c.source_uri, table.c.source_line)
        .limit(limit)
    )
    return [
        {
            "sourceUri": row.source_uri,
            "sourceLine": row.source_line,
            "errorCode": row.error_code,
            "errorMessage": row.error_message,
            "firstSeen": _wire(row.first_seen),
            "attempts": row.attempts,
            "bytes": row.raw_bytes,
            "cut": bool(row.cut),
        }
        for row in connection.execute(query)
    ]


def export(connection: Connection, file: BinaryIO) -> int:
    """Write every entry with its bytes (base64) as a JSON line; how many there are."""
    table = ingest_quarantine
    query = select(table).order_by(table.c.source_uri, table.c.source_line, table.c.sha256)
    count = 0
    for row in connection.execute(query, execution_options={"yield_per": 100}):
        count += 1
        file.write(
            msgspec.json.encode(
                {
                    "sourceUri": row.source_uri,
                    "sourceLine": row.source_line,
                    "errorCode": row.error_code,
                    "errorMessage": row.error_message,
                    "firstSeen": _wire(row.first_seen),
                    "attempts": row.attempts,
                    "bytes": row.raw_bytes,
                    "cut": row.raw_bytes > len(row.raw),
                    "sha256": row.sha256,
                    "raw": bytes(row.raw),
                }
            )
            + b"\n"
        )
    return count


def _wire(at: datetime) -> str:
    return times.utc_text(at)
