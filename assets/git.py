"""Git assets: the history of repositories, and the commits at which agent sessions ran.

One sync reads a repository into all of its tables, parents of commits among them, and then links
the sessions of the ledger, so they are the outputs of one step that always runs as a whole. What
does not belong here: answers about files, which are read from these tables when they are asked.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.declarations import TRANSIENT, WAREHOUSE_POOL, table_spec
from assets.runs import as_dagster_failures
from helicarrier.lineage.git import tables, wire
from helicarrier.lineage.git.repository import GitReader
from helicarrier.lineage.git.service import Synced, sync_repositories
from resources import SettingsResource, WarehouseResource

GROUP = "lineage"
_KINDS = {"git", "duckdb"}

SPECS = [
    table_spec(
        tables.GIT_COMMITS,
        description="Every commit that a branch, a tag or HEAD led to at a sync, with its parents.",
        group=GROUP,
        kinds=_KINDS,
    ),
    table_spec(
        tables.GIT_CHANGES,
        description=(
            "What each commit did to each path, against its first parent, merges too. Renames are "
            "followed, and lines counted."
        ),
        group=GROUP,
        kinds=_KINDS,
        deps=[tables.GIT_COMMITS.name],
    ),
    table_spec(
        tables.GIT_REFS,
        description="Where branches, tags and HEAD led to at the last sync.",
        group=GROUP,
        kinds=_KINDS,
        deps=[tables.GIT_COMMITS.name],
    ),
    table_spec(
        tables.SESSION_COMMITS,
        description="Where a session ran, and whether that is recorded, resolved or unknown.",
        group=GROUP,
        kinds=_KINDS,
        deps=["session_ledger", tables.GIT_COMMITS.name, tables.GIT_REFS.name],
    ),
]


class GitConfig(dg.Config):
    """What to read."""

    repositories: list[str] = Field(
        default=[],
        description="Folders of repositories; none: those of HELICARRIER_GIT_REPOSITORIES.",
    )


@dg.multi_asset(
    name="sync_git_history",
    specs=SPECS,
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
    op_tags={"area": GROUP},
)
def sync_git_history(
    context: dg.AssetExecutionContext,
    config: GitConfig,
    settings: SettingsResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult]:
    """One row per commit, change, reference and session that is new or changed."""
    current = settings.load()
    folders = [Path(path) for path in config.repositories] or list(current.git_folders)
    if not folders:
        context.log.warning(
            "There is no repository to read: set HELICARRIER_GIT_REPOSITORIES or the config's "
            "repositories."
        )
    with as_dagster_failures():
        done = sync_repositories(
            current, folders, warehouse=warehouse.store(), dagster_run_id=context.run.run_id
        )
        with warehouse.store().read() as connection:
            totals = GitReader(connection).counts()
    for report in done.repositories:
        if report.ref_changes.rewritten:
            context.log.warning("%s: rewritten: %s", report.repo, report.ref_changes.rewritten)
    preview = "\n".join(f"- {wire.report_line(report)}" for report in done.repositories)
    for table, rows in _changed(done).items():
        yield dg.MaterializeResult(
            asset_key=table,
            metadata={
                "dagster/row_count": totals[table],
                "dagster/table_name": table,
                "rows_changed": rows,
                **_runs(done, table),
                "preview": dg.MetadataValue.md(preview or "no repository"),
            },
        )


def _changed(done: Synced) -> dict[str, int]:
    """Table -> rows that are new or changed."""
    reports = done.repositories
    changes = [report.ref_changes for report in reports]
    return {
        "git_commits": sum(report.commits for report in reports),
        "git_changes": sum(report.changes or 0 for report in reports),
        "git_refs": sum(len(refs.new) + len(refs.stale) for refs in changes),
        "session_commits": done.sessions.changed if done.sessions else 0,
    }


def _runs(done: Synced, table: str) -> dict[str, str]:
    """The runs of the run store: each repository has its own, and the links of sessions."""
    if table == tables.SESSION_COMMITS.name:
        ids = [done.sessions_run_id]
    else:
        ids = [report.run_id for report in done.repositories]
    known = [run_id for run_id in ids if run_id is not None]
    return {"run_store_id": ", ".join(known)} if known else {}


ASSETS = [sync_git_history]
