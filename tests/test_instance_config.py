"""Dagster's settings, embedded and in Postgres: they load, and they do what their comments say."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import PoolGranularity, dagster_instance_config
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.workspace.config_schema import ensure_workspace_config
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parents[1]
EMBEDDED = ROOT / "dagster.yaml"
TEAM = ROOT / "deploy" / "dagster.postgres.yaml"


@contextmanager
def instance_of(settings: Path, home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance that a folder has which holds `settings` as its dagster.yaml."""
    shutil.copy(settings, home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def team_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh database, named as deploy/dagster.postgres.yaml expects it."""
    url = make_url(postgres_url).set(drivername="postgresql+psycopg2")
    text = url.render_as_string(hide_password=False)
    monkeypatch.setenv("DAGSTER_PG_URL", text)
    return text


@pytest.mark.parametrize("settings", [EMBEDDED, TEAM], ids=lambda path: path.name)
def test_settings_pass_dagsters_schema(settings: Path, tmp_path: Path) -> None:
    """No key is misspelled or out of date: Dagster refuses unknown ones."""
    shutil.copy(settings, tmp_path / "dagster.yaml")
    checked, _ = dagster_instance_config(str(tmp_path))
    assert checked["telemetry"] == {"enabled": False}
    assert checked["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_both_settings_differ_in_storage_and_size_alone() -> None:
    """What was tried out on one machine behaves the same in a team."""
    embedded = yaml.safe_load(EMBEDDED.read_text(encoding="utf-8"))
    team = yaml.safe_load(TEAM.read_text(encoding="utf-8"))
    assert team.pop("storage") == {"postgres": {"postgres_url": {"env": "DAGSTER_PG_URL"}}}
    for settings in (embedded, team):
        del settings["concurrency"]["runs"]["max_concurrent_runs"]
        del settings["run_monitoring"]["start_timeout_seconds"]
    assert embedded == team


def test_embedded_storage_is_sqlite_in_the_instance_folder(tmp_path: Path) -> None:
    """Nothing is written anywhere else, so the folder is the whole history."""
    with instance_of(EMBEDDED, tmp_path) as instance:
        run = instance.create_run_for_job(do_nothing)
        assert instance.get_run_by_id(run.run_id) is not None
    assert list(tmp_path.rglob("runs.db"))


def test_one_op_at_a_time_may_hold_the_duckdb_pool(tmp_path: Path) -> None:
    """The second claim waits until the first is given back."""
    with instance_of(EMBEDDED, tmp_path) as instance:
        storage = instance.event_log_storage
        assert storage.initialize_concurrency_limit_to_default("duckdb")
        first = storage.claim_concurrency_slot("duckdb", "run-1", "write")
        second = storage.claim_concurrency_slot("duckdb", "run-2", "write")
        assert (first.is_claimed, second.is_claimed) == (True, False)
        storage.free_concurrency_slots_for_run("run-1")
        assert storage.claim_concurrency_slot("duckdb", "run-2", "write").is_claimed


@pytest.mark.parametrize("settings", [EMBEDDED, TEAM], ids=lambda path: path.name)
def test_runs_wait_in_a_queue(
    settings: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Backfills are bounded, and pools are enforced op by op."""
    if settings is TEAM:
        request.getfixturevalue("team_url")
    with instance_of(settings, tmp_path) as instance:
        config = instance.get_concurrency_config()
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert config.run_queue_config is not None
        assert 0 < config.run_queue_config.max_concurrent_runs <= 10
        assert config.pool_config.pool_granularity is PoolGranularity.OP
        assert config.pool_config.default_pool_limit == 1
        assert instance.run_monitoring_enabled


def test_team_storage_is_the_named_postgres(team_url: str, tmp_path: Path) -> None:
    """Runs and events of a job arrive in the database that DAGSTER_PG_URL names."""
    with instance_of(TEAM, tmp_path) as instance:
        result = do_nothing.execute_in_process(instance=instance)
        assert result.success
    engine = create_engine(team_url)
    tables = set(inspect(engine).get_table_names())
    with engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT COUNT(*) FROM event_logs").scalar_one()
    engine.dispose()
    assert {"runs", "event_logs", "job_ticks", "concurrency_slots"} <= tables
    assert count > 0


def test_workspace_names_one_code_location() -> None:
    """The location is the module `definitions`, whatever folder Dagster is started in."""
    path = ROOT / "workspace.yaml"
    workspace = ensure_workspace_config(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    (location,) = workspace["load_from"]
    assert location["python_module"]["module_name"] == "definitions"
    assert location["python_module"]["working_directory"] == "."


@dg.op
def nothing() -> None:
    """Succeeds."""


@dg.job
def do_nothing() -> None:
    """One op that succeeds."""
    nothing()
