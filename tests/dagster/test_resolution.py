"""Resolution in Dagster: from a file of pairs to shadow outcomes, with the checks around them."""

import json
from pathlib import Path

import dagster as dg
import msgspec
import pytest
from sqlalchemy import select

from helicarrier.resolution import manifest, service
from helicarrier.resolution.decision_enums import ReviewVerdict
from helicarrier.resolution.enums import ResolutionStatus
from helicarrier.resolution.records import Review
from helicarrier.resolution.tables import ai_decision_log, mismatch, resolution_plan
from helicarrier.settings import Settings
from helicarrier.store.migrate import upgrade
from helicarrier.store.operational import OperationalStore
from helicarrier.times import now
from resources import resources_of
from sensors.resolution import breakers
from tests.cli.test_resolution_deciding import PAIRS
from tests.dagster.conftest import Project, check_results, value, written


@pytest.fixture
def project(data_dir: Path, tmp_path: Path, instance: dg.DagsterInstance) -> Project:
    """A ready store, a file of pairs and a file of labels that are too few."""
    pairs, labels = tmp_path / "pairs.jsonl", tmp_path / "labels.jsonl"
    pairs.write_text("\n".join(map(json.dumps, PAIRS)), encoding="utf-8")
    rated = [{"rater_id": rater, "label": "equivalent"} for rater in "abc"]
    other = [*rated[:2], {"rater_id": "c", "label": "not_equivalent"}]
    lines = [{"id": f"i{n}", "labels": rated if n % 2 else other} for n in range(8)]
    labels.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    settings = Settings(data_dir=data_dir, resolution_pairs=str(pairs), resolution_labels=labels)
    upgrade(settings.url, data_dir / "backups")
    return Project(settings, instance)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The results of the checks that are about resolution alone, by name."""
    return {name: one for (_, name), one in check_results(result).items() if name != "governance"}


def test_pairs_become_mismatches_plans_and_shadow_outcomes(project: Project) -> None:
    """Nothing is applied; a second run finds the same and adds only what was decided again."""
    for turn in (1, 2):
        result = project.run("resolve_pairs")
        assert result.success
        assert all(
            one.passed for (_, name), one in check_results(result).items() if name == "governance"
        )
        outcomes = written(result)["resolution_outcomes"][0].metadata
        assert value(outcomes, "outcomes") == {"waiting": 1, "would_apply": 1}
        new = value(written(result)["mismatches"][0].metadata, "rows_new")
        assert new == (3 if turn == 1 else 0)
    assert project.select(select(mismatch.c.type).order_by(mismatch.c.type)) == [
        ("json_ordering",),
        ("markdown_formatting",),
        ("semantics_text",),
    ]
    statuses = project.select(select(resolution_plan.c.status).order_by(resolution_plan.c.status))
    assert statuses == [("approved",), ("proposed",)]
    pairs = written(result)["output_pairs"][0].metadata
    assert value(pairs, "unknown_sessions") == ["nobody"]
    run_id = str(value(pairs, "run_store_id"))
    file = project.settings.data_dir / "resolution" / run_id / "manifest.json"
    assert manifest.read(file)["run_id"] == run_id  # type: ignore[index, call-overload]
    inputs, outputs = project.runs.edges(run_id)
    assert [edge.dataset for edge in inputs] == ["output_pairs"]
    assert {edge.dataset for edge in outputs} == {"mismatch", "resolution_plan"}
    found = checks_of(result)
    assert found["golden_packs"].passed
    assert found["policy_conformance"].passed
    assert found["false_positive_rate"].severity is dg.AssetCheckSeverity.WARN
    assert not found["false_positive_rate"].passed


def test_false_positives_fail_their_check_trip_breakers_and_are_reported(
    project: Project,
) -> None:
    """The check is an error, the sensor says who holds shadow mode, the report has the week."""
    project.run("resolve_pairs")
    ((plan_id,),) = project.select(
        select(resolution_plan.c.id).where(resolution_plan.c.status == "approved")
    )
    store = OperationalStore(project.settings.url)
    area = service.Resolution(project.settings, store, service.edge())
    area.learn(
        Review(
            plan_id=str(plan_id),
            verdict=ReviewVerdict.FALSE_POSITIVE,
            reviewer="ada",
            reviewed_at=now(),
        )
    )
    store.close()
    found = checks_of(project.run("resolve_pairs"))["false_positive_rate"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    made = resources_of(project.settings)
    with dg.build_sensor_context() as context:
        told = breakers(
            context,
            settings=made["settings"],
            operational=made["operational"],
            warehouse=made["warehouse"],
        )
    assert "dev fp_rate_7d" in str(told.skip_message)
    report = project.run("report_false_positives")
    assert value(written(report)["false_positive_report"][0].metadata, "dagster/row_count") == 12
    (file,) = project.settings.reports_dir.glob("false_positives_*.json")
    weeks = json.loads(file.read_bytes())["weeks"]
    assert [one["rate"] for one in weeks if one["environment"] == "dev"] == [None, None, None, 1.0]


def test_applied_plan_against_the_policy_is_an_error(project: Project) -> None:
    """However its status came about: the check counts the approvals again."""
    project.run("resolve_pairs")
    store = OperationalStore(project.settings.url)
    with store.write() as connection:
        connection.execute(
            resolution_plan.update()
            .where(resolution_plan.c.status == "proposed")
            .values(status=ResolutionStatus.APPLIED.value, applied_at=now())
        )
    store.close()
    result = project.run("resolve_pairs")
    found = checks_of(result)["policy_conformance"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "without its approvals" in str(value(found.metadata, "breaking"))
    assert "resolution_outcomes" not in written(result)


def test_too_few_labels_are_a_warning(project: Project) -> None:
    """The measurement is in the log; the gate stays shut."""
    result = project.run("measure_agreement")
    (found,) = checks_of(result).values()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert value(written(result)["rater_agreement"][0].metadata, "gate") == "shut"
    entities = project.select(select(ai_decision_log.c.entity_id))
    assert entities == [("rater_agreement",)]


def test_without_pairs_or_labels_the_run_fails(project: Project) -> None:
    """No data is never a pass."""
    settings = msgspec.structs.replace(
        project.settings, resolution_pairs="", resolution_labels=None
    )
    bare = Project(settings, project.instance)
    for job in ("resolve_pairs", "measure_agreement"):
        result = bare.run(job)
        assert not result.success
        assert written(result) == {}


def test_sensor_waits_for_a_store_and_for_plans(project: Project, tmp_path: Path) -> None:
    """Nothing is judged where nothing could go wrong."""
    for settings, said in (
        (project.settings, "There is no plan yet"),
        (Settings(data_dir=tmp_path / "nothing"), ""),
    ):
        made = resources_of(settings)
        with dg.build_sensor_context() as context:
            told = breakers(
                context,
                settings=made["settings"],
                operational=made["operational"],
                warehouse=made["warehouse"],
            )
        assert said in str(told.skip_message)
