"""Tables on the screen: rich on a terminal, plain columns everywhere else.

What goes into a pipe or a file depends on the data alone, never on a window. A terminal shows the
same cells; where it is narrow the columns move together and the bars give way first.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from helicarrier.usage.tabular import Kind, Table, bar, compact

_BAR_WIDTH = 16
_SMALLEST_BAR = 6
_SMALLEST_NAME = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """A table as text, cell by cell. `totals` is empty where there are none."""

    headings: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    totals: list[str]


def show(table: Table) -> None:
    """Print a table and its notes to stdout."""
    if sys.stdout.isatty():
        _show_rich(table)
    else:
        click.echo("\n".join(plain(table)))


def plain(table: Table) -> list[str]:
    """The lines of a table: title, headings, rows, totals, notes."""
    grid = _with_bars(_grid(table), table, _BAR_WIDTH)
    totals = [grid.totals] if grid.totals else []
    body = [grid.headings, *grid.rows, *totals]
    widths = [max(map(len, column)) for column in zip(*body, strict=True)]
    lines = [_line(row, widths, grid.numeric) for row in body]
    rule = "-" * max(map(len, lines))
    lines.insert(1, rule)
    if totals:
        lines.insert(-1, rule)
    notes = [""] * bool(table.notes) + list(table.notes)
    return [table.title, "", *lines, *notes]


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _show_rich(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = _grid(table)
    stacked = [heading.replace(" ", "\n") for heading in grid.headings]
    widths, columns = _widths(stacked, grid), len(stacked)
    console = Console(highlight=False)
    gap, bar_width = _fit(sum(widths), columns, console.width)
    if bar_width and table.bars:
        grid = _with_bars(grid, table, bar_width)
        stacked.append(grid.headings[-1])
        widths.append(bar_width)
    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        show_footer=bool(grid.totals),
        padding=(0, gap - 1, 0, 0),  # the box itself keeps one column between two cells
    )
    least = [
        width if right else min(width, _SMALLEST_NAME)
        for width, right in zip(widths, grid.numeric, strict=True)
    ]
    for n, heading in enumerate(stacked):
        is_bar = n == columns
        drawn.add_column(
            Text(heading, style="bold"),
            footer=Text(grid.totals[n], style="bold") if grid.totals else "",
            justify="right" if grid.numeric[n] else "left",
            style="cyan" if is_bar else "",
            # Half a number would be a wrong one: where there is no room, names are folded.
            min_width=least[n],
            no_wrap=grid.numeric[n] or is_bar,
            overflow="fold",
        )
    for row in grid.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console.width = max(console.width, sum(least) + gap * len(least))
    console.print(Text(table.title, style="bold"), "", drawn, sep="\n")
    for note in table.notes:
        console.print(Text(note, style="dim"))


def _widths(headings: Sequence[str], grid: _Grid) -> list[int]:
    body = [*grid.rows, *([grid.totals] if grid.totals else [])]
    return [
        max(*map(len, heading.split("\n")), *(len(row[n]) for row in body))
        for n, heading in enumerate(headings)
    ]


def _fit(taken: int, columns: int, width: int) -> tuple[int, int]:
    """Room between columns and for the bars: as it should be, else what there is."""
    if taken + 2 * columns + _BAR_WIDTH <= width:
        return 2, _BAR_WIDTH
    left = width - taken - columns
    return 1, min(left, _BAR_WIDTH) if left >= _SMALLEST_BAR else 0


def _grid(table: Table) -> _Grid:
    shown = [n for n, column in enumerate(table.columns) if not column.detail]
    kinds = [column.kind for column in table.columns]
    totals = table.totals
    return _Grid(
        headings=[table.columns[n].title for n in shown],
        numeric=[kinds[n] is not Kind.TEXT for n in shown],
        rows=[[compact(row[n], kinds[n]) for n in shown] for row in table.rows],
        totals=[] if totals is None else [compact(totals[n], kinds[n]) for n in shown],
    )


def _with_bars(grid: _Grid, table: Table, width: int) -> _Grid:
    if not table.bars:
        return grid
    # Beside the column that the bars draw, a second heading would only repeat its name.
    heading = "" if grid.headings[-1] == table.bar_title else table.bar_title
    return _Grid(
        headings=[*grid.headings, heading],
        numeric=[*grid.numeric, False],
        rows=[[*row, bar(share, width)] for row, share in zip(grid.rows, table.bars, strict=True)],
        totals=[*grid.totals, ""] if grid.totals else [],
    )
