"""Rows of the run store to values and back, and the hashes that an event carries."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from helicarrier import times
from helicarrier.canonical import JSONValue, canonical_bytes, sha256
from helicarrier.store import event_chain
from helicarrier.store.run_database import Row
from helicarrier.store.run_model import Edge, RunEvent, RunRecord, RunStatus, fingerprint_of

RUN_COLUMNS = tuple(field.name for field in fields(RunRecord))
_INSTANTS = ("started_at", "finished_at", "process_started_at", "heartbeat_at")
_EVENT_COLUMNS = (
    "seq",
    "event_id",
    "run_id",
    "status",
    "occurred_at",
    "rows_in",
    "rows_out",
    "llm_calls",
    "tokens",
    "error",
    "details_sha256",
)
_UNCOVERED = {"heartbeat_at"}
"""Columns that change while nothing happens."""


def plain(value: object) -> JSONValue:
    """The value as JSON holds it; what JSON does not know counts as text."""
    loaded: JSONValue = json.loads(json.dumps(value, sort_keys=True, default=str))
    return loaded


def config_hash(config: Mapping[str, object]) -> str:
    """SHA-256 of the configuration as canonical JSON; what JSON does not know counts as text."""
    return sha256(canonical_bytes(plain(dict(config))))


def record_of(row: Row) -> RunRecord:
    """A row of `SELECT_RUN`."""
    values = dict(zip(RUN_COLUMNS, row, strict=True))
    for name in _INSTANTS:
        values[name] = None if values[name] is None else instant(values[name])
    values["status"] = RunStatus(values["status"])
    values["attrs"] = _attrs(values["attrs"])
    return RunRecord(**values)


def _attrs(text: str) -> dict[str, JSONValue]:
    """Attributes that somebody spoiled must not keep the audit from saying so."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"unreadable": text}


def event_of(row: Row) -> RunEvent:
    """A row of `EVENTS`."""
    return RunEvent(content=content_of(row[:11]), previous=row[11], link=row[12])


def edges_of(rows: Iterable[Row]) -> dict[str, list[Edge]]:
    """Rows of inputs or outputs by run."""
    found: dict[str, list[Edge]] = {}
    for run_id, dataset, partition, fingerprint, count in rows:
        edge = Edge(dataset=dataset, partition_key=partition, fingerprint=fingerprint, rows=count)
        found.setdefault(run_id, []).append(edge)
    return found


def edge_columns(run_id: str, edges: Iterable[Edge]) -> dict[str, object]:
    """The parameters of `INSERT_INPUTS` and `INSERT_OUTPUTS`; of one partition the last counts."""
    kept = list({(edge.dataset, edge.partition_key): edge for edge in edges}.values())
    return {
        "run_id": run_id,
        "datasets": [edge.dataset for edge in kept],
        "partitions": [edge.partition_key for edge in kept],
        "fingerprints": [edge.fingerprint for edge in kept],
        "counts": [edge.rows for edge in kept],
    }


def content_of(row: Sequence[object]) -> event_chain.Content:
    """An event without its links, in the form that is hashed."""
    content = dict(zip(_EVENT_COLUMNS, row, strict=True))
    at = content["occurred_at"]
    if not isinstance(at, datetime):
        at = instant(int(str(at)))
    content["occurred_at"] = times.utc_text(at)
    if content["details_sha256"] is None:  # Events of the first version had none to cover.
        del content["details_sha256"]
    return content  # type: ignore[return-value]


def details_hash(record: RunRecord, inputs: Iterable[Edge], outputs: Iterable[Edge]) -> str:
    """SHA-256 of all there is about a run at one moment, its signs of life apart."""
    told: dict[str, JSONValue] = {}
    for name in RUN_COLUMNS:
        value = getattr(record, name)
        if name in _UNCOVERED:
            continue
        match value:
            case datetime():
                told[name] = times.utc_text(value)
            case float():
                told[name] = repr(value)
            case _:
                told[name] = plain(value)
    told["inputs"] = fingerprint_of(inputs)
    told["outputs"] = fingerprint_of(outputs)
    return sha256(canonical_bytes(told))


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970, the exact form in which instants leave the database."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
