"""`helicarrier migrate`: the schema of the operational store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import NotReady

if TYPE_CHECKING:
    from helicarrier.store.versions import Environment

_F = TypeVar("_F", bound=Callable[..., object])


def _environment_option(function: _F) -> _F:
    return click.option(
        "--environment",
        "environment_name",
        type=click.Choice(["core", "p3"]),
        default="core",
        show_default=True,
        help="Which tables: the core, or those of the advisory area.",
    )(function)


@click.group()
def migrate() -> None:
    """Show or bring up the schema of the store."""


@migrate.command()
@_environment_option
@json_option
@data_dir_option
def status(*, environment_name: str, as_json: bool, data_dir: Path | None) -> None:
    """Say whether the store is at the schema of this version; ends with 3 when it is not.

    \b
    EXAMPLES
      helicarrier migrate status
      helicarrier migrate status --json
    """
    from helicarrier.store.migrate import readiness

    found = readiness(settings_of(data_dir).url, environment=_environment(environment_name))
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
@_environment_option
@data_dir_option
def up(*, dry_run: bool, fake: bool, environment_name: str, data_dir: Path | None) -> None:
    """Bring the store to the schema of this version; takes a backup first.

    \b
    EXAMPLES
      helicarrier migrate up --dry-run
      helicarrier migrate up
      helicarrier migrate up --environment p3 --dry-run
    """
    from helicarrier.store import migrate as migrations

    settings, environment = settings_of(data_dir), _environment(environment_name)
    if dry_run:
        pending = migrations.plan(settings.url, environment=environment)
        for revision in pending:
            click.echo(f"would run {revision.revision}: {revision.summary}")
        if not pending:
            click.echo("nothing to do")
        return
    if fake:
        migrations.fake(settings.url, environment=environment)
        click.echo("recorded the newest version; nothing was run")
        return
    result = migrations.upgrade(settings.url, settings.backups_dir, environment=environment)
    if result.backup is not None:
        click.echo(f"backup {result.backup}")
    if result.message:
        click.echo(result.message, err=True)
    applied = ", ".join(result.applied) or "nothing to do"
    click.echo(f"{applied}; the store is at {result.current}")


@migrate.command()
@click.option("--since", help="Revision to start from; default: an empty database.")
@_environment_option
def sql(*, since: str | None, environment_name: str) -> None:
    """Print a Postgres script for `psql -f`.

    \b
    EXAMPLES
      helicarrier migrate sql
    """
    from helicarrier.store.migrate import offline_sql

    click.echo(offline_sql(since, environment=_environment(environment_name)))


def _environment(name: str) -> "Environment":
    from helicarrier.store.versions import CORE, P3

    return {each.name: each for each in (CORE, P3)}[name]
