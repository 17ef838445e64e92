"""`helicarrier import`: session files into the ledger."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.ingest.report import ImportReport, Progress


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Report what would be written; write nothing.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; default: by the size.")
@json_option
@data_dir_option
def import_(
    paths: tuple[Path, ...],
    *,
    dry_run: bool,
    workers: int | None,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Import session files: Claude Code, Codex, native envelopes, the legacy V3 store.

    PATHS are files or folders. Importing a file again writes only what is new. Ends with 4 when a
    file was refused as a whole.

    \b
    EXAMPLES
      helicarrier import ~/.claude/projects ~/.codex/sessions
      helicarrier import examples/sessions --dry-run --json
    """
    from helicarrier.ingest.service import import_sessions

    settings = settings_of(data_dir)
    with _display(quiet=as_json) as on_progress:
        report = import_sessions(
            settings, paths, dry_run=dry_run, workers=workers, on_progress=on_progress
        )
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
    if report.progress.errors:
        first = report.progress.errors[0]
        raise InputRejected(
            f"{len(report.progress.errors)} of the files were refused, the first: "
            f"{first.path}: {first.message}",
            code=ErrorCode(first.code),
            hint="`helicarrier import --json` names them all; nothing of them was kept.",
        )


class _display:  # noqa: N801 - used like a function
    """A progress line on a terminal, nothing elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = sys.stderr.isatty() and not quiet

    def __enter__(self) -> Callable[[Progress, int], None]:
        return self._show

    def __exit__(self, *exc: object) -> None:
        if self._on:
            click.echo("\r\x1b[2K", err=True, nl=False)

    def _show(self, progress: Progress, files: int) -> None:
        if self._on:
            megabytes = progress.bytes_read / 1_000_000
            click.echo(
                f"\r\x1b[2K{files} files, {megabytes:,.0f} MB, {progress.rows.calls_new:,} calls",
                err=True,
                nl=False,
            )


def _print(report: ImportReport) -> None:
    progress, records, rows = report.progress, report.progress.records, report.progress.rows
    rate = progress.bytes_read / 1_000_000 / report.seconds if report.seconds else 0.0
    click.echo(
        f"read {records.read:,} records of {progress.files_read:,} files "
        f"({progress.files_unchanged:,} unchanged) in {report.seconds:.2f} s, {rate:,.0f} MB/s"
    )
    click.echo(
        f"  written {records.written:,}, duplicate {records.duplicate:,}, skipped "
        f"{records.skipped:,}, quarantined {records.quarantined:,}, deferred {records.deferred:,}"
    )
    click.echo(
        f"  sessions {rows.sessions_new:,} new, {rows.sessions_changed:,} changed; "
        f"calls {rows.calls_new:,} new, {rows.calls_changed:,} changed; "
        f"events {rows.events_new:,} new, {rows.events_changed:,} changed"
    )
    if records.quarantined:
        click.echo("  `helicarrier quarantine list` shows what was refused and why", err=True)
