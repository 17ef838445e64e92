"""`helicarrier demo`: the whole way once, from session files to a report that was checked.

It does what `import`, `refresh` and `report usage --html` do, one after the other, and audits what
is stored when there was nothing to refresh. Run again, it finds everything in place.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

import helicarrier
from helicarrier.cli.common import data_dir_option, settings_of
from helicarrier.cli.refresh import (
    checks_table,
    has_dirty_days,
    raise_if_failed,
    say_out_of_range,
    shown_progress,
    written_table,
)
from helicarrier.cli.render import show
from helicarrier.cli.report import usage
from helicarrier.errors import ErrorCode, UsageError
from helicarrier.ingest.report import ImportReport
from helicarrier.settings import Settings
from helicarrier.usage.model import Dimension

if TYPE_CHECKING:
    from definitions import RefreshOutcome

SAMPLES = Path(helicarrier.__file__).resolve().parents[1] / "examples" / "sessions"


@click.command()
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Folder to import. [default: the sample sessions of the project]",
)
@data_dir_option
@click.pass_context
def demo(context: click.Context, *, source: Path | None, data_dir: Path | None) -> None:
    """Import sample sessions, refresh, and show usage, checks and where the reports are.

    Running it again imports nothing twice. Ends with 7 when a check finds a breach.

    \b
    EXAMPLES
      helicarrier demo
      helicarrier demo --source examples/sessions/codex
    """
    from helicarrier.ingest.service import import_sessions, report_path

    settings = settings_of(data_dir)
    report = import_sessions(settings, [_existing(source or SAMPLES)])
    _say_imported(report)
    outcome = _refreshed(settings)
    click.echo()
    page = settings.reports_dir / "usage.html"
    context.invoke(
        usage,
        first=None,
        last=None,
        by=Dimension.DAY.value,
        as_json=False,
        html=page,
        data_dir=data_dir,
    )
    click.echo()
    show(checks_table(outcome))
    click.echo()
    click.echo(f"HTML report    {page}")
    click.echo(f"import report  {report_path(settings, report.run_id)}")
    say_out_of_range(outcome)
    raise_if_failed(outcome)


def _existing(source: Path) -> Path:
    if source.exists():
        return source
    raise UsageError(
        f"there is no folder {source}",
        code=ErrorCode.NOT_FOUND,
        hint="Name a folder with session files: `helicarrier demo --source FOLDER`.",
    )


def _say_imported(report: ImportReport) -> None:
    rows, progress = report.progress.rows, report.progress
    if rows.total:
        click.echo(
            f"imported {rows.sessions_new:,} sessions, {rows.calls_new:,} calls and "
            f"{rows.events_new:,} events from {progress.files_read:,} files; "
            f"{rows.sessions_changed + rows.calls_changed:,} rows changed, "
            f"{progress.records.quarantined:,} records quarantined"
        )
    else:
        files = progress.files_read + progress.files_unchanged
        click.echo(f"nothing changed in {files:,} files since the last import")


def _refreshed(settings: Settings) -> "RefreshOutcome":
    if not has_dirty_days(settings):
        click.echo("no day is dirty; auditing everything that is stored")
        from definitions import audit

        return audit(settings)
    from definitions import refresh as materialize

    with shown_progress(quiet=False) as on_progress:
        outcome = materialize(settings, None, on_progress)
    click.echo()
    show(written_table(outcome))
    return outcome
