"""The release gate in Dagster: one check for each gate between the summary and the decision."""

import json
import os
import shutil
from pathlib import Path

import dagster as dg
import msgspec
import pytest
from sqlalchemy import select, text

from assets.evals import judge_eval_records
from helicarrier.evals.enums import Gate
from helicarrier.evals.tables import ai_eval_runs
from helicarrier.ledger.tables import audit_log
from helicarrier.settings import Settings
from helicarrier.store.migrate import upgrade
from helicarrier.store.operational import OperationalStore
from resources import resources_of
from sensors.evals import canary
from tests.dagster.conftest import Project, check_results, value, written

RECORDS = Path(__file__).parents[2] / "examples" / "evals"


@pytest.fixture
def project(data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """A data folder whose store is ready and empty."""
    settings = Settings(data_dir=data_dir)
    upgrade(settings.url, data_dir / "backups")
    (data_dir / "evals").mkdir()
    return Project(settings, instance)


def put(project: Project, name: str) -> None:
    """Make these the records to judge."""
    shutil.copyfile(RECORDS / name, project.settings.data_dir / "evals" / "records.jsonl")


def test_good_records_pass_every_gate_and_lead_to_a_go(project: Project) -> None:
    """Each gate has its check with a picture, and the decision says go."""
    put(project, "records.jsonl")
    result = project.run("release_gate")
    found = {
        name: one for (asset, name), one in check_results(result).items() if "summary" in asset
    }
    assert result.success
    assert {name: one.passed for name, one in found.items()} == {gate.value: True for gate in Gate}
    assert "data:image/png" in str(value(found["schema_valid_rate"].metadata, "interval"))
    decision = written(result)["release_decision"][0]
    assert value(decision.metadata, "decision") == "go"
    assert list((project.settings.data_dir / "release_decisions").glob("*.json"))


def test_too_few_records_warn_and_block_a_release(project: Project) -> None:
    """Inconclusive: a no-go with its reasons by day, no decision at all before a release."""
    put(project, "few.jsonl")
    daily = project.run("eval_gate")
    assert value(written(daily)["release_decision"][0].metadata, "decision") == "no-go"
    strict = project.run("release_gate")
    assert "release_decision" not in written(strict)


def test_failed_gate_is_an_error_and_keeps_the_decision_back(project: Project) -> None:
    """A regression blocks on any day."""
    put(project, "regressed.jsonl")
    result = project.run("eval_gate")
    failed = [one for one in check_results(result).values() if not one.passed]
    assert any(one.severity is dg.AssetCheckSeverity.ERROR for one in failed)
    assert "release_decision" not in written(result)
    query = select(audit_log.c.subject, audit_log.c.details_json)
    ((run_id, details),) = project.select(query.where(audit_log.c.action == "release.decided"))
    told = json.loads(str(details))
    assert told["outcome"] == "no-go"
    assert any(why.startswith("patch_apply_success: fail") for why in told["reasons"])
    assert run_id == value(written(result)["ai_eval_runs"][0].metadata, "eval_run_id")


def test_newest_file_of_the_configured_places_is_judged(project: Project, tmp_path: Path) -> None:
    """A folder may hold the results of every day."""
    for age, name in enumerate(("records.jsonl", "few.jsonl")):
        shutil.copyfile(RECORDS / name, tmp_path / name)
        os.utime(tmp_path / name, (1_000_000_000 - age, 1_000_000_000 - age))
    settings = msgspec.structs.replace(project.settings, eval_paths=str(tmp_path))
    result = dg.materialize(
        [judge_eval_records], resources=resources_of(settings), instance=project.instance
    )
    assert result.success
    assert project.select(select(ai_eval_runs.c.dataset_ref)) == [("records.jsonl",)]


def test_missing_file_is_a_failed_run(project: Project) -> None:
    """No data is never a pass."""
    result = project.run("eval_gate")
    assert not result.success
    assert written(result) == {}


def test_canary_sensor_judges_each_window_once(project: Project) -> None:
    """A day without traffic is no data; a second tick finds nothing new."""
    settings = msgspec.structs.replace(
        project.settings, canary_acting="either", canary_baseline_rate=0.99
    )
    made = resources_of(settings)

    def tick(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(cursor=cursor) as context:
            found = canary(
                context,
                settings=made["settings"],
                operational=made["operational"],
                warehouse=made["warehouse"],
            )
        assert isinstance(found, dg.SensorResult | dg.SkipReason)
        return found

    first = tick("of another version")
    assert isinstance(first, dg.SensorResult)
    assert "the newest: continue. no request" in str(first.skip_reason)
    assert first.cursor == '{"version":1,"acted":"continue"}'
    again = tick(first.cursor)
    assert isinstance(again, dg.SkipReason)
    assert again.skip_message == "No window is over that was not judged."
    (run,) = project.runs.runs_for("canary_windows")
    config = run.attrs["config"]
    assert isinstance(config, dict)
    assert (config["acting"], config["baselineSchemaRate"]) == ("either", 0.99)


def test_canary_sensor_waits_for_the_store(empty: Project) -> None:
    """Before the first migration there is nothing to judge."""
    made = resources_of(empty.settings)
    with dg.build_sensor_context() as context:
        assert canary(
            context,
            settings=made["settings"],
            operational=made["operational"],
            warehouse=made["warehouse"],
        ).skip_message


def test_remote_ingest_without_a_remote_does_nothing(project: Project) -> None:
    """And a run that a gate keeps back is loaded where there is one: it waits for no gate."""
    put(project, "regressed.jsonl")
    told = written(project.run("eval_gate"))["eval_remote_ingest"][0].metadata
    assert (value(told, "remote"), value(told, "rows_new")) == ("none is configured", 0)


def test_remote_ingest_loads_the_judged_run(project: Project, postgres_url: str) -> None:
    """By the same script that the command prints; the address is no secret told to anybody."""
    upgrade(postgres_url, project.settings.data_dir / "backups")
    put(project, "few.jsonl")
    settings = msgspec.structs.replace(project.settings, eval_remote_url=postgres_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELICARRIER_EVAL_REMOTE_URL", postgres_url)
        result = Project(settings, project.instance).run("eval_gate")
    told = written(result)["eval_remote_ingest"][0].metadata
    rows = len((RECORDS / "few.jsonl").read_text().splitlines()) + len(Gate) + 1
    assert value(told, "rows_new") == rows
    run = project.runs.get_run(str(value(told, "run_store_id")))
    assert run is not None
    assert run.attrs["config"]["eval_remote_url"] == "set"  # type: ignore[index, call-overload]


def test_rows_of_evals_that_break_a_rule_are_found(project: Project) -> None:
    """Verdicts, providers, generations and canary windows have a governance check each."""
    put(project, "few.jsonl")
    assert project.run("eval_gate").success
    store = OperationalStore(project.settings.url)
    with store.write() as connection:
        for statement in (
            "PRAGMA ignore_check_constraints = ON",
            "UPDATE ai_eval_gate_results SET verdict = 'perhaps' WHERE gate = 'schema_valid_rate'",
            "UPDATE ai_provider_configs SET timeout_ms = 1 WHERE provider = 'custom'",
        ):
            connection.execute(text(statement))
    store.close()
    broken = {
        "ai_eval_gate_results": "verdict_known",
        "ai_provider_configs": "timeout_ms_range",
    }
    sound = ("ai_training_examples", "canary_windows", "ai_eval_runs")
    results = check_results(project.audit_of(*broken, *sound))
    for asset, rule in broken.items():
        found = results[asset, "governance"]
        assert not found.passed
        assert value(found.metadata, "failing_rows") == {rule: 1}
    for asset in sound:
        assert results[asset, "governance"].passed
