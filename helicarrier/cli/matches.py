"""`helicarrier matches`: match results into the store."""

from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of


@click.group()
def matches() -> None:
    """Import match results, from which advice is derived."""


@matches.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Report what would be written; write nothing.")
@json_option
@data_dir_option
def import_(
    paths: tuple[Path, ...], *, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Import match results from JSON Lines.

    PATHS are files or folders. A file with a mistake is refused as a whole, and then nothing of any
    file is written (4). A result that is stored with other content is a conflict (5).

    \b
    EXAMPLES
      helicarrier matches import examples/matches --dry-run --json
      helicarrier matches import examples/matches
    """
    from helicarrier.matches.importing import import_matches

    report = import_matches(settings_of(data_dir), paths, dry_run=dry_run)
    if as_json:
        print_json(report.as_json())
        return
    click.echo(
        f"{'would have ' if dry_run else ''}read {report.read:,} match results of "
        f"{report.files:,} files: {report.written:,} written, {report.duplicate:,} duplicate"
    )
