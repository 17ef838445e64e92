"""`helicarrier retention`: raw events and aggregates whose term is over."""

from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.render import show
from helicarrier.usage.tabular import Column, Kind, Table


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go; drop nothing.")
@json_option
@data_dir_option
def retention(*, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Drop raw events after 90 days and aggregates after 365; sessions and calls stay.

    HELICARRIER_RETENTION_EVENTS_DAYS and HELICARRIER_RETENTION_AGGREGATES_DAYS set the terms.
    Reports of older days are computed from the calls themselves.

    \b
    EXAMPLES
      helicarrier retention --dry-run
      helicarrier retention --json
    """
    from helicarrier.usage.retention_report import drop_old_rows

    report = drop_old_rows(settings_of(data_dir), dry_run=dry_run)
    if as_json:
        print_json(report.as_json())
        return
    show(
        Table(
            title="Would be dropped" if dry_run else "Dropped",
            columns=(
                Column(title="table", kind=Kind.TEXT),
                Column(title="rows", kind=Kind.COUNT),
            ),
            rows=tuple(report.done.rows.items()),
            notes=tuple(
                f"{subject.value}: kept from {day} on."
                for subject, day in report.done.kept_from.items()
            ),
        )
    )
