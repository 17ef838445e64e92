"""Options and habits that the commands share."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import click

from helicarrier import settings
from helicarrier.settings import Settings

_F = TypeVar("_F", bound=Callable[..., object])


def data_dir_option(function: _F) -> _F:
    """`--data-dir`: the folder of everything the project writes."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Data folder; also HELICARRIER_DATA_DIR. [default: data]",
    )(function)


def json_option(function: _F) -> _F:
    """`--json`: one JSON object on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of this process; the option wins over the environment."""
    return settings.load(data_dir=data_dir)


class Day(click.ParamType[date]):
    """A UTC day as YYYY-MM-DD."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Text -> date; a usage error otherwise."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail("expected a day as YYYY-MM-DD", param, ctx)


def range_options(function: _F) -> _F:
    """`--from` and `--to`: a range of UTC days, both included."""
    first = click.option("--from", "first", type=Day(), help="First UTC day, included.")
    last = click.option("--to", "last", type=Day(), help="Last UTC day, included.")
    return first(last(function))


def print_json(value: object) -> None:
    """One JSON object, indented on a terminal."""
    import sys

    import msgspec

    body = msgspec.json.encode(value)
    if sys.stdout.isatty():
        body = msgspec.json.format(body, indent=2)
    click.echo(body.decode())
