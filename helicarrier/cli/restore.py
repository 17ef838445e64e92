"""`helicarrier restore`: a backup back in place."""

from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, settings_of


@click.command()
@click.argument("backup", required=False, type=click.Path(path_type=Path, dir_okay=False))
@data_dir_option
def restore(backup: Path | None, *, data_dir: Path | None) -> None:
    """Put BACKUP back in place of the SQLite store; without it, list the backups there are.

    The backup is verified before and after. An older one has to be migrated up again.

    \b
    EXAMPLES
      helicarrier restore
    """
    settings = settings_of(data_dir)
    if backup is None:
        found = sorted(settings.backups_dir.glob("*.sqlite"))
        for path in found:
            click.echo(path)
        if not found:
            click.echo(f"there are no backups in {settings.backups_dir}", err=True)
        return
    from helicarrier.store.backup import restore as put_back

    revision = put_back(settings.url, backup)
    click.echo(f"restored {backup} at revision {revision}")
