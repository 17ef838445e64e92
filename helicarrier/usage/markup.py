"""Figures, plots and tables as HTML: what the reports and the pages of the service share.

Every text is escaped here, whatever an agent or a model calls itself; headings carry the ids that
name their table or plot to a screen reader.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from helicarrier.usage.model import Json
from helicarrier.usage.tabular import Cell, Column, Kind, Table, exact
from helicarrier.usage.views import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot under a title; `spec` is Vega-Lite, None where there is nothing to draw."""

    title: str
    caption: str
    spec: Json | None


def figures(told: Sequence[Figure]) -> str:
    """Key figures as tiles; empty without any."""
    if not told:
        return ""
    tiles = "\n".join(
        f"<div><dt>{escape(figure.name)}</dt><dd>{escape(figure.value)}</dd></div>"
        for figure in told
    )
    return f'<dl class="figures">\n{tiles}\n</dl>'


def plot(number: int, drawn: Plot) -> str:
    """A section with a plot, its caption and its rows; `number` makes its ids the page's own."""
    # Within a script element only a tag could end the data, and no "<" is left to begin one.
    spec = json.dumps(drawn.spec, sort_keys=True).replace("<", "\\u003c")
    return (
        f'<section><h2 id="plot-{number}">{escape(drawn.title)}</h2>\n'
        f'<figure aria-labelledby="plot-{number}">'
        f'<div class="plot" data-plot="spec-{number}">'
        "<noscript>The plot needs JavaScript; the tables hold its numbers.</noscript></div>"
        f"<figcaption>{escape(drawn.caption)}</figcaption></figure>\n"
        f'<script type="application/json" id="spec-{number}">{spec}</script></section>'
    )


def table(number: int, shown: Table) -> str:
    """A section with a table; `number` makes its ids the page's own."""
    head = "".join(
        f'<th scope="col"{_class(column)}>{escape(column.title)}</th>' for column in shown.columns
    )
    rows = "\n".join(_row(shown.columns, row) for row in shown.rows)
    foot = f"<tfoot>{_row(shown.columns, shown.totals)}</tfoot>" if shown.totals else ""
    title = shown.title.partition(",")[0].capitalize()
    return (
        f'<section><h2 id="table-{number}">{escape(title)}</h2>\n'
        f'<div class="scroll" role="region" aria-labelledby="table-{number}" tabindex="0">'
        f'<table aria-labelledby="table-{number}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>{foot}</table></div></section>"
    )


def notes(told: Sequence[str]) -> str:
    """A section of sentences; empty without any."""
    if not told:
        return ""
    lines = "\n".join(f"<p>{escape(note)}</p>" for note in told)
    return f"<section><h2>Notes</h2>\n{lines}</section>"


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    texts = [
        (column, escape(exact(cell, column.kind)))
        for column, cell in zip(columns, cells, strict=True)
    ]
    (_, name), *rest = texts
    values = "".join(f"<td{_class(column)}>{text}</td>" for column, text in rest)
    return f'<tr><th scope="row">{name}</th>{values}</tr>'


def _class(column: Column) -> str:
    return "" if column.kind is Kind.TEXT else ' class="number"'
