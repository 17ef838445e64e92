"""Pages as HTML, from Jinja templates that escape everything.

A page is a function of its values and of the `Frame` around it, so that the same values give the
same bytes and nothing here asks a store or a clock.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from helicarrier import __version__
from helicarrier.alerts.enums import AlertMetric
from helicarrier.alerts.messages import shown as metric_value
from helicarrier.alerts.operations import ActiveAlert
from helicarrier.hud.overview import PERIODS, Overview
from helicarrier.hud.paging import Window
from helicarrier.ledger.repository import SessionDetail, SessionPage, SessionSummary
from helicarrier.lineage.explain import Node
from helicarrier.lineage.explain.tree import Fact
from helicarrier.usage import charts, markup, views
from helicarrier.usage.markup import Plot
from helicarrier.usage.model import Dimension
from helicarrier.usage.tabular import Dollars, Kind, exact

_REPORT_FILES = Path(charts.__file__).with_name("html")
_OWN_FILES = Path(__file__).with_name("static")


_METRICS = {
    AlertMetric.DAILY_COST_USD: "cost",
    AlertMetric.FAILURE_RATE: "failure rate",
    AlertMetric.RUNTIME_P95_MS: "95th percentile of the runtime",
}
SUPPRESS_HOURS = ("1", "8", "24", "168")
"""For how long the overview offers to silence an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page: who reads it, and may they change anything."""

    reader: str
    may_control: bool = False
    can_log_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What the list of sessions was asked for, as the form shows it; empty does not filter."""

    text: str = ""
    agent: str = ""
    model: str = ""
    status: str = ""
    sort: str = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What fires, silenced alerts included, and how many rules could."""

    firing: Sequence[ActiveAlert]
    rules_in_force: int


@cache
def stylesheet() -> str:
    """The style of the reports and what the pages add to it."""
    report = (_REPORT_FILES / "page.css").read_text(encoding="utf-8")
    return report + (_OWN_FILES / "hud.css").read_text(encoding="utf-8")


@cache
def script() -> str:
    """The plotting library and the code that draws with it; takes seconds the first time."""
    return charts.script((_REPORT_FILES / "page.js").read_text(encoding="utf-8"))


@cache
def version_of_files() -> str:
    """Changes with the style, the script and the release: a browser may keep files for ever."""
    drawing = (_REPORT_FILES / "page.js").read_text(encoding="utf-8")
    return hashlib.sha256((stylesheet() + drawing + __version__).encode()).hexdigest()[:12]


def overview_page(
    frame: Frame, shown: Overview, alerts: Alerts, recent: SessionPage, *, today: date
) -> str:
    """The first page: what fires, a day, its period, how the models did, the newest sessions."""
    day, period = shown.day, shown.period
    left_out = views.left_out(period.totals)
    daily = [
        Plot(
            title="Cost per day",
            caption=f"Known cost by model; a click in the legend singles one out. {left_out}",
            spec=charts.daily_plot(shown.points, charts.COST, shown.span),
        ),
        Plot(
            title="Tokens per day",
            caption="All tokens by model, cache reads and writes included.",
            spec=charts.daily_plot(shown.points, charts.TOKENS, shown.span),
        ),
    ]
    agents = [
        Plot(
            title="Cost by agent",
            caption=f"Known cost of the {shown.span.days} days.",
            spec=charts.blocks_plot(period.agents, charts.COST),
        ),
        Plot(
            title="Tokens by agent",
            caption=f"All tokens of the {shown.span.days} days.",
            spec=charts.blocks_plot(period.agents, charts.TOKENS),
        ),
    ]
    of_the_day = [
        Plot(
            title="Cost of the day by model",
            caption=f"Known cost of {shown.span.last}. {views.left_out(day.totals)}",
            spec=charts.blocks_plot(
                {f"{row.model_id}": row.block for row in day.models}, charts.COST
            ),
        ),
        Plot(
            title="Cost of the day by agent",
            caption=f"Known cost of {shown.span.last}.",
            spec=charts.blocks_plot(day.agents, charts.COST),
        ),
    ]
    plots = [plot for plot in [*of_the_day, *daily, *agents] if plot.spec is not None]
    tables = [
        views.usage_table(period, Dimension.MODEL),
        views.usage_table(period, Dimension.AGENT),
        views.performance_table(shown.performance),
    ]
    filled = [table for table in tables if table.rows]
    notes = dict.fromkeys(note for table in filled for note in table.notes)
    return _render(
        "overview.html",
        frame,
        shown=shown,
        alerts=alerts.firing,
        rules_in_force=alerts.rules_in_force,
        hours=SUPPRESS_HOURS,
        periods=PERIODS,
        earlier=shown.span.first - timedelta(days=1),
        later=min(today, shown.span.last + timedelta(days=shown.span.days)),
        is_newest=shown.span.last >= today,
        day_figures=_escaped(markup.figures(views.usage_figures(day))),
        period_figures=_escaped(markup.figures(views.usage_figures(period))),
        plots=[_escaped(markup.plot(number, plot)) for number, plot in enumerate(plots)],
        tables=[
            _escaped(markup.table(number, table))
            for number, table in enumerate(tables)
            if table.rows
        ],
        notes=_escaped(markup.notes(list(notes))),
        recent=recent.rows,
    )


def sessions_page(
    frame: Frame,
    found: SessionPage,
    search: Search,
    window: Window,
    *,
    statuses: Sequence[str],
    sorts: Sequence[str],
) -> str:
    """The list of sessions that match, a window of it at a time."""
    return _render(
        "sessions.html",
        frame,
        rows=found.rows,
        total=found.total,
        search=search,
        window=window,
        statuses=statuses,
        sorts=sorts,
    )


def session_page(frame: Frame, detail: SessionDetail, calls: Window, events: Window) -> str:
    """One session: its facts, its calls with their provenance, what happened in it."""
    return _render(
        "session.html",
        frame,
        session=detail.summary,
        calls=detail.calls[calls.offset : calls.end],
        events=detail.events[events.offset : events.end],
        call_window=calls,
        event_window=events,
    )


def why_page(frame: Frame, node: Node, *, session_id: str | None) -> str:
    """The answer to where a row comes from, as a tree."""
    return _render("why.html", frame, node=node, session_id=session_id)


def reference_page(frame: Frame, operations: Sequence[object]) -> str:
    """The routes of the service; each operation has the attributes of `api.handbook.Operation`."""
    return _render("reference.html", frame, operations=operations)


def login_page(*, failed: bool = False) -> str:
    """The form that takes a token."""
    return _render("login.html", None, failed=failed)


def problem_page(*, status: int, title: str, detail: str) -> str:
    """A refusal that a person can read."""
    return _render("problem.html", None, status=status, title=title, detail=detail)


def _render(name: str, frame: Frame | None, **values: object) -> str:
    return (
        _environment()
        .get_template(name)
        .render(frame=frame, version=__version__, files=version_of_files(), **values)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("helicarrier.hud"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": _money,
        "session_cost": _session_cost,
        "count": lambda number: f"{number:,}",
        "instant": _instant,
        "duration": lambda milliseconds: exact(milliseconds, Kind.DURATION),
        "fact": _fact,
        "of_metric": lambda value, metric: metric_value(metric, value),
        "metric": _METRICS.__getitem__,
    }
    return environment


def _escaped(html: str) -> Markup:
    """HTML of `usage.markup`, which escapes what it is given."""
    return Markup(html)  # noqa: S704 - escaped where it was made


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else exact(Dollars(amount=amount), Kind.MONEY)


def _session_cost(session: SessionSummary) -> str:
    return "no calls" if not session.calls else _money(session.cost_usd)


def _instant(value: datetime | None) -> Markup:
    if value is None:
        return Markup("-")
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}"
    )


def _fact(value: Fact) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case _:
            return exact(value, Kind.COUNT)
