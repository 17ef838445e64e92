"""`helicarrier migrate`: the schema of the operational store."""

from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import NotReady


@click.group()
def migrate() -> None:
    """Show or bring up the schema of the store."""


@migrate.command()
@json_option
@data_dir_option
def status(*, as_json: bool, data_dir: Path | None) -> None:
    """Say whether the store is at the schema of this version; ends with 3 when it is not.

    \b
    EXAMPLES
      helicarrier migrate status
      helicarrier migrate status --json
    """
    from helicarrier.store.migrate import readiness

    found = readiness(settings_of(data_dir).url)
    if as_json:
        print_json(
            {
                "ready": found.ready,
                "code": found.code,
                "current": found.current,
                "head": found.head,
            }
        )
    else:
        current = found.current or "no schema"
        click.echo(f"{'ready' if found.ready else found.code}: {current}, head {found.head}")
    if not found.ready:
        raise NotReady(found.message or "the store is not ready", code=found.code, hint=found.hint)


@migrate.command()
@click.option("--dry-run", is_flag=True, help="Say what would run; change nothing.")
@click.option("--fake", is_flag=True, help="Only record the version of a hand-made migration.")
@data_dir_option
def up(*, dry_run: bool, fake: bool, data_dir: Path | None) -> None:
    """Bring the store to the schema of this version; takes a backup first.

    \b
    EXAMPLES
      helicarrier migrate up --dry-run
      helicarrier migrate up
    """
    from helicarrier.store import migrate as migrations

    settings = settings_of(data_dir)
    if dry_run:
        pending = migrations.plan(settings.url)
        for revision in pending:
            click.echo(f"would run {revision.revision}: {revision.summary}")
        if not pending:
            click.echo("nothing to do")
        return
    if fake:
        migrations.fake(settings.url)
        click.echo("recorded the newest version; nothing was run")
        return
    result = migrations.upgrade(settings.url, settings.backups_dir)
    if result.backup is not None:
        click.echo(f"backup {result.backup}")
    if result.message:
        click.echo(result.message, err=True)
    applied = ", ".join(result.applied) or "nothing to do"
    click.echo(f"{applied}; the store is at {result.current}")


@migrate.command()
@click.option("--since", help="Revision to start from; default: an empty database.")
def sql(*, since: str | None) -> None:
    """Print a Postgres script for `psql -f`.

    \b
    EXAMPLES
      helicarrier migrate sql
    """
    from helicarrier.store.migrate import offline_sql

    click.echo(offline_sql(since))
