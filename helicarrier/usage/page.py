"""Reports as one self-contained HTML page: plots, tables, a style sheet, no network.

The tables are plain HTML and hold every number, so the page serves without JavaScript and to a
screen reader; the plots are drawn by a script inside the page. Its policy forbids it to fetch
anything or to run anything but that one script, named by its hash. Every text that comes from
a report is escaped, whatever an agent or a model calls itself.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from pathlib import Path
from string import Template

from helicarrier import __version__
from helicarrier.usage import charts, markup, views
from helicarrier.usage.cost_report import CostReport
from helicarrier.usage.markup import Plot
from helicarrier.usage.model import DailyModel, Dimension
from helicarrier.usage.performance_report import PerformanceReport
from helicarrier.usage.report import UsageReport
from helicarrier.usage.tabular import Table
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
class _Page:
    heading: str
    first: date | None
    last: date | None
    generated_at: datetime
    figures: Sequence[Figure]
    plots: Sequence[Plot]
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
        Plot(
            title="Cost per day",
            caption=f"Known cost by model; a click in the legend singles one out. {left_out}",
            spec=charts.daily_plot(points, charts.COST),
        ),
        Plot(
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
    plot = Plot(
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
    plot = Plot(
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
        markup.figures(page.figures),
        *(markup.plot(n, plot) for n, plot in enumerate(plots)),
        *(markup.table(n, table) for n, table in enumerate(page.tables) if table.rows),
        markup.notes(notes if any(table.rows for table in page.tables) else ["There is no data."]),
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


def _file(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
