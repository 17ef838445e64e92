"""`helicarrier quarantine`: the lines that could not be read, and why."""

from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of


@click.group()
def quarantine() -> None:
    """Show lines that were refused."""


@quarantine.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
@data_dir_option
def list_(*, limit: int, as_json: bool, data_dir: Path | None) -> None:
    """List refused lines, newest first; the raw bytes stay in the database.

    \b
    EXAMPLES
      helicarrier quarantine list
      helicarrier quarantine list --json --limit 5
    """
    from helicarrier.ingest.quarantine import entries
    from helicarrier.store.operational import OperationalStore
    from helicarrier.store.query import open_query

    url = settings_of(data_dir).url
    with open_query(url) as query:
        query.ready()
    store = OperationalStore(url)
    try:
        with store.read() as connection:
            found = entries(connection, limit=limit)
    finally:
        store.close()
    if as_json:
        print_json({"entries": found})
        return
    for entry in found:
        click.echo(
            f"{entry['sourceUri']}:{entry['sourceLine']}  {entry['errorCode']}  "
            f"{entry['errorMessage']} ({entry['attempts']}x, {entry['bytes']} bytes)"
        )
    if not found:
        click.echo("nothing is in quarantine", err=True)
