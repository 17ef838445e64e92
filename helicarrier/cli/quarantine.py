"""`helicarrier quarantine`: the lines that could not be read, and why."""

import os
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import StorageUnavailable, UsageError


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


@quarantine.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Count the lines; write nothing.")
@data_dir_option
def export(file: Path, *, dry_run: bool, data_dir: Path | None) -> None:
    """Write refused lines with their bytes (base64) to FILE, one JSON object a line.

    The file is new and can be read by its owner alone: lines are as they were found. A line of more
    than 65,536 bytes is cut, and says so.

    \b
    EXAMPLES
      helicarrier quarantine export /dev/null --dry-run
    """
    from helicarrier.ingest import quarantine as stored
    from helicarrier.store.operational import OperationalStore
    from helicarrier.store.query import open_query

    url = settings_of(data_dir).url
    with open_query(url) as query:
        query.ready()
    with closing(OperationalStore(url)) as store, store.read() as connection:
        if dry_run:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no file of its own
                count = stored.export(connection, nowhere)
        else:
            with _private(file) as target:
                count = stored.export(connection, target)
    click.echo(f"{count} lines {'would be ' if dry_run else ''}written to {file}", err=True)


def _private(path: Path) -> BinaryIO:
    """A new file that only its owner can read."""
    try:
        return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
    except FileExistsError:
        raise UsageError(f"{path} exists", hint="Name a file that does not exist yet.") from None
    except OSError as error:
        raise StorageUnavailable(
            f"{path} cannot be written: {error.strerror}", hint="Check the folder and its rights."
        ) from error
