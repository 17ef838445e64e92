"""`helicarrier restore`: a backup back in place."""

from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of


@click.command()
@click.argument("backup", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--dry-run", is_flag=True, help="Verify BACKUP and say what it holds; change nothing."
)
@json_option
@data_dir_option
def restore(backup: Path | None, *, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Put BACKUP back in place of the SQLite store; without it, list the backups there are.

    The backup is verified before and after. An older one has to be migrated up again.

    \b
    EXAMPLES
      helicarrier restore
      helicarrier restore --json
    """
    settings = settings_of(data_dir)
    if backup is None:
        found = sorted(settings.backups_dir.glob("*.sqlite"))
        if as_json:
            print_json({"backups": [{"path": str(p), "bytes": p.stat().st_size} for p in found]})
            return
        for path in found:
            click.echo(path)
        if not found:
            click.echo(f"there are no backups in {settings.backups_dir}", err=True)
        return
    from helicarrier.store.backup import restore as put_back
    from helicarrier.store.backup import verify

    revision = verify(settings.url, backup) if dry_run else put_back(settings.url, backup)
    if as_json:
        print_json({"backup": str(backup), "revision": revision, "dryRun": dry_run})
    else:
        click.echo(f"{'would restore' if dry_run else 'restored'} {backup} at revision {revision}")
