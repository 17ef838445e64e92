"""The content assets: files become documents, messages and annotations, and checks audit them."""

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

import definitions
from helicarrier.lineage.content import importing as service
from helicarrier.settings import Settings
from resources import resources_of
from tests.dagster.conftest import Project, check_results, value, written
from tests.lineage.earlier import put_earlier

CONTENT = Path(__file__).parents[2] / "examples" / "content"
TABLES = {"documents", "messages", "annotations"}
CHECKS = {(table, name) for table in TABLES for name in ("governance", "orphans", "constraints")}
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def import_content(project: Project, *paths: Path) -> dg.ExecuteInProcessResult:
    """Run the job over these paths."""
    made = definitions.build_defs(**resources_of(project.settings))
    config = dg.RunConfig(
        ops={"import_content_files": {"config": {"paths": [str(path) for path in paths]}}}
    )
    return made.resolve_job_def("import_content").execute_in_process(
        instance=project.instance, run_config=config, raise_on_error=False
    )


@pytest.fixture(scope="module")
def _content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("content") / "data"
    service.import_content(Settings(data_dir=folder), [CONTENT])
    return folder


@pytest.fixture
def content(_content: Path, data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """A project with the sample content."""
    shutil.copytree(_content, data_dir)
    return Project(Settings(data_dir=data_dir, content_paths=str(CONTENT)), instance)


def test_an_import_writes_the_tables_and_every_check_passes(empty: Project) -> None:
    """Each output counts its rows and names the run, which knows Dagster's run."""
    result = import_content(empty, CONTENT)
    metadata = {asset: found[0].metadata for asset, found in written(result).items()}
    assert {
        asset: (value(found, "dagster/row_count"), value(found, "rows_new"))
        for asset, found in metadata.items()
    } == {"documents": (6, 6), "messages": (4, 4), "annotations": (3, 3)}
    run = empty.runs.get_run(str(value(metadata["documents"], "run_store_id")))
    assert run is not None
    assert run.dagster_run_id == result.run_id
    results = check_results(result)
    assert set(results) == CHECKS
    assert all(found.passed for found in results.values())
    assert value(results["documents", "constraints"].metadata, "probes") == 33


def test_importing_again_writes_nothing(content: Project) -> None:
    """The folders of the settings are the default."""
    result = content.run("import_content")
    assert {
        asset: value(found[0].metadata, "rows_new") for asset, found in written(result).items()
    } == dict.fromkeys(TABLES, 0)


def test_what_is_refused_is_in_the_preview(empty: Project, tmp_path: Path) -> None:
    """And does not keep the rest from being written."""
    (tmp_path / "a.md").write_text("---\ntype: post\n---\n")
    (tmp_path / "b.md").write_text("---\ntype: note\n---\n")
    result = import_content(empty, tmp_path)
    assert result.success
    metadata = written(result)["documents"][0].metadata
    assert (value(metadata, "outcome"), value(metadata, "rows_new")) == ("rejected", 1)
    assert "| refused | 1 |" in str(value(metadata, "preview"))
    assert "a.md:0` /slug a post needs it" in str(value(metadata, "preview"))


def test_a_breach_is_an_error_of_its_check(content: Project) -> None:
    """Found by the audit, whoever changed the file; the other checks pass."""
    with duckdb.connect(str(content.settings.warehouse_path)) as database:
        database.execute(
            "CREATE TABLE copy AS FROM annotations; DROP TABLE annotations; "
            "ALTER TABLE copy RENAME TO annotations; UPDATE annotations SET content = ''; "
            "UPDATE messages SET run_id = 'nobody'"
        )
    results = check_results(_audit(content))
    failed = {name: found for name, found in results.items() if not found.passed}
    assert set(failed) == {
        ("annotations", "constraints"),
        ("annotations", "governance"),
        ("messages", "orphans"),
    }
    assert {found.severity for found in failed.values()} == {ERROR}
    assert "run_unknown (4)" in (failed["messages", "orphans"].description or "")
    assert "FOREIGN KEY" in (failed["annotations", "constraints"].description or "")
    assert "content_filled" in (failed["annotations", "governance"].description or "")


def test_without_a_file_nothing_is_known(empty: Project) -> None:
    """An audit makes no file, and a check without rows to look at passes nothing."""
    results = check_results(_audit(empty))
    assert set(results) == CHECKS
    assert {(found.passed, found.severity) for found in results.values()} == {(False, WARN)}
    assert not empty.settings.warehouse_path.exists()


def test_a_file_of_an_earlier_version_is_brought_up_to_date_and_audited(empty: Project) -> None:
    """What was carried over keeps every rule; what could not is in quarantine."""
    put_earlier(empty.settings.warehouse_path)
    results = check_results(_audit(empty))
    assert {name: found.passed for name, found in results.items()} == dict.fromkeys(CHECKS, True)
    assert value(results["documents", "governance"].metadata, "rows") == 14


def _audit(project: Project) -> dg.ExecuteInProcessResult:
    """The checks of content alone."""
    made = definitions.build_defs(**resources_of(project.settings))
    selection = dg.AssetSelection.checks_for_assets(*TABLES)
    job = dg.define_asset_job("audit_content", selection=selection)
    return (
        dg.Definitions(
            assets=made.assets,
            asset_checks=made.asset_checks,
            jobs=[job],
            resources=made.resources,
            executor=dg.in_process_executor,
        )
        .resolve_job_def("audit_content")
        .execute_in_process(instance=project.instance, raise_on_error=False)
    )
