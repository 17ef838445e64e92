"""Runs of Dagster that ended badly, in the run store; and the check of its chain."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType
from sqlalchemy import select

import definitions
from checks.lineage import run_store_is_sound
from helicarrier.ledger.runs import run_store
from helicarrier.notify.tables import notifications
from helicarrier.store import migrate
from helicarrier.store.run_model import RunStatus
from resources import WarehouseResource, resources_of
from sensors.lineage import cancelled_runs, failed_runs
from tests.dagster.conftest import DAYS, Project

ROOT = Path(__file__).parents[2]
KILLED_BEFORE_THE_COMMIT = """
import os, definitions, helicarrier.settings as s
from helicarrier.usage import bulk
whole = bulk.replace_days
def replace_and_die(*args):
    whole(*args)
    os.kill(os.getpid(), 9)
bulk.replace_days = replace_and_die
definitions.refresh(s.load())
"""
KILLED_AFTER_THE_COMMIT = """
import os, helicarrier.settings as s
from pathlib import Path
from helicarrier.store.run_store import RunStore
from helicarrier.ingest.service import import_sessions
RunStore.end_run = lambda *args, **more: os.kill(os.getpid(), 9)
import_sessions(s.load(), [Path("examples/sessions/native/v1")], workers=1)
"""


@dg.op
def breaks() -> None:
    """An op that fails."""
    raise ValueError("no such day")


@dg.job
def broken_job() -> None:
    """A job that fails."""
    breaks()


def warehouse(project: Project) -> WarehouseResource:
    """The warehouse of a project."""
    found = resources_of(project.settings)["warehouse"]
    assert isinstance(found, WarehouseResource)
    return found


def evaluate(
    sensor: dg.SensorDefinition, kind: DagsterEventType, project: Project, run: dg.DagsterRun
) -> None:
    """A tick of the sensor for this run."""
    event = DagsterEvent(kind.value, job_name=run.job_name, message="Steps failed: ['breaks'].")
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=event,
        dagster_instance=project.instance,
        dagster_run=run,
        resources={
            name: found
            for name, found in resources_of(project.settings).items()
            if name in sensor.required_resource_keys
        },
    )
    sensor(context)


@pytest.mark.parametrize(
    ("sensor", "kind", "word"),
    [
        (failed_runs, DagsterEventType.RUN_FAILURE, "failed"),
        (cancelled_runs, DagsterEventType.RUN_CANCELED, "cancelled"),
    ],
    ids=["failed", "cancelled"],
)
def test_a_run_that_ended_badly_is_recorded_once(
    sensor: dg.SensorDefinition, kind: DagsterEventType, word: str, empty: Project
) -> None:
    """With its job, its partition and Dagster's words; a second tick changes nothing."""
    result = broken_job.execute_in_process(
        instance=empty.instance, raise_on_error=False, tags={"dagster/partition": "2026-10-05"}
    )
    for _ in range(2):
        evaluate(sensor, kind, empty, result.dagster_run)
    (record,) = empty.runs.of_dagster_run(result.run_id)
    assert (record.asset_key, record.partition_key) == ("job:broken_job", "2026-10-05")
    assert record.status is RunStatus.FAILED
    assert record.error == f"{word}: Steps failed: ['breaks']."
    assert empty.runs.audit().findings == ()


def test_of_a_failed_run_people_are_told_once(imported: Project) -> None:
    """However often the tick is repeated; of a cancelled one they are not."""
    result = broken_job.execute_in_process(instance=imported.instance, raise_on_error=False)
    for _ in range(2):
        evaluate(failed_runs, DagsterEventType.RUN_FAILURE, imported, result.dagster_run)
    evaluate(cancelled_runs, DagsterEventType.RUN_CANCELED, imported, result.dagster_run)
    told = imported.select(select(notifications.c.subject, notifications.c.channel))
    assert told == [("run of broken_job failed: Steps failed: ['breaks'].", "log")]


def killed(program: str, project: Project) -> None:
    """Run a program on the project's folder; it has to kill itself."""
    environment = os.environ | {"HELICARRIER_DATA_DIR": str(project.settings.data_dir)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, check=False, timeout=600
    )
    assert done.returncode == -signal.SIGKILL


def test_a_run_killed_in_mid_materialization_is_interrupted_at_the_next_start(
    imported: Project,
) -> None:
    """The rows of its transaction are gone with it: each day is old until the next refresh."""
    killed(KILLED_BEFORE_THE_COMMIT, imported)
    assert imported.aggregates()["daily_usage_agg"] == []
    with run_store(imported.settings).run("next"):
        pass
    (record,) = imported.runs.runs_for("daily_usage_agg")
    assert (record.status, record.error) == (RunStatus.FAILED, "interrupted")
    facts = imported.runs.runs_for("usage_facts", DAYS[0].isoformat())
    assert [run.status for run in facts] == [RunStatus.COMPLETED]
    assert imported.runs.audit().findings == ()
    outcome = definitions.refresh(imported.settings)
    assert not outcome.failed
    assert len(imported.aggregates()["daily_usage_agg"]) > 0


def test_a_run_killed_after_its_last_commit_is_completed_at_the_next_start(empty: Project) -> None:
    """Its marker stands beside the rows, and tells what it wrote."""
    killed(KILLED_AFTER_THE_COMMIT, empty)
    (running,) = empty.runs.newest(1)
    assert running.status is RunStatus.RUNNING
    with run_store(empty.settings).run("next"):
        pass
    record = empty.runs.get_run(running.run_id)
    assert record is not None
    assert (record.status, record.error) == (RunStatus.COMPLETED, None)
    written = {edge.dataset: edge.rows for edge in empty.runs.edges(record.run_id)[1]}
    assert written["session_ledger"] == 19
    assert empty.runs.audit().findings == ()


def test_the_check_of_the_chain_passes_warns_and_fails(empty: Project) -> None:
    """Nothing to verify is no pass, nor is a chain without an anchor; an edit is an error."""
    for _ in range(2):
        found = run_store_is_sound(warehouse(empty))
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
        with empty.runs.run("import"):
            pass
    migrate.upgrade(empty.settings.url, empty.settings.backups_dir)
    with run_store(empty.settings).run("import"):
        pass
    assert run_store_is_sound(warehouse(empty)).passed
    with warehouse(empty).store().write() as connection:
        connection.execute("UPDATE run_events SET rows_out = 7 WHERE seq = 2")
    found = run_store_is_sound(warehouse(empty))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "event 000000002" in str(found.description)


def test_materializations_carry_the_command_that_explains_them(imported: Project) -> None:
    """To be copied from the catalogue."""
    result = imported.run("refresh_performance", DAYS[0])
    (event,) = result.asset_materializations_for_node("model_perf_agg")
    run_id = event.metadata["run_store_id"].value
    assert event.metadata["explain"].value == f"`helicarrier lineage explain runs {run_id}`"
