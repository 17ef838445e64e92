"""The run store: what ran is told, also when it failed or died."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from helicarrier.store.event_chain import FIRST
from helicarrier.store.processes import this_process
from helicarrier.store.run_model import Edge, Run, RunStatus
from helicarrier.store.run_rows import config_hash
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = "2026-03-01"


class Clock:
    """A clock that moves on by one second at each look."""

    def __init__(self) -> None:
        self._ticks = count()

    def __call__(self) -> datetime:
        """The time."""
        return START + timedelta(seconds=next(self._ticks))


def fail_after_three_rows(run: Run) -> None:
    """A failure whose words are long and hold what no database takes."""
    run.rows_in = 3
    raise ValueError("too many \x00\ud800 " + "x" * 1000)


def lose_the_file_and_fail(path: Path) -> None:
    """A failure together with the loss of the run store."""
    path.unlink()
    path.mkdir()
    raise ZeroDivisionError


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[WarehouseStore]:
    """An empty warehouse."""
    with closing(WarehouseStore(tmp_path / "warehouse.duckdb", wait_seconds=1)) as store:
        yield store


@pytest.fixture
def runs(warehouse: WarehouseStore) -> RunStore:
    """An empty run store."""
    return RunStore(warehouse)


def test_a_block_is_a_completed_run(runs: RunStore) -> None:
    """With its times, its process, its counters and its notes."""
    with runs.run(
        "usage_facts",
        partition_key=DAY,
        dagster_run_id="d",
        parent_run_id="p",
        config={"days": 1},
        now=Clock(),
        new_id=lambda: "run-1",
    ) as run:
        assert run.run_id == "run-1"
        run.rows_in += 5
        run.rows_out += 4
        run.llm_calls = 2
        run.tokens = 900
        run.input_fingerprint = "ab" * 32
        run.note(dropped=1, reason="duplicate")
    record = runs.get_run("run-1")
    assert record is not None
    assert (record.asset_key, record.partition_key) == ("usage_facts", DAY)
    assert (record.dagster_run_id, record.parent_run_id) == ("d", "p")
    assert (record.status, record.error) == (RunStatus.COMPLETED, None)
    assert (record.started_at, record.finished_at) == (START, START + timedelta(seconds=1))
    assert record.duration_seconds == 1.0
    assert (record.host, record.pid) == (this_process().host, this_process().pid)
    assert (record.rows_in, record.rows_out, record.llm_calls, record.tokens) == (5, 4, 2, 900)
    assert record.input_fingerprint == "ab" * 32
    assert record.config_hash == config_hash({"days": 1})
    assert record.attrs == {"config": {"days": 1}, "dropped": 1, "reason": "duplicate"}
    assert record.code_ref


def test_a_block_in_progress_is_a_running_run(runs: RunStore) -> None:
    """Somebody who looks meanwhile sees it, and nothing is held."""
    with runs.run("import", new_id=lambda: "run-1"):
        record = runs.get_run("run-1")
    assert record is not None
    assert (record.status, record.finished_at) == (RunStatus.RUNNING, None)


def test_a_failing_block_is_a_failed_run_and_raises_on(runs: RunStore) -> None:
    """The error is kept by type and words, cut to 500 characters."""
    with (
        pytest.raises(ValueError, match="too many"),
        runs.run("import", new_id=lambda: "run-1") as run,
    ):
        fail_after_three_rows(run)
    record = runs.get_run("run-1")
    assert record is not None
    assert (record.status, record.rows_in) == (RunStatus.FAILED, 3)
    assert record.error is not None
    assert record.error.startswith("ValueError: too many ? xxx")
    assert len(record.error) == 500


def test_an_interrupt_is_recorded_as_a_failure(runs: RunStore) -> None:
    """Control-C ends a run, too."""
    with pytest.raises(KeyboardInterrupt), runs.run("import", new_id=lambda: "run-1"):
        raise KeyboardInterrupt
    record = runs.get_run("run-1")
    assert record is not None
    assert (record.status, record.error) == (RunStatus.FAILED, "KeyboardInterrupt: ")


def test_a_failure_that_cannot_be_recorded_stays_the_failure(
    runs: RunStore, warehouse: WarehouseStore
) -> None:
    """The reader of the traceback learns both."""
    with pytest.raises(ZeroDivisionError) as caught, runs.run("import"):
        lose_the_file_and_fail(warehouse.path)
    assert "could not record" in caught.value.__notes__[0]


def test_a_clock_that_is_set_back_gives_no_negative_duration(runs: RunStore) -> None:
    """The times stay as they were read."""
    clock = iter([START, START - timedelta(hours=1)])
    with runs.run("import", now=lambda: next(clock), new_id=lambda: "run-1"):
        pass
    record = runs.get_run("run-1")
    assert record is not None
    assert record.duration_seconds == 0.0
    assert record.finished_at == START - timedelta(hours=1)


def test_runs_are_found_by_asset_and_by_what_they_wrote(runs: RunStore) -> None:
    """Newest first, for one partition or for all."""
    clock = Clock()
    for name, asset, day in (("a", "import", None), ("b", "usage_facts", DAY)):
        with runs.run(asset, partition_key=day, now=clock, new_id=lambda name=name: name) as run:
            run.reads(Edge(dataset="session_usage", rows=7))
            run.writes(Edge(dataset="usage_facts", partition_key=DAY, fingerprint="f", rows=1))
            run.writes(Edge(dataset="usage_facts", partition_key=DAY, fingerprint="g", rows=2))
    assert [run.run_id for run in runs.runs_for("usage_facts", DAY)] == ["b", "a"]
    assert [run.run_id for run in runs.runs_for("usage_facts")] == ["b", "a"]
    assert [run.run_id for run in runs.runs_for("import")] == ["a"]
    assert runs.runs_for("usage_facts", "2026-03-02") == []
    assert runs.runs_for("session_usage") == []


def test_edges_are_kept_once_for_each_partition(runs: RunStore, warehouse: WarehouseStore) -> None:
    """The last word counts."""
    with runs.run("usage_facts", new_id=lambda: "a") as run:
        run.reads(Edge(dataset="session_usage", rows=7))
        for rows in (1, 2):
            run.writes(Edge(dataset="usage_facts", partition_key=DAY, rows=rows))
    with warehouse.read() as connection:
        read = connection.execute("SELECT * FROM run_inputs").fetchall()
        written = connection.execute("SELECT * FROM run_outputs").fetchall()
    assert read == [("a", "session_usage", "", None, 7)]
    assert written == [("a", "usage_facts", DAY, None, 2)]


def test_nothing_has_run_in_an_empty_store(runs: RunStore) -> None:
    """Asking is no error and makes no file."""
    assert runs.get_run("any") is None
    assert runs.runs_for("any") == []
    assert runs.chain_head() == (0, FIRST)
    assert runs.broken_events() == []


def test_every_start_and_end_is_an_event_of_a_sound_chain(runs: RunStore) -> None:
    """The head moves with each."""
    heads = [runs.chain_head()]
    for _ in range(2):
        with runs.run("import"):
            heads.append(runs.chain_head())
        heads.append(runs.chain_head())
    assert [length for length, _ in heads] == [0, 1, 2, 3, 4]
    assert len({head for _, head in heads}) == 5
    assert runs.broken_events() == []


@pytest.mark.parametrize(
    ("forgery", "place"),
    [
        ("UPDATE run_events SET error = 'none of it' WHERE seq = 2", 2),
        ("UPDATE run_events SET occurred_at = occurred_at + INTERVAL 1 MICROSECOND", 1),
        ("UPDATE run_events SET rows_out = 99 WHERE seq = 2", 2),
        ("DELETE FROM run_events WHERE seq = 1", 1),
    ],
)
def test_a_forged_event_is_found(
    forgery: str, place: int, runs: RunStore, warehouse: WarehouseStore
) -> None:
    """Whoever can write the file can change it, but not unseen."""
    for _ in range(2):
        with runs.run("import"):
            pass
    with warehouse.write() as connection:
        connection.execute(forgery)
    assert runs.broken_events()[0] == place


def test_a_run_whose_process_died_is_closed_by_the_next(
    runs: RunStore, warehouse: WarehouseStore
) -> None:
    """As failed and interrupted; a run of a living process stays."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from helicarrier.store.run_store import RunStore\n"
        "from helicarrier.store.warehouse import WarehouseStore\n"
        "runs = RunStore(WarehouseStore(Path(sys.argv[1])))\n"
        "with runs.run('import', new_id=lambda: 'dead'): os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(warehouse.path)]
    with runs.run("import", new_id=lambda: "alive"):
        assert subprocess.run(command, check=False, cwd=ROOT).returncode == -9
        with runs.run("import", new_id=lambda: "next"):
            pass
        dead, alive = runs.get_run("dead"), runs.get_run("alive")
    assert dead is not None
    assert alive is not None
    assert (dead.status, dead.error) == (RunStatus.FAILED, "interrupted")
    assert alive.status is RunStatus.RUNNING
    assert runs.broken_events() == []


def test_the_hash_of_a_configuration_ignores_order_and_takes_any_value() -> None:
    """Equal configurations are equal, whatever they hold."""
    one = {"path": Path("/data"), "days": [1, 2], "nested": {"b": 1, "a": None}}
    other = {"nested": {"a": None, "b": 1}, "days": [1, 2], "path": Path("/data")}
    assert config_hash(one) == config_hash(other)
    assert config_hash(one) != config_hash({**one, "days": [2, 1]})
