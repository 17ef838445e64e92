"""The git assets: repositories become history and links of sessions, and checks audit them."""

from pathlib import Path

import dagster as dg
import pytest

from helicarrier.settings import Settings
from helicarrier.store.warehouse import WarehouseStore
from tests.dagster.conftest import Project, check_results, value, written
from tests.lineage.repositories import GIT, odd_history

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")

TABLES = {"git_commits", "git_changes", "git_refs", "session_commits"}
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with some history."""
    return odd_history(seed=5, commits=30).write(tmp_path_factory.mktemp("git") / "r")


@pytest.fixture
def project(repository: Path, data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """A project that knows of the repository; nothing is imported."""
    return Project(Settings(data_dir=data_dir, git_repositories=str(repository)), instance)


def test_a_sync_writes_the_tables_and_every_check_passes(project: Project) -> None:
    """Each output counts its rows and names the run; again nothing changes."""
    first, again = project.run("sync_git"), project.run("sync_git")
    metadata = {asset: found[0].metadata for asset, found in written(first).items()}
    assert set(metadata) == TABLES
    commits = metadata["git_commits"]
    assert value(commits, "dagster/row_count") == value(commits, "rows_changed") == 30
    run = project.runs.get_run(str(value(commits, "run_store_id")))
    assert run is not None
    assert (run.asset_key, run.dagster_run_id) == ("git_commits", first.run_id)
    results = check_results(first)
    assert set(results) == {(table, name) for table in TABLES for name in ("governance", "orphans")}
    assert all(found.passed for found in results.values())
    changed = {value(found[0].metadata, "rows_changed") for found in written(again).values()}
    assert changed == {0}


def test_rows_without_their_commit_are_found(project: Project) -> None:
    """Parents, references and sessions have no key in the file that would hold them."""
    assert project.run("sync_git").success
    warehouse = WarehouseStore(project.settings.warehouse_path)
    with warehouse.write() as connection:
        connection.execute("UPDATE git_refs SET commit_sha = 'gone' WHERE ref_name = 'HEAD'")
        orphaned = connection.execute(
            "UPDATE git_changes SET run_id = 'nobody' WHERE insertions = 1"
        ).fetchall()[0][0]
        connection.execute("UPDATE git_parents SET parent_sha = 'gone' WHERE seq = 1")
        connection.execute(
            "INSERT INTO session_commits VALUES ('s', 'r', 'x', 'gone', 'resolved', NULL, 'run')"
        )
    results = check_results(project.audit_of(*TABLES))
    failed = {asset for (asset, name), found in results.items() if name == "orphans"} & {
        asset for (asset, _), found in results.items() if not found.passed
    }
    assert failed >= {"git_refs", "git_commits", "session_commits", "git_changes"}
    assert results["git_refs", "orphans"].severity is ERROR
    told = results["git_changes", "orphans"].metadata
    assert (value(told, "missing"), value(told, "unknown_runs")) == (0, orphaned)
    assert orphaned


def test_a_row_that_breaks_a_rule_is_found(project: Project) -> None:
    """In a table whose rows have no time of their own, too."""
    assert project.run("sync_git").success
    warehouse = WarehouseStore(project.settings.warehouse_path)
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE loose AS SELECT * REPLACE (-1 AS is_tag) FROM git_refs")
        connection.execute("DROP TABLE git_refs")
        connection.execute("ALTER TABLE loose RENAME TO git_refs")
    with warehouse.read() as connection:
        rows = connection.execute("SELECT COUNT(*) FROM git_refs").fetchall()[0][0]
    found = check_results(project.audit_of("git_refs"))["git_refs", "governance"]
    assert not found.passed
    assert value(found.metadata, "failing_rows") == {"is_tag_range": rows}


def test_without_a_file_nothing_is_known(project: Project) -> None:
    """Which is a warning, and no pass."""
    results = check_results(project.audit_of(*TABLES))
    for table in TABLES:
        assert results[table, "orphans"].severity is WARN
        assert not results[table, "orphans"].passed
