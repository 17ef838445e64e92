"""Ledger assets: session files to sessions, events and calls.

One import writes all of them in the same transactions, so they are the outputs of one step that
always runs as a whole. What belongs here: the import. What does not: anything computed from the
ledger, and the corrections of a person.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.declarations import TRANSIENT, WAREHOUSE_POOL, table_spec
from assets.runs import as_dagster_failures, explain_command
from helicarrier.ingest.report import ImportReport
from helicarrier.ingest.service import ASSET_KEY, import_sessions, report_path
from helicarrier.ledger import tables
from resources import OperationalResource, SettingsResource

GROUP = "ledger"
_KINDS = {"python", "table"}

SPECS = [
    table_spec(
        tables.IMPORT_REPORTS,
        name=ASSET_KEY,
        description=(
            "Session files are found, sniffed and read where the last import stopped. Each source "
            "record is accounted for: written, duplicate, skipped, quarantined or deferred."
        ),
        group=GROUP,
        kinds=_KINDS,
    ),
    table_spec(
        tables.SESSION_LEDGER,
        description="What agents did: who, what for, how long and how it ended.",
        group=GROUP,
        kinds=_KINDS,
        deps=[ASSET_KEY],
    ),
    table_spec(
        tables.SESSION_EVENTS,
        description="What happened in the sessions, by name and size, without contents.",
        group=GROUP,
        kinds=_KINDS,
        deps=[ASSET_KEY, tables.SESSION_LEDGER.name],
    ),
    table_spec(
        tables.SESSION_USAGE,
        description=(
            "Tokens, runtime and cost of every call, each with its source and confidence. A call "
            "is counted once, in however many files and copies of sessions it is found."
        ),
        group=GROUP,
        kinds=_KINDS,
        deps=[ASSET_KEY, tables.SESSION_LEDGER.name],
    ),
]


_TABLES = {
    ASSET_KEY: tables.import_reports,
    "session_ledger": tables.session_ledger,
    "session_events": tables.session_events,
    "session_usage": tables.session_usage,
}


class ImportConfig(dg.Config):
    """What to import."""

    paths: list[str] = Field(
        default=[], description="Files and folders; none: those of HELICARRIER_IMPORT_PATHS."
    )
    workers: int = Field(
        default=1, ge=1, description="Processes that read. One is enough within a run of Dagster."
    )


@dg.multi_asset(
    name="import_session_files",
    specs=SPECS,
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
    op_tags={"area": GROUP},
)
def import_session_files(
    context: dg.AssetExecutionContext,
    config: ImportConfig,
    settings: SettingsResource,
    operational: OperationalResource,
) -> Iterator[dg.MaterializeResult]:
    """One row per source record that carries something new, in the tables of the ledger."""
    current = settings.load()
    paths = [Path(path) for path in config.paths] or list(current.import_folders)
    if not paths:
        context.log.warning(
            "There is nothing to import: set HELICARRIER_IMPORT_PATHS or the config's paths."
        )
    with as_dagster_failures():
        report = import_sessions(
            current, paths, workers=config.workers, dagster_run_id=context.run.run_id
        )
        totals = operational.row_counts(_TABLES.values())
    for error in report.progress.errors:
        context.log.warning("refused as a whole: %s: %s", error.path, error.message)
    details = _of_report(report, report_path(current, report.run_id))
    for key, (new, changed) in _changes(report).items():
        table = _TABLES[key]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": totals[table.name],
                "dagster/table_name": table.name,
                "rows_new": new,
                "rows_changed": changed,
                "run_store_id": report.run_id,
                "explain": explain_command(report.run_id),
                **(details if key == ASSET_KEY else {}),
            },
        )


def _changes(report: ImportReport) -> dict[str, tuple[int, int]]:
    """Asset -> rows that are new and rows that changed."""
    rows = report.progress.rows
    return {
        ASSET_KEY: (1, 0),
        "session_ledger": (rows.sessions_new, rows.sessions_changed),
        "session_events": (rows.events_new, rows.events_changed),
        "session_usage": (rows.calls_new, rows.calls_changed),
    }


def _of_report(report: ImportReport, path: Path) -> dict[str, object]:
    records, progress = report.progress.records, report.progress
    rows = "\n".join(f"| {name} | {getattr(records, name):,} |" for name in records.__slots__)
    preview = (
        f"| records | |\n|---|--:|\n{rows}\n\n"
        f"{progress.files_read:,} files read, {progress.files_unchanged:,} unchanged, "
        f"{progress.files_ignored:,} of no known format, {len(progress.errors):,} refused; "
        f"{progress.bytes_read / 1_000_000:,.1f} MB in {report.seconds:.2f} s."
    )
    return {
        "outcome": report.outcome.value,
        "report": dg.MetadataValue.path(str(path.absolute())),
        "preview": dg.MetadataValue.md(preview),
    }


ASSETS = [import_session_files]
