"""The run store: what ran is told, also when it failed or died."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from helicarrier.errors import StorageUnavailable
from helicarrier.store.event_chain import FIRST
from helicarrier.store.processes import this_process
from helicarrier.store.run_database import PostgresRuns, RunDatabase, WarehouseRuns
from helicarrier.store.run_model import Anchor, Edge, Run, RunStatus, Written, fingerprint_of
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


@pytest.fixture(params=["warehouse", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[RunDatabase]:
    """An empty database of runs, of each kind."""
    if request.param == "warehouse":
        yield WarehouseRuns(request.getfixturevalue("warehouse"))
    else:
        yield PostgresRuns(request.getfixturevalue("migrated_postgres_url"))


@pytest.fixture
def runs(database: RunDatabase) -> RunStore:
    """An empty run store, in each kind of database."""
    return RunStore(database)


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


def test_a_failure_that_cannot_be_recorded_stays_the_failure(warehouse: WarehouseStore) -> None:
    """The reader of the traceback learns both."""
    with pytest.raises(ZeroDivisionError) as caught, RunStore(warehouse).run("import"):
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


def test_edges_are_kept_once_for_each_partition(runs: RunStore) -> None:
    """The last word counts."""
    with runs.run("usage_facts", new_id=lambda: "a") as run:
        run.reads(Edge(dataset="session_usage", rows=7))
        for rows in (1, 2):
            run.writes(Edge(dataset="usage_facts", partition_key=DAY, rows=rows))
    assert runs.edges("a") == (
        [Edge(dataset="session_usage", rows=7)],
        [Edge(dataset="usage_facts", partition_key=DAY, rows=2)],
    )
    assert runs.edges("b") == ([], [])


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
        ("UPDATE run_events SET occurred_at = occurred_at + INTERVAL '1 microsecond'", 1),
        ("UPDATE run_events SET rows_out = 99 WHERE seq = 2", 2),
        ("DELETE FROM run_events WHERE seq = 1", 1),
    ],
)
def test_a_forged_event_is_found(
    forgery: str, place: int, runs: RunStore, database: RunDatabase
) -> None:
    """Whoever can write the file can change it, but not unseen."""
    for _ in range(2):
        with runs.run("import"):
            pass
    with database.write() as statements:
        statements.execute(forgery)
    assert runs.broken_events()[0] == place


def start_dead(runs: RunStore, database: RunDatabase, run_id: str) -> None:
    """A run of a process of this machine that does not live any more."""
    runs.start_run("import", run_id=run_id, started_at=START)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    with database.write() as statements:
        # What the events tell of it is made to fit, as if that process had written it.
        statements.execute(
            "UPDATE runs SET pid = $pid WHERE run_id = $id", {"pid": ended.pid, "id": run_id}
        )


def test_a_run_whose_process_died_is_closed_by_the_next(
    runs: RunStore, database: RunDatabase
) -> None:
    """As failed and interrupted; a run of a living process stays."""
    with runs.run("import", new_id=lambda: "alive"):
        start_dead(runs, database, "dead")
        with runs.run("import", new_id=lambda: "next"):
            pass
        dead, alive = runs.get_run("dead"), runs.get_run("alive")
    assert dead is not None
    assert alive is not None
    assert (dead.status, dead.error) == (RunStatus.FAILED, "interrupted")
    assert alive.status is RunStatus.RUNNING
    assert runs.audit().findings == ()


@pytest.mark.parametrize(("silent", "status"), [(59, RunStatus.RUNNING), (61, RunStatus.FAILED)])
def test_a_run_of_another_machine_is_judged_by_its_signs_of_life(
    silent: int, status: RunStatus, runs: RunStore, database: RunDatabase
) -> None:
    """Nobody can ask there whether the process lives."""
    runs.start_run("import", run_id="far", started_at=START)
    with database.write() as statements:
        statements.execute("UPDATE runs SET host = 'elsewhere' WHERE run_id = 'far'")
    runs.beat("far", START + timedelta(minutes=5))
    runs.start_run("import", run_id="next", started_at=START + timedelta(minutes=5 + silent))
    far = runs.get_run("far")
    assert far is not None
    assert (far.status, far.heartbeat_at >= START + timedelta(minutes=5)) == (status, True)


class Witness:
    """A witness in memory."""

    def __init__(self) -> None:
        self.markers: dict[str, Written] = {}
        self.kept: list[Anchor] = []
        self.away = False

    def written(self, run_id: str) -> Written:
        """What somebody put there."""
        if self.away:
            raise StorageUnavailable("away")
        return self.markers.get(run_id, Written(complete=False, outputs=()))

    def settle(self, run_id: str, anchor: Anchor) -> None:
        """Keep it."""
        if self.away:
            raise StorageUnavailable("away")
        self.markers.pop(run_id, None)
        self.kept.append(anchor)

    def anchors(self) -> list[Anchor]:
        """All of them."""
        return self.kept


@pytest.mark.parametrize(
    ("complete", "status"), [(True, RunStatus.COMPLETED), (False, RunStatus.FAILED)]
)
def test_a_dead_run_is_judged_by_its_markers(
    complete: bool, status: RunStatus, database: RunDatabase
) -> None:
    """What it had committed becomes its output; its configuration stays."""
    witness = Witness()
    runs = RunStore(database, witness=witness, config={"data_dir": "d"})
    start_dead(runs, database, "dead")
    output = Edge(dataset="usage_facts", partition_key=DAY, rows=3)
    witness.markers["dead"] = Written(complete=complete, outputs=(output,))
    with runs.run("import", new_id=lambda: "next"):
        pass
    dead = runs.get_run("dead")
    assert dead is not None
    assert (dead.status, dead.rows_out) == (status, 3)
    assert dead.attrs == {"config": {"data_dir": "d"}, "closed": "its process had ended"}
    assert runs.edges("dead") == ([], [output])


def test_a_dead_run_that_cannot_be_judged_waits(database: RunDatabase) -> None:
    """Its witness is away: the next start asks again. The run that starts is not held up."""
    witness = Witness()
    runs = RunStore(database, witness=witness)
    start_dead(runs, database, "dead")
    witness.away = True
    with runs.run("import"):
        pass
    dead = runs.get_run("dead")
    assert dead is not None
    assert dead.status is RunStatus.RUNNING
    assert witness.kept == []


def test_every_end_anchors_the_chain(database: RunDatabase) -> None:
    """Its length and its head, which later events do not touch."""
    witness = Witness()
    runs = RunStore(database, witness=witness)
    heads = []
    for _ in range(2):
        with runs.run("import"):
            pass
        heads.append(runs.chain_head())
    assert [(anchor.count, anchor.head) for anchor in witness.kept] == heads
    assert runs.audit().findings == ()


def test_the_configuration_of_a_run_is_that_of_the_store_and_its_own(database: RunDatabase) -> None:
    """Both are kept and hashed."""
    runs = RunStore(database, config={"data_dir": Path("d")})
    with runs.run("import", config={"paths": ["a"]}, new_id=lambda: "a"):
        pass
    record = runs.get_run("a")
    assert record is not None
    assert record.attrs["config"] == {"data_dir": "d", "paths": ["a"]}
    assert record.config_hash == config_hash({"data_dir": "d", "paths": ["a"]})


def test_inputs_have_one_fingerprint_whatever_their_order(runs: RunStore) -> None:
    """A block that gives none gets it from its inputs."""
    edges = [Edge(dataset="file", partition_key=name, fingerprint="f", rows=1) for name in "ab"]
    for run_id, order in (("a", edges), ("b", edges[::-1])):
        with runs.run("import", new_id=lambda run_id=run_id: run_id) as run:
            for edge in order:
                run.reads(edge)
    one, other = runs.get_run("a"), runs.get_run("b")
    assert one is not None
    assert other is not None
    assert one.input_fingerprint == other.input_fingerprint == fingerprint_of(edges)


def test_the_newest_runs_and_those_of_a_run_of_dagster(runs: RunStore) -> None:
    """Newest first, and oldest first."""
    clock = Clock()
    for name in "abc":
        with runs.run("import", dagster_run_id="d", now=clock, new_id=lambda name=name: name):
            pass
    assert [run.run_id for run in runs.newest(2)] == ["c", "b"]
    assert [run.run_id for run in runs.of_dagster_run("d")] == ["a", "b", "c"]
    assert runs.of_dagster_run("other") == []


def test_attributes_that_were_spoiled_are_found(runs: RunStore, database: RunDatabase) -> None:
    """The run is still told, with the text as it is."""
    with runs.run("import", new_id=lambda: "a"):
        pass
    with database.write() as statements:
        statements.execute("UPDATE runs SET attrs = '{'")
    record = runs.get_run("a")
    assert record is not None
    assert record.attrs == {"unreadable": "{"}
    assert [finding.subject for finding in runs.audit().findings] == ["run a"]


def test_the_hash_of_a_configuration_ignores_order_and_takes_any_value() -> None:
    """Equal configurations are equal, whatever they hold."""
    one = {"path": Path("/data"), "days": [1, 2], "nested": {"b": 1, "a": None}}
    other = {"nested": {"a": None, "b": 1}, "days": [1, 2], "path": Path("/data")}
    assert config_hash(one) == config_hash(other)
    assert config_hash(one) != config_hash({**one, "days": [2, 1]})
