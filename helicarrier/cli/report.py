"""`helicarrier report`: usage, performance and cost of agents, from the operational store alone.

The commands only read, through the light read path, so that a report is on the screen before one
has looked up; the plotting library is loaded for `--html` alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import click

from helicarrier import times
from helicarrier.cli.common import (
    data_dir_option,
    json_option,
    print_json,
    range_options,
    settings_of,
)
from helicarrier.cli.render import show
from helicarrier.errors import StorageUnavailable
from helicarrier.store.query import Query, open_query
from helicarrier.usage import views
from helicarrier.usage.cost_report import cost_report
from helicarrier.usage.model import Dimension
from helicarrier.usage.performance_report import WINDOWS, performance_report
from helicarrier.usage.report import usage_report
from helicarrier.usage.repository import SqlPerformanceRepository, SqlUsageRepository
from helicarrier.usage.span import Span

_F = TypeVar("_F", bound=Callable[..., object])


def _by_option(default: Dimension) -> Callable[[_F], _F]:
    return click.option(
        "--by",
        type=click.Choice([dimension.value for dimension in Dimension]),
        default=default.value,
        show_default=True,
        help="What a row of the table stands for.",
    )


_html_option = click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page with plots that needs no network.",
)


@click.group()
def report() -> None:
    """Report usage, performance or cost.

    Days are UTC days. Answers are exact at any time: days that changed since the last refresh are
    read from the ledger itself.
    """


@report.command()
@range_options
@_by_option(Dimension.DAY)
@json_option
@_html_option
@data_dir_option
def usage(
    *,
    first: date | None,
    last: date | None,
    by: str,
    as_json: bool,
    html: Path | None,
    data_dir: Path | None,
) -> None:
    """Calls, tokens and cost; the JSON holds all cuts, whatever `--by` says.

    In the JSON's `provenance`, `sessions` counts a session once for each day and combination of
    provenance that it has calls of: it is an upper bound. Everywhere else sessions add up.

    \b
    EXAMPLES
      helicarrier report usage
      helicarrier report usage --by model --html usage.html
      helicarrier report usage --from 2026-01-01 --to 2026-12-31 --json
    """
    with _snapshot(data_dir) as query:
        repository = SqlUsageRepository(query)
        found = usage_report(repository, first=first, last=last)
        span = _span(found.first, found.last)
        points = repository.daily_models(span) if html and span else []
    if html:
        from helicarrier.usage.page import usage_page

        _write(html, usage_page(found, points, generated_at=times.now()))
    if as_json:
        print_json(found.as_json())
    elif not found.empty:
        show(views.usage_table(found, Dimension(by)))
    if found.empty:
        _say_empty("calls or sessions", found.first, found.last)


@report.command()
@range_options
@_by_option(Dimension.MODEL)
@click.option(
    "--window",
    type=click.Choice([str(days) for days in WINDOWS]),
    default=str(WINDOWS[-1]),
    show_default=True,
    help="Days that end with --to; not with --from.",
)
@json_option
@_html_option
@data_dir_option
def performance(
    *,
    first: date | None,
    last: date | None,
    by: str,
    window: str,
    as_json: bool,
    html: Path | None,
    data_dir: Path | None,
) -> None:
    """Success, runtime and cost of sessions, by primary model; without --to up to the last one.

    \b
    EXAMPLES
      helicarrier report performance
      helicarrier report performance --window 7 --by agent
      helicarrier report performance --from 2026-01-01 --to 2026-12-31 --json
    """
    with _snapshot(data_dir) as query:
        found = performance_report(
            SqlPerformanceRepository(query),
            by=Dimension(by),
            window=int(window),
            first=first,
            last=last,
        )
    if html:
        from helicarrier.usage.page import performance_page

        _write(html, performance_page(found, generated_at=times.now()))
    if as_json:
        print_json(found.as_json())
    elif not found.empty:
        show(views.performance_table(found))
    if found.empty:
        _say_empty("sessions", found.first, found.last)


@report.command()
@range_options
@_by_option(Dimension.DAY)
@json_option
@_html_option
@data_dir_option
def cost(
    *,
    first: date | None,
    last: date | None,
    by: str,
    as_json: bool,
    html: Path | None,
    data_dir: Path | None,
) -> None:
    """Dollars by who says so, how far it can be trusted and which price list is behind it.

    `--by agent` reads every call of the range, which takes longer on a large ledger.

    \b
    EXAMPLES
      helicarrier report cost
      helicarrier report cost --by model --json
    """
    with _snapshot(data_dir) as query:
        found = cost_report(SqlUsageRepository(query), by=Dimension(by), first=first, last=last)
    if html:
        from helicarrier.usage.page import cost_page

        _write(html, cost_page(found, generated_at=times.now()))
    if as_json:
        print_json(found.as_json())
    elif not found.empty:
        show(views.cost_table(found))
    if found.empty:
        _say_empty("calls", found.first, found.last)


@contextmanager
def _snapshot(data_dir: Path | None) -> Iterator[Query]:
    with open_query(settings_of(data_dir).url) as query:
        query.ready()
        yield query


def _span(first: date | None, last: date | None) -> Span | None:
    return None if first is None or last is None else Span(first=first, last=last)


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StorageUnavailable(
            f"{path} cannot be written: {error.strerror}", hint="Name a file in an existing folder."
        ) from error
    click.echo(f"wrote {path}", err=True)


def _say_empty(what: str, first: date | None, last: date | None) -> None:
    days = f" from {first or 'the beginning'} to {last or 'the end'}" if first or last else ""
    click.echo(f"the ledger holds no {what}{days}", err=True)
