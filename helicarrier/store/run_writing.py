"""How a run is written: its row, its edges and its event, within an open transaction.

Each event covers the whole run as it is at that moment, so the three are written together or not at
all.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from helicarrier.store import event_chain
from helicarrier.store import run_statements as sql
from helicarrier.store.run_database import Statements
from helicarrier.store.run_model import Edge, Run, RunRecord, RunStatus, fingerprint_of
from helicarrier.store.run_rows import (
    RUN_COLUMNS,
    content_of,
    details_hash,
    edge_columns,
    plain,
    record_of,
)

_CLOSED = (
    "run_id",
    "status",
    "finished_at",
    "duration_seconds",
    "rows_in",
    "rows_out",
    "llm_calls",
    "tokens",
    "input_fingerprint",
    "error",
    "attrs",
)


def begin(statements: Statements, record: RunRecord) -> None:
    """Write a run that begins."""
    statements.execute(sql.INSERT_RUN, _params(record))
    _append_event(statements, record, record.started_at, (), ())


def close(
    statements: Statements, run: Run, finished_at: datetime, error: str | None
) -> tuple[int, str]:
    """Write how a run ended: the number and the newest link of all events.

    A clock that was set back must not make a run end before it began.
    """
    status = RunStatus.COMPLETED if error is None else RunStatus.FAILED
    inputs, outputs = _once(run.inputs), _once(run.outputs)
    fingerprint = run.input_fingerprint or (fingerprint_of(inputs) if inputs else None)
    begun = run.begun
    if begun is None:
        (row,) = statements.rows(sql.SELECT_RUN + sql.WITH_ID, {"run_id": run.run_id})
        begun = record_of(row)
    record = replace(
        begun,
        status=status,
        finished_at=finished_at,
        duration_seconds=max(0.0, (finished_at - run.started_at).total_seconds()),
        heartbeat_at=finished_at,
        rows_in=run.rows_in,
        rows_out=run.rows_out,
        llm_calls=run.llm_calls,
        tokens=run.tokens,
        input_fingerprint=fingerprint,
        error=error,
        attrs={name: plain(value) for name, value in run.attrs.items()},
    )
    values = _params(record)
    statements.execute(sql.CLOSE_RUN, {name: values[name] for name in _CLOSED})
    for insert, edges in ((sql.INSERT_INPUTS, inputs), (sql.INSERT_OUTPUTS, outputs)):
        if edges:
            statements.execute(insert, edge_columns(run.run_id, edges))
    return _append_event(statements, record, finished_at, inputs, outputs)


def _params(record: RunRecord) -> dict[str, object]:
    """The record as parameters of a statement."""
    values: dict[str, object] = {name: getattr(record, name) for name in RUN_COLUMNS}
    attrs = json.dumps(dict(record.attrs), sort_keys=True)
    return values | {"status": record.status.value, "attrs": attrs}


def _once(edges: Sequence[Edge]) -> list[Edge]:
    """Each partition once: the last word counts."""
    return list({(edge.dataset, edge.partition_key): edge for edge in edges}.values())


def _append_event(
    statements: Statements,
    record: RunRecord,
    at: datetime,
    inputs: Sequence[Edge],
    outputs: Sequence[Edge],
) -> tuple[int, str]:
    """The number and the newest link of all events, this one included."""
    last = statements.rows(sql.LAST_EVENT)
    count, previous = last[0] if last else (0, event_chain.FIRST)
    event = {
        "seq": count + 1,
        "event_id": f"{record.run_id}:{record.status}",
        "run_id": record.run_id,
        "status": record.status.value,
        "occurred_at": at,
        "rows_in": record.rows_in,
        "rows_out": record.rows_out,
        "llm_calls": record.llm_calls,
        "tokens": record.tokens,
        "error": record.error,
        "details_sha256": details_hash(record, inputs, outputs),
    }
    own = event_chain.link(previous, content_of(tuple(event.values())))
    statements.execute(sql.INSERT_EVENT, event | {"previous_sha256": previous, "sha256": own})
    return count + 1, own
