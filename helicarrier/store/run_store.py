"""The run store: what ran, with which code and configuration, what it read and what it wrote.

Every row that an asset or an import writes names its run, and here the run tells the rest. A run is
a row in `runs` and a chain of append-only `run_events`. Start and end are one short transaction
each, and between them nothing is held. A run whose process has died is closed by the next one that
starts: as completed where the witness saw all of its rows committed, else as failed. A run of a
living process is never touched.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from helicarrier import logs, times
from helicarrier.errors import ErrorCode, HelicarrierError, NotReady
from helicarrier.store import event_chain, run_writing
from helicarrier.store import run_statements as sql
from helicarrier.store.code_ref import code_ref
from helicarrier.store.processes import Process, is_gone, this_process
from helicarrier.store.run_audit import Audit, audit
from helicarrier.store.run_database import Params, Row, RunDatabase, Statements, WarehouseRuns
from helicarrier.store.run_model import (
    Anchor,
    Edge,
    Run,
    RunEvent,
    RunRecord,
    RunStatus,
    Written,
)
from helicarrier.store.run_rows import (
    config_hash,
    edges_of,
    event_of,
    plain,
    record_of,
)
from helicarrier.store.run_witness import RunWitness
from helicarrier.store.warehouse import WarehouseStore

ERROR_LIMIT = 500
INTERRUPTED = "interrupted"
"""The error of a run whose process ended without a word."""

CONFIG = "config"
"""Where the attributes of a run hold its configuration."""

HEARTBEAT_SECONDS = 60.0
SILENCE = timedelta(hours=1)
"""A run of another machine without a sign of life for so long is dead: nobody can ask there."""

_NOTHING = Written(complete=False, outputs=())


class RunStore:
    """Runs in a database, with the witness that keeps what must not be kept there."""

    def __init__(
        self,
        database: RunDatabase | WarehouseStore,
        *,
        witness: RunWitness | None = None,
        config: Mapping[str, object] | None = None,
    ) -> None:
        """Args: database, or the warehouse file; witness; config that all runs share, no secret."""
        self._database: RunDatabase = (
            WarehouseRuns(database) if isinstance(database, WarehouseStore) else database
        )
        self._witness = witness
        self._config = dict(config or {})

    @contextmanager
    def run(
        self,
        asset_key: str,
        *,
        partition_key: str | None = None,
        dagster_run_id: str | None = None,
        parent_run_id: str | None = None,
        config: Mapping[str, object] | None = None,
        heartbeat: bool = True,
        now: Callable[[], datetime] = times.now,
        new_id: Callable[[], UUID | str] = uuid4,
    ) -> Iterator[Run]:
        """A block of work as a run: recorded as running, then completed, or failed and raised on.

        Without `heartbeat` no thread gives signs of life: the block forks, and calls `run.beat`.

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
        run.beat = self._beater(run.run_id, now)
        try:
            with _beating(run.beat) if heartbeat else nullcontext():
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
        now: datetime | None = None,
    ) -> Run:
        """Records a run as running; closes the runs whose process has died.

        `now` is given where `started_at` lies in the past.
        """
        process = this_process()
        settled = {**self._config, **(config or {})}
        record = RunRecord(
            run_id=run_id,
            dagster_run_id=dagster_run_id,
            asset_key=asset_key,
            partition_key=partition_key,
            parent_run_id=parent_run_id,
            status=RunStatus.RUNNING,
            started_at=started_at,
            finished_at=None,
            duration_seconds=None,
            host=process.host,
            pid=process.pid,
            process_started_at=process.started_at,
            heartbeat_at=started_at,
            rows_in=0,
            rows_out=0,
            llm_calls=0,
            tokens=0,
            input_fingerprint=None,
            code_ref=code_ref(),
            config_hash=config_hash(settled),
            error=None,
            attrs={CONFIG: plain(settled)},
        )
        with self._database.write() as statements:
            unfinished = [
                record_of(row) for row in statements.rows(sql.SELECT_RUN + sql.UNFINISHED)
            ]
            run_writing.begin(statements, record)
        at = now or started_at
        if dead := [one for one in unfinished if _is_dead(one, at)]:
            self._close_dead(dead, at)
        attrs: dict[str, object] = {CONFIG: plain(settled)}
        return Run(run_id=run_id, started_at=started_at, attrs=attrs, begun=record)

    def end_run(self, run: Run, *, finished_at: datetime, error: str | None = None) -> None:
        """Records how a run ended: completed, or failed with `error` (cut to 500 characters)."""
        shortened = None if error is None else error[:ERROR_LIMIT]
        with self._database.write() as statements:
            count, head = run_writing.close(statements, run, finished_at, shortened)
        self._settle(run.run_id, Anchor(count=count, head=head, anchored_at=finished_at))

    def beat(self, run_id: str, at: datetime) -> None:
        """Records a sign of life of a run in progress."""
        with self._database.write() as statements:
            statements.execute(sql.BEAT, {"run_id": run_id, "at": at})

    def get_run(self, run_id: str) -> RunRecord | None:
        """The run; None when there is none of that id."""
        found = self._select(sql.WITH_ID, {"run_id": run_id})
        return found[0] if found else None

    def runs_for(self, table: str, partition: str | None = None) -> list[RunRecord]:
        """Runs of an asset, or that wrote a table, newest first; `partition` None means any."""
        return self._select(sql.OF_TABLE, {"table": table, "day": partition})

    def run_ids(self) -> set[str]:
        """The ids of all runs, for who looks for rows that name another."""
        return {str(row[0]) for row in self._rows(sql.RUN_IDS)}

    def newest(self, limit: int) -> list[RunRecord]:
        """The newest runs."""
        return self._select(sql.NEWEST, {"limit": limit})

    def of_dagster_run(self, dagster_run_id: str) -> list[RunRecord]:
        """The runs within one run of Dagster, oldest first."""
        return self._select(sql.OF_DAGSTER_RUN, {"dagster_run_id": dagster_run_id})

    def edges(self, run_id: str) -> tuple[list[Edge], list[Edge]]:
        """What a run read, and what it wrote, each in order of dataset and partition."""
        with self._reading() as statements:
            if statements is None:
                return [], []
            key = {"run_id": run_id}
            read, written = (
                statements.rows(sql.INPUTS_OF, key),
                statements.rows(sql.OUTPUTS_OF, key),
            )
        return edges_of(read).get(run_id, []), edges_of(written).get(run_id, [])

    def events(self) -> list[RunEvent]:
        """The chain of events, oldest first."""
        return [event_of(row) for row in self._rows(sql.EVENTS)]

    def chain_head(self) -> tuple[int, str]:
        """How many events there are, and the newest link: what to anchor elsewhere."""
        found = self._rows(sql.LAST_EVENT)
        return (int(found[0][0]), str(found[0][1])) if found else (0, event_chain.FIRST)

    def broken_events(self) -> list[int]:
        """Places of events that were edited, removed, inserted or moved; empty when sound."""
        return event_chain.broken(
            (event.previous, event.link, event.content) for event in self.events()
        )

    def audit(self) -> Audit:
        """The chain, the runs and the anchors held against each other, in one snapshot.

        Raises:
            StorageUnavailable: a store cannot be read.
        """
        # Anchors come first: a run that ends in between only makes the chain longer.
        anchors = self._witness.anchors() if self._witness is not None else ()
        with self._reading() as statements:
            if statements is None:
                return audit([], [], {}, {}, anchors)
            events = [event_of(row) for row in statements.rows(sql.EVENTS)]
            runs, inputs, outputs = _graph(statements)
        return audit(events, runs, inputs, outputs, anchors)

    def graph(self) -> tuple[list[RunRecord], dict[str, list[Edge]], dict[str, list[Edge]]]:
        """Every run, oldest first, and what each read and wrote, by run."""
        with self._reading() as statements:
            return ([], {}, {}) if statements is None else _graph(statements)

    def _close_dead(self, dead: Sequence[RunRecord], now: datetime) -> None:
        """Close the runs whose process is gone; one that cannot be judged now waits.

        The witness is asked while nothing is held: it may have to read the very same file.
        """
        try:
            judged = [(record, seen) for record in dead if (seen := self._seen(record)) is not None]
            with self._database.write() as statements:
                for record, seen in judged:
                    _close_as_seen(statements, record, seen, now)
        except HelicarrierError as error:  # The run that begins is recorded; it must not suffer.
            logs.warning("run_store.not_closed", runs=len(dead), code=str(error.code))

    def _seen(self, record: RunRecord) -> Written | None:
        """What the witness says of a run; None where it cannot be asked now."""
        try:
            return _NOTHING if self._witness is None else self._witness.written(record.run_id)
        except HelicarrierError as error:
            logs.warning("run_store.not_judged", run_id=record.run_id, code=str(error.code))
            return None

    def _settle(self, run_id: str, anchor: Anchor) -> None:
        """An anchor that cannot be kept now is made up for by that of the next run."""
        if self._witness is None:
            return
        try:
            self._witness.settle(run_id, anchor)
        except HelicarrierError as error:
            logs.warning("run_store.not_anchored", run_id=run_id, code=str(error.code))

    def _beater(self, run_id: str, now: Callable[[], datetime]) -> Callable[[], None]:
        """A sign of life that is cheap to give often: it is kept at most once a minute."""
        last = time.monotonic()

        def beat() -> None:
            nonlocal last
            if time.monotonic() - last >= HEARTBEAT_SECONDS:
                last = time.monotonic()
                with suppress(HelicarrierError):  # The work goes on; the next one may come through.
                    self.beat(run_id, now())

        return beat

    def _select(self, condition: str, params: Params | None = None) -> list[RunRecord]:
        return [record_of(row) for row in self._rows(sql.SELECT_RUN + condition, params)]

    def _rows(self, query: str, params: Params | None = None) -> list[Row]:
        with self._reading() as statements:
            return [] if statements is None else statements.rows(query, params)

    @contextmanager
    def _reading(self) -> Iterator[Statements | None]:
        """Statements to read with; None where nothing has run yet."""
        with ExitStack() as opened:
            statements = None
            try:
                statements = opened.enter_context(self._database.read())
            except NotReady as error:
                if error.code is not ErrorCode.MIGRATION_PENDING:
                    raise
            yield statements


def described(error: BaseException) -> str:
    """The error in one text that any database can hold."""
    said = f"{type(error).__name__}: {error}".replace("\x00", "")
    return said.encode("utf-8", "replace").decode("utf-8")


def _close_as_seen(statements: Statements, record: RunRecord, seen: Written, now: datetime) -> None:
    """Close a dead run, unless another start has done so."""
    (row,) = statements.rows(sql.SELECT_RUN + sql.WITH_ID, {"run_id": record.run_id})
    if record_of(row).status is not RunStatus.RUNNING:
        return
    run = Run(
        run_id=record.run_id,
        started_at=record.started_at,
        rows_out=sum(edge.rows or 0 for edge in seen.outputs),
        attrs=dict(record.attrs),
        outputs=list(seen.outputs),
        begun=record,
    )
    run.note(closed="its process had ended")
    run_writing.close(statements, run, now, None if seen.complete else INTERRUPTED)


@contextmanager
def _beating(beat: Callable[[], None]) -> Iterator[None]:
    """Signs of life from a thread, for as long as the block works."""
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            beat()

    thread = threading.Thread(target=live, name="run-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _graph(
    statements: Statements,
) -> tuple[list[RunRecord], dict[str, list[Edge]], dict[str, list[Edge]]]:
    return (
        [record_of(row) for row in statements.rows(sql.SELECT_RUN + sql.ALL_RUNS)],
        edges_of(statements.rows(sql.ALL_INPUTS)),
        edges_of(statements.rows(sql.ALL_OUTPUTS)),
    )


def _is_dead(record: RunRecord, now: datetime) -> bool:
    process = Process(host=record.host, pid=record.pid, started_at=record.process_started_at)
    if process.host == this_process().host:
        return is_gone(process)
    return now - record.heartbeat_at > SILENCE
