"""The ledger assets: files become sessions, events and calls, and the run says what came of it."""

import json
from pathlib import Path

import dagster as dg
import pytest

import definitions
from helicarrier.settings import Settings
from resources import resources_of
from tests.dagster.conftest import ASSETS, SAMPLES, Project, value, written

IMPORT = "import_sessions"
STEP = "import_session_files"


def import_files(project: Project, *paths: Path) -> dg.ExecuteInProcessResult:
    """Run the import job over these paths."""
    job = definitions.build_defs(**resources_of(project.settings)).resolve_job_def(IMPORT)
    config = dg.RunConfig(ops={STEP: {"config": {"paths": [str(path) for path in paths]}}})
    return job.execute_in_process(
        instance=project.instance, run_config=config, raise_on_error=False
    )


def test_import_counts_the_rows_of_each_table(empty: Project) -> None:
    """Every output says how many rows its table holds and how many of them are new."""
    result = import_files(empty, SAMPLES)
    counts = {
        asset: (
            value(found[0].metadata, "dagster/table_name"),
            value(found[0].metadata, "dagster/row_count"),
            value(found[0].metadata, "rows_new"),
        )
        for asset, found in written(result).items()
    }
    assert counts == {
        "session_import": ("import_reports", 1, 1),
        "session_ledger": ("session_ledger", 89, 89),
        "session_events": ("session_events", 839, 839),
        "session_usage": ("session_usage", 477, 477),
    }


def test_second_import_writes_nothing(imported: Project) -> None:
    """The rows are still all there, and none of them is new or changed."""
    usage = written(import_files(imported, SAMPLES))["session_usage"][0].metadata
    assert (value(usage, "dagster/row_count"), value(usage, "rows_new")) == (477, 0)
    assert value(usage, "rows_changed") == 0


def test_report_lies_where_the_metadata_says(empty: Project) -> None:
    """The path leads to the JSON report of this import, and the preview shows its records."""
    metadata = written(import_files(empty, SAMPLES))["session_import"][0].metadata
    report = json.loads(Path(str(value(metadata, "report"))).read_text(encoding="utf-8"))
    assert report["runId"] == value(metadata, "run_store_id")
    assert f"| read | {report['read']:,} |" in str(value(metadata, "preview"))


def test_run_store_knows_the_dagster_run(empty: Project) -> None:
    """From a row one comes to the run that wrote it, and from there to Dagster's run."""
    result = import_files(empty, SAMPLES)
    run_id = str(value(written(result)["session_ledger"][0].metadata, "run_store_id"))
    record = empty.runs.get_run(run_id)
    assert record is not None
    assert (record.asset_key, record.dagster_run_id) == ("session_import", result.run_id)


def test_folders_of_the_settings_are_the_default(
    data_dir: Path, instance: dg.DagsterInstance
) -> None:
    """Without paths in the config the folders of HELICARRIER_IMPORT_PATHS are imported."""
    settings = Settings(data_dir=data_dir, import_paths=f"{SAMPLES / 'codex'}")
    metadata = written(Project(settings, instance).run(IMPORT))["session_ledger"][0].metadata
    assert value(metadata, "dagster/row_count") == 8


def test_without_folders_nothing_is_read(empty: Project) -> None:
    """A project that is not set up yet has an empty ledger and no failed run."""
    metadata = written(empty.run(IMPORT))["session_ledger"][0].metadata
    assert value(metadata, "dagster/row_count") == 0


def test_missing_path_fails_at_once(empty: Project, tmp_path: Path) -> None:
    """Trying again would not make the folder appear: the step ends without a retry."""
    result = import_files(empty, tmp_path / "nowhere")
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert told.metadata["code"].value == "NOT_FOUND"


def test_all_outputs_are_made_together(empty: Project) -> None:
    """One import writes all tables in the same transactions, so none can be asked for alone."""
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dg.materialize(
            ASSETS,
            selection=["session_usage"],
            resources=resources_of(empty.settings),
            instance=empty.instance,
        )
