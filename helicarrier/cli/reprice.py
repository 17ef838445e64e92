"""`helicarrier reprice`: the calls of chosen days under the price list of this installation."""

from datetime import date
from pathlib import Path

import click

from helicarrier.cli.common import (
    data_dir_option,
    json_option,
    print_json,
    range_options,
    settings_of,
)
from helicarrier.cli.render import show


@click.command()
@range_options
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@json_option
@data_dir_option
def reprice(
    *, first: date | None, last: date | None, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Price calls again after a price update; without a range all days that hold calls.

    Every price that a call has had stays in its history. What a provider reported is never
    re-priced. Days whose costs move are dirty: refresh them.

    \b
    EXAMPLES
      helicarrier reprice --dry-run
      helicarrier reprice --from 2026-01-01 --to 2026-01-31 --json
    """
    from helicarrier.usage.repricing_report import reprice_calls

    done = reprice_calls(settings_of(data_dir), first, last, dry_run=dry_run)
    if as_json:
        print_json(done.as_json())
        return
    if not done.changes:
        click.echo(f"no cost changes under {done.pricing_version}", err=True)
        return
    show(done.table())
    if not dry_run:
        click.echo("the days are dirty: `helicarrier refresh` brings them up to date", err=True)
