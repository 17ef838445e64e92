"""The run store: what ran, with which code and configuration, what it read and what it wrote.

Every row that an asset or an import writes names its run, and here the run tells the rest. A run is
a row in `runs` and a chain of append-only `run_events`. Start and end are one short transaction
each, and between them nothing is held. A run whose process has died is closed as failed by the next
one that starts.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from helicarrier import times
from helicarrier.canonical import canonical_bytes, sha256
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.store import event_chain
from helicarrier.store.code_ref import code_ref
from helicarrier.store.processes import Process, is_gone, this_process
from helicarrier.store.run_model import Edge, Run, RunRecord, RunStatus
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ERROR_LIMIT = 500
INTERRUPTED = "interrupted"
"""The error of a run whose process ended without a word."""

_INSERT_RUN = """
INSERT INTO runs (
  run_id, dagster_run_id, asset_key, partition_key, parent_run_id, status, started_at, host, pid,
  process_started_at, heartbeat_at, rows_in, rows_out, code_ref, config_hash, llm_calls, tokens,
  attrs
) VALUES (
  $run_id, $dagster_run_id, $asset_key, $partition_key, $parent_run_id, 'running', $started_at,
  $host, $pid, $process_started_at, $started_at, 0, 0, $code_ref, $config_hash, 0, 0, '{}'
)
"""
_CLOSE_RUN = """
UPDATE runs SET
  status = $status, finished_at = $finished_at, duration_seconds = $duration_seconds,
  heartbeat_at = $finished_at, rows_in = $rows_in, rows_out = $rows_out, llm_calls = $llm_calls,
  tokens = $tokens, input_fingerprint = $input_fingerprint, error = $error, attrs = $attrs
WHERE run_id = $run_id
"""
_UNFINISHED = """
SELECT run_id, epoch_us(started_at), host, pid, epoch_us(process_started_at)
FROM runs WHERE status = 'running' ORDER BY started_at, run_id
"""
_LAST_EVENT = "SELECT seq, sha256 FROM run_events ORDER BY seq DESC LIMIT 1"
_INSERT_EVENT = """
INSERT INTO run_events (
  seq, event_id, run_id, status, occurred_at, rows_in, rows_out, llm_calls, tokens, error,
  previous_sha256, sha256
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_EVENTS = """
SELECT
  seq, event_id, run_id, status, epoch_us(occurred_at), rows_in, rows_out, llm_calls, tokens,
  error, previous_sha256, sha256
FROM run_events ORDER BY seq
"""
_INSERT_INPUT = """
INSERT INTO run_inputs VALUES ($run_id, $dataset, $partition_key, $fingerprint, $rows)
"""
_INSERT_OUTPUT = """
INSERT INTO run_outputs VALUES ($run_id, $dataset, $partition_key, $fingerprint, $rows)
"""
_SELECT_RUN = """
SELECT
  run_id, dagster_run_id, asset_key, partition_key, parent_run_id, status, epoch_us(started_at),
  epoch_us(finished_at), duration_seconds, host, pid, rows_in, rows_out, llm_calls, tokens,
  input_fingerprint, code_ref, config_hash, error, attrs
FROM runs
"""
_WITH_ID = "WHERE run_id = $run_id"
_OF_TABLE = """
WHERE (asset_key = $table AND ($partition IS NULL OR partition_key = $partition))
  OR run_id IN (
    SELECT run_id FROM run_outputs
    WHERE dataset = $table AND ($partition IS NULL OR partition_key = $partition)
  )
ORDER BY started_at DESC, run_id
"""
_RUN_COLUMNS = tuple(field.name for field in fields(RunRecord))
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
)
_Row = tuple[Any, ...]
"""A row as DuckDB gives it; its types are settled in `_record` and `_content`."""


class RunStore:
    """Runs in the warehouse file."""

    def __init__(self, warehouse: WarehouseStore) -> None:
        """Args: the owner of the file."""
        self._warehouse = warehouse

    @contextmanager
    def run(
        self,
        asset_key: str,
        *,
        partition_key: str | None = None,
        dagster_run_id: str | None = None,
        parent_run_id: str | None = None,
        config: Mapping[str, object] | None = None,
        now: Callable[[], datetime] = times.now,
        new_id: Callable[[], UUID | str] = uuid4,
    ) -> Iterator[Run]:
        """A block of work as a run: recorded as running, then completed, or failed and raised on.

        Raises:
            StorageUnavailable: the run could not be recorded at its start; nothing was done.
        """
        run = self.start_run(
            asset_key,
            run_id=str(new_id()),
            started_at=now(),
            partition_key=partition_key,
            dagster_run_id=dagster_run_id,
            parent_run_id=parent_run_id,
            config=config,
        )
        try:
            yield run
        except BaseException as error:
            try:
                self.end_run(run, finished_at=now(), error=described(error))
            except Exception as also:  # noqa: BLE001  the first failure is the one to report
                error.add_note(f"the run store could not record this failure: {also}")
            raise
        self.end_run(run, finished_at=now())

    def start_run(
        self,
        asset_key: str,
        *,
        run_id: str,
        started_at: datetime,
        partition_key: str | None = None,
        dagster_run_id: str | None = None,
        parent_run_id: str | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Run:
        """Records a run as running; closes the runs of this machine whose process has died."""
        process = this_process()
        row = {
            "run_id": run_id,
            "dagster_run_id": dagster_run_id,
            "asset_key": asset_key,
            "partition_key": partition_key,
            "parent_run_id": parent_run_id,
            "started_at": started_at,
            "host": process.host,
            "pid": process.pid,
            "process_started_at": process.started_at,
            "code_ref": code_ref(),
            "config_hash": config_hash(config or {}),
        }
        run = Run(run_id=run_id, started_at=started_at)
        with self._warehouse.write() as connection:
            for dead in _dead_runs(connection):
                _close(connection, dead, started_at, INTERRUPTED)
            connection.execute(_INSERT_RUN, row)
            _append_event(connection, run, RunStatus.RUNNING, started_at, None)
        return run

    def end_run(self, run: Run, *, finished_at: datetime, error: str | None = None) -> None:
        """Records how a run ended: completed, or failed with `error` (cut to 500 characters)."""
        with self._warehouse.write() as connection:
            _close(connection, run, finished_at, None if error is None else error[:ERROR_LIMIT])

    def get_run(self, run_id: str) -> RunRecord | None:
        """The run; None when there is none of that id."""
        found = self._select(_WITH_ID, {"run_id": run_id})
        return found[0] if found else None

    def runs_for(self, table: str, partition: str | None = None) -> list[RunRecord]:
        """Runs of an asset, or that wrote a table, newest first; `partition` None means any."""
        return self._select(_OF_TABLE, {"table": table, "partition": partition})

    def chain_head(self) -> tuple[int, str]:
        """How many events there are, and the newest link: what to anchor elsewhere."""
        found = self._rows(_LAST_EVENT)
        return found[0] if found else (0, event_chain.FIRST)

    def broken_events(self) -> list[int]:
        """Places of events that were edited, removed, inserted or moved; empty when sound."""
        return event_chain.broken(
            (row[10], row[11], _content(row[:10])) for row in self._rows(_EVENTS)
        )

    def _select(self, condition: str, params: Mapping[str, str | None]) -> list[RunRecord]:
        return [_record(row) for row in self._rows(_SELECT_RUN + condition, params)]

    def _rows(self, query: str, params: Mapping[str, str | None] | None = None) -> list[_Row]:
        """The rows of a query; none where nothing has run yet."""
        try:
            with self._warehouse.read() as connection:
                return connection.execute(query, dict(params or {})).fetchall()
        except NotReady as error:
            if error.code is ErrorCode.MIGRATION_PENDING:
                return []
            raise


def config_hash(config: Mapping[str, object]) -> str:
    """SHA-256 of the configuration as canonical JSON; what JSON does not know counts as text."""
    plain = json.loads(json.dumps(dict(config), default=str))
    return sha256(canonical_bytes(plain))


def _dead_runs(connection: "DuckDBPyConnection") -> list[Run]:
    found = connection.execute(_UNFINISHED).fetchall()
    return [
        Run(run_id=run_id, started_at=_instant(started))
        for run_id, started, host, pid, process_started in found
        if is_gone(Process(host=host, pid=pid, started_at=_instant(process_started)))
    ]


def _close(
    connection: "DuckDBPyConnection", run: Run, finished_at: datetime, error: str | None
) -> None:
    """A clock that was set back must not make a run end before it began."""
    status = RunStatus.COMPLETED if error is None else RunStatus.FAILED
    row = {
        "run_id": run.run_id,
        "status": status.value,
        "finished_at": finished_at,
        "duration_seconds": max(0.0, (finished_at - run.started_at).total_seconds()),
        "rows_in": run.rows_in,
        "rows_out": run.rows_out,
        "llm_calls": run.llm_calls,
        "tokens": run.tokens,
        "input_fingerprint": run.input_fingerprint,
        "error": error,
        "attrs": json.dumps(run.attrs, sort_keys=True, default=str),
    }
    connection.execute(_CLOSE_RUN, row)
    for insert, edges in ((_INSERT_INPUT, run.inputs), (_INSERT_OUTPUT, run.outputs)):
        for edge in {(edge.dataset, edge.partition_key): edge for edge in edges}.values():
            connection.execute(insert, _edge_row(run.run_id, edge))
    _append_event(connection, run, status, finished_at, error)


def _edge_row(run_id: str, edge: Edge) -> dict[str, object]:
    return {
        "run_id": run_id,
        "dataset": edge.dataset,
        "partition_key": edge.partition_key,
        "fingerprint": edge.fingerprint,
        "rows": edge.rows,
    }


def _append_event(
    connection: "DuckDBPyConnection",
    run: Run,
    status: RunStatus,
    at: datetime,
    error: str | None,
) -> None:
    last = connection.execute(_LAST_EVENT).fetchone()
    count, previous = last or (0, event_chain.FIRST)
    seq = count + 1
    counters = (run.rows_in, run.rows_out, run.llm_calls, run.tokens)
    row = (seq, f"{run.run_id}:{status}", run.run_id, status.value, at, *counters, error)
    own = event_chain.link(previous, _content(row))
    connection.execute(_INSERT_EVENT, (*row, previous, own))


def _content(row: _Row) -> event_chain.Content:
    """An event without its links, in the form that is hashed."""
    content = dict(zip(_EVENT_COLUMNS, row, strict=True))
    at = content["occurred_at"]
    content["occurred_at"] = times.utc_text(at if isinstance(at, datetime) else _instant(at))
    return content


def _record(row: _Row) -> RunRecord:
    values = dict(zip(_RUN_COLUMNS, row, strict=True))
    finished = values["finished_at"]
    values["status"] = RunStatus(values["status"])
    values["started_at"] = _instant(values["started_at"])
    values["finished_at"] = None if finished is None else _instant(finished)
    values["attrs"] = json.loads(values["attrs"])
    return RunRecord(**values)


def _instant(microseconds: int) -> datetime:
    """Microseconds since 1970, the exact form in which instants leave DuckDB."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def described(error: BaseException) -> str:
    """The error in one text that any database can hold."""
    said = f"{type(error).__name__}: {error}".replace("\x00", "")
    return said.encode("utf-8", "replace").decode("utf-8")
