"""`helicarrier demo`: the whole way once, from session files to a report that was checked.

It does what `import`, `refresh` and `report usage --html` do, one after the other, and audits what
is stored when there was nothing to refresh. Run again, it finds everything in place.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

import helicarrier
from helicarrier.cli.common import data_dir_option, settings_of
from helicarrier.cli.import_ import import_
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
from helicarrier.settings import Settings
from helicarrier.usage.model import Dimension

if TYPE_CHECKING:
    from definitions import RefreshOutcome


class _Rows(msgspec.Struct):
    new: int
    changed: int


class _Report(msgspec.Struct):
    """What is said of an import report."""

    rows: dict[str, _Rows]
    files: dict[str, int]
    quarantined: int


SAMPLES = Path(helicarrier.__file__).resolve().parents[1] / "examples" / "sessions"


@click.command()
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Folder to import. [default: the sample sessions of the project]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be imported; write nothing.")
@data_dir_option
@click.pass_context
def demo(
    context: click.Context, *, source: Path | None, dry_run: bool, data_dir: Path | None
) -> None:
    """Import sample sessions, refresh, and show usage, checks and where the reports are.

    Running it again imports nothing twice. Ends with 7 when a check finds a breach.

    \b
    EXAMPLES
      helicarrier demo
      helicarrier demo --source examples/sessions/codex
    """
    folder = _existing(source or SAMPLES)
    if dry_run:
        context.invoke(
            import_, paths=(folder,), dry_run=True, workers=1, as_json=False, data_dir=data_dir
        )
        return
    from definitions import import_files

    settings = settings_of(data_dir)
    report = import_files(settings, [folder])
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
    click.echo(f"import report  {report}")
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


def _say_imported(path: Path) -> None:
    report = msgspec.json.decode(path.read_bytes(), type=_Report)
    rows, files = report.rows, report.files
    if any(counts.new or counts.changed for counts in rows.values()):
        click.echo(
            f"imported {rows['sessions'].new:,} sessions, {rows['calls'].new:,} calls and "
            f"{rows['events'].new:,} events from {files['read']:,} files; "
            f"{rows['sessions'].changed + rows['calls'].changed:,} rows changed, "
            f"{report.quarantined:,} records quarantined"
        )
    else:
        known = files["read"] + files["unchanged"]
        click.echo(f"nothing changed in {known:,} files since the last import")


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
