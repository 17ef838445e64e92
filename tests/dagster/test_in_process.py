"""Jobs in a process that may die: the history stays usable for the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import PARENT_RUN_ID_TAG

from assets import in_process

ROOT = Path(__file__).parents[2]
SETTINGS = "concurrency:\n  pools:\n    granularity: op\n    default_limit: 1\n"
DIES_IN_THE_POOL = """
import os, signal
import dagster as dg
from assets import in_process

@dg.asset(pool="duckdb")
def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

made = dg.Definitions(assets=[dies], jobs=[dg.define_asset_job("die")])
with in_process.instance() as kept:
    in_process.run_job(made, "die", None, kept)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for Dagster's history, named by the environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


@dg.asset(pool="duckdb")
def lives() -> None:
    """Takes its turn in the pool."""


def run_lives(kept: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Run the asset that takes its turn."""
    made = dg.Definitions(assets=[lives], jobs=[dg.define_asset_job("live")])
    return in_process.run_job(made, "live", None, kept)


def test_runs_are_kept_where_the_environment_says(home: Path) -> None:
    """The history of DAGSTER_HOME holds the run after the process has forgotten it."""
    with in_process.instance() as kept:
        run_id = run_lives(kept).run_id
    with dg.DagsterInstance.get() as again:
        run = again.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.SUCCESS


def test_without_a_home_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that only refreshes leaves no history behind."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    with in_process.instance() as forgotten:
        assert run_lives(forgotten).success
    assert list(tmp_path.iterdir()) == []


def test_killed_run_does_not_hold_up_the_next_one(home: Path) -> None:
    """Its place in the pool is given back, and its run is told as failed."""
    done = subprocess.run(
        [sys.executable, "-c", DIES_IN_THE_POOL],
        cwd=ROOT,
        env=os.environ | {"DAGSTER_HOME": str(home)},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with in_process.instance() as kept:
        (run,) = kept.get_runs()
        assert run.status is dg.DagsterRunStatus.FAILURE
        assert not kept.event_log_storage.get_concurrency_info("duckdb").claimed_slots
        assert run_lives(kept).success


def test_living_runs_are_left_alone(home: Path) -> None:
    """A run of this process that has begun is nobody's to close."""
    made = dg.Definitions(assets=[lives], jobs=[dg.define_asset_job("live")])
    job = made.resolve_job_def("live")
    with dg.DagsterInstance.get() as kept:
        tags = in_process.process_tags()
        mine = kept.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
        assert in_process.close_interrupted(kept) == 0
        assert kept.get_run_by_id(mine.run_id) == mine


@pytest.mark.parametrize(
    ("tags", "closed"),
    [({}, 1), ({PARENT_RUN_ID_TAG: "the killed one"}, 0)],
    ids=["a command's run", "started again from one"],
)
def test_only_the_run_of_the_dead_process_is_closed(
    home: Path, tags: dict[str, str], closed: int
) -> None:
    """A run that was started again carries the tags of the first, but is not its process."""
    made = dg.Definitions(assets=[lives], jobs=[dg.define_asset_job("live")])
    dead = in_process.process_tags() | {"helicarrier/process_started": "2001-01-01T00:00:00+00:00"}
    with dg.DagsterInstance.get() as kept:
        kept.create_run_for_job(
            made.resolve_job_def("live"), status=dg.DagsterRunStatus.STARTED, tags=dead | tags
        )
        assert in_process.close_interrupted(kept) == closed


def test_runs_of_the_daemon_are_left_alone(home: Path) -> None:
    """Runs without the tags of a command belong to somebody who watches over them."""
    made = dg.Definitions(assets=[lives], jobs=[dg.define_asset_job("live")])
    with dg.DagsterInstance.get() as kept:
        kept.create_run_for_job(made.resolve_job_def("live"), status=dg.DagsterRunStatus.STARTED)
        assert in_process.close_interrupted(kept) == 0
