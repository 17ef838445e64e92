"""Lineage assets: what people write, say and remark, beside what agents did.

One import of content writes documents, messages and annotations under one run, so they are the
outputs of one step that always runs as a whole. What belongs here: content. What does not: runs
and their events, which are written by every asset.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.declarations import OWNERS, TRANSIENT, WAREHOUSE_POOL, table_spec
from assets.runs import as_dagster_failures
from helicarrier.lineage.content import tables
from helicarrier.lineage.content.importing import import_content
from helicarrier.lineage.content.report import ContentReport
from resources import SettingsResource, WarehouseResource

GROUP = "lineage"
_KINDS = {"duckdb", "table"}

SPECS = [
    table_spec(
        tables.DOCUMENTS,
        description=(
            "Posts, profiles, journals, media and notes. A change is a new version; the view "
            "`current_documents` has the newest of each."
        ),
        group=GROUP,
        kinds=_KINDS,
    ),
    table_spec(
        tables.MESSAGES,
        description="What was said, where and by whom, as its source has it.",
        group=GROUP,
        kinds=_KINDS,
    ),
    table_spec(
        tables.ANNOTATIONS,
        description="Each is about one version of a document, which a foreign key keeps.",
        group=GROUP,
        kinds=_KINDS,
        deps=[tables.DOCUMENTS.name],
    ),
]


class ContentConfig(dg.Config):
    """What to import."""

    paths: list[str] = Field(
        default=[], description="Files and folders; none: those of HELICARRIER_CONTENT_PATHS."
    )


@dg.multi_asset(
    name="import_content_files",
    specs=SPECS,
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
    op_tags={"area": GROUP},
)
def import_content_files(
    context: dg.AssetExecutionContext,
    config: ContentConfig,
    settings: SettingsResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult]:
    """One row per version, message or remark that was not there, in the tables of content."""
    current = settings.load()
    paths = [Path(path) for path in config.paths] or list(current.content_folders)
    if not paths:
        context.log.warning(
            "There is nothing to import: set HELICARRIER_CONTENT_PATHS or the config's paths."
        )
    with as_dagster_failures():
        report = import_content(current, paths, dagster_run_id=context.run.run_id)
        totals = warehouse.row_counts(spec.key.to_user_string() for spec in SPECS)
    for one in report.refused:
        context.log.warning("refused: %s:%s: %s", one.uri, one.line, one.message)
    for name, rows in report.counts.rows.items():
        yield dg.MaterializeResult(
            asset_key=name,
            metadata={
                "dagster/row_count": totals[name],
                "dagster/table_name": name,
                "rows_new": rows,
                "run_store_id": report.run_id,
                "outcome": report.outcome,
                "preview": dg.MetadataValue.md(_preview(report)),
            },
        )


def _preview(report: ContentReport) -> str:
    counted = report.counts.as_json().items()
    rows = "\n".join(f"| {name} | {n:,} |" for name, n in counted)
    refused = "\n".join(f"- `{one.uri}:{one.line}` {one.message}" for one in report.refused)
    return f"| records | |\n|---|--:|\n{rows}\n\n{refused}".rstrip()


RUN_STORE = dg.AssetSpec(
    "run_store",
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb"},
    tags={"area": GROUP},
    description=(
        "One row per run of an asset, an import or a service, with a chain of events that shows "
        "any edit. Every asset writes it; nothing materializes it."
    ),
)

ASSETS = [import_content_files, RUN_STORE]
