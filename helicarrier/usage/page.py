"""Reports as one self-contained HTML page: plots, tables, a style sheet, no network.

The tables are plain HTML and hold every number, so the page serves without JavaScript and to a
screen reader; the plots are drawn by a script inside the page. Its policy forbids it to fetch
anything or to run anything but that one script, named by its hash. Every text that comes from
a report is escaped, whatever an agent or a model calls itself.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from pathlib import Path
from string import Template

from helicarrier import __version__
from helicarrier.usage import charts, views
from helicarrier.usage.cost_report import CostReport
from helicarrier.usage.model import DailyModel, Dimension, Json
from helicarrier.usage.performance_report import PerformanceReport
from helicarrier.usage.report import UsageReport
from helicarrier.usage.tabular import Cell, Column, Kind, Table, exact
from helicarrier.usage.views import Figure

_FILES = Path(__file__).with_name("html")
_CUTS = (Dimension.MODEL, Dimension.DAY, Dimension.AGENT)
_FROM_MEDIAN = f"From the median (dot) to the 95th percentile; the first {charts.MOST_ROWS} rows."
_RUNTIME_CAPTIONS = {
    Dimension.DAY: "The median of the models with the most sessions.",
    Dimension.MODEL: _FROM_MEDIAN,
    Dimension.AGENT: _FROM_MEDIAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    title: str
    caption: str
    spec: Json | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    heading: str
    first: date | None
    last: date | None
    generated_at: datetime
    figures: Sequence[Figure]
    plots: Sequence[_Plot]
    tables: Sequence[Table]


def usage_page(report: UsageReport, points: Sequence[DailyModel], *, generated_at: datetime) -> str:
    """The usage report: daily cost and tokens by model as plots, then every cut as a table.

    Args:
        report: the numbers.
        points: usage of the same days by day and model.
        generated_at: when the page is made.
    """
    left_out = views.left_out(report.totals)
    plots = [
        _Plot(
            title="Cost per day",
            caption=f"Known cost by model; a click in the legend singles one out. {left_out}",
            spec=charts.daily_plot(points, charts.COST),
        ),
        _Plot(
            title="Tokens per day",
            caption="All tokens by model, cache reads and writes included.",
            spec=charts.daily_plot(points, charts.TOKENS),
        ),
    ]
    tables = [views.usage_table(report, by) for by in _CUTS]
    return _render(
        _Page(
            heading="Usage",
            first=report.first,
            last=report.last,
            generated_at=generated_at,
            figures=views.usage_figures(report),
            plots=plots,
            tables=[*tables, views.provenance_table(report)],
        )
    )


def cost_page(report: CostReport, *, generated_at: datetime) -> str:
    """The cost report: cost by confidence as a plot, then the rows and the price lists."""
    plot = _Plot(
        title=f"Cost by {report.by} and confidence",
        caption=f"{views.CONFIDENCE_KEY.capitalize()}. {views.left_out(report.totals.whole)}",
        spec=charts.cost_plot(report),
    )
    return _render(
        _Page(
            heading="Cost",
            first=report.first,
            last=report.last,
            generated_at=generated_at,
            figures=views.cost_figures(report),
            plots=[plot],
            tables=[views.cost_table(report), views.price_list_table(report)],
        )
    )


def performance_page(report: PerformanceReport, *, generated_at: datetime) -> str:
    """The performance report: wall clock as a plot, then the rows."""
    plot = _Plot(
        title="Wall clock of sessions",
        caption=_RUNTIME_CAPTIONS[report.by],
        spec=charts.performance_plot(report),
    )
    return _render(
        _Page(
            heading="Performance",
            first=report.first,
            last=report.last,
            generated_at=generated_at,
            figures=[],
            plots=[plot],
            tables=[views.performance_table(report)],
        )
    )


def _render(page: _Page) -> str:
    plots = [plot for plot in page.plots if plot.spec is not None]
    script = charts.script(_file("page.js")) if plots else ""
    notes = list(dict.fromkeys(note for table in page.tables for note in table.notes))
    body = [
        _figures(page.figures),
        *(_plot(n, plot) for n, plot in enumerate(plots)),
        *(_table(n, table) for n, table in enumerate(page.tables) if table.rows),
        _notes(notes if any(table.rows for table in page.tables) else ["There is no data."]),
    ]
    return Template(_file("page.html")).substitute(
        policy=_policy(script),
        title=escape(f"{page.heading} - Helicarrier"),
        heading=escape(page.heading),
        days=escape(_days(page.first, page.last)),
        style=_file("page.css"),
        body="\n".join(part for part in body if part),
        version=escape(__version__),
        generated=f"{page.generated_at:%Y-%m-%d %H:%M} UTC",
        script=f'<script type="module">{script}</script>' if script else "",
    )


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _days(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return "no days"
    return f"{first}" if first == last else f"{first} to {last}"


def _figures(figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    tiles = "\n".join(
        f"<div><dt>{escape(figure.name)}</dt><dd>{escape(figure.value)}</dd></div>"
        for figure in figures
    )
    return f'<dl class="figures">\n{tiles}\n</dl>'


def _plot(number: int, plot: _Plot) -> str:
    # Within a script element only a tag could end the data, and no "<" is left to begin one.
    spec = json.dumps(plot.spec, sort_keys=True).replace("<", "\\u003c")
    return (
        f'<section><h2 id="plot-{number}">{escape(plot.title)}</h2>\n'
        f'<figure aria-labelledby="plot-{number}">'
        f'<div class="plot" data-plot="spec-{number}">'
        "<noscript>The plot needs JavaScript; the tables hold its numbers.</noscript></div>"
        f"<figcaption>{escape(plot.caption)}</figcaption></figure>\n"
        f'<script type="application/json" id="spec-{number}">{spec}</script></section>'
    )


def _table(number: int, table: Table) -> str:
    head = "".join(
        f'<th scope="col"{_class(column)}>{escape(column.title)}</th>' for column in table.columns
    )
    rows = "\n".join(_row(table.columns, row) for row in table.rows)
    foot = f"<tfoot>{_row(table.columns, table.totals)}</tfoot>" if table.totals else ""
    title = table.title.partition(",")[0].capitalize()
    return (
        f'<section><h2 id="table-{number}">{escape(title)}</h2>\n'
        f'<div class="scroll" role="region" aria-labelledby="table-{number}" tabindex="0">'
        f'<table aria-labelledby="table-{number}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>{foot}</table></div></section>"
    )


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


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "\n".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<section><h2>Notes</h2>\n{lines}</section>"


def _file(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
