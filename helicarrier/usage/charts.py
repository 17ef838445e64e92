"""Plots of the reports as Vega-Lite, made with Altair; pictures and scripts come from vl-convert.

A plot carries its rows with it and no colours of the page it stands on, so the same one is drawn
on light and dark ground and needs no network. The dollars of a plot are floats: they place marks
and label them, and are never added up again. Days are UTC days and drawn as such, wherever the
reader sits.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from helicarrier.governance.enums import Confidence
from helicarrier.usage.cost_report import CostReport
from helicarrier.usage.model import Block, DailyModel, Dimension, Json, Performance
from helicarrier.usage.performance_report import PerformanceReport
from helicarrier.usage.span import Span

if TYPE_CHECKING:
    import altair as alt

PALETTE = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
"""Colours of the models, dearest first; told apart on light and dark ground."""

MOST_ROWS = 40
"""Models or agents that a plot shows at most; the tables have all."""

OTHERS_COLOUR = "#9498a0"
_CONFIDENCES = {Confidence.HIGH: "#3ca951", Confidence.MEDIUM: "#4269d0", Confidence.LOW: "#efb118"}
_HEIGHT = 260
_STEP = 26
_PNG_WIDTH = 860
_FEW_DAYS = 14
_MINUTE_MS = 60_000
_LABEL = 260
_LEGEND_COLUMNS = "width < 390 ? 1 : width < 660 ? 2 : 4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a daily plot adds up: the field of its rows, the axis title, number formats of d3."""

    field: str
    title: str
    axis_format: str
    exact_format: str


COST = Measure(field="cost", title="US dollars", axis_format="$,~r", exact_format="$,.4f")
TOKENS = Measure(field="tokens", title="tokens", axis_format="~s", exact_format=",")


def daily_plot(
    points: Sequence[DailyModel], measure: Measure, span: Span | None = None
) -> Json | None:
    """Known cost or tokens of each day, stacked by model; a click in the legend singles one out.

    With more models than colours the least of them share one, so that colours stay distinct.
    None where there is nothing to draw, as in the other plots.

    Args:
        points: what was used, by day and model.
        measure: which of its numbers.
        span: the days of the axis; those with points when it is left out.
    """
    return _spec(_daily(points, measure, span)) if points else None


def daily_cost_png(points: Sequence[DailyModel]) -> bytes:
    """The daily cost by model as a PNG picture on white; without points it says so."""
    import vl_convert

    plot = _daily(points, COST) if points else _chart([{}]).mark_text(text="no calls", size=16)
    chart = plot.properties(width=_PNG_WIDTH, height=_HEIGHT, background="white")
    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))


def cost_plot(report: CostReport) -> Json | None:
    """Known cost of each day, or of the dearest models or agents, stacked by confidence."""
    import altair as alt

    if report.empty:
        return None

    rows: list[Json] = [
        {
            "key": " · ".join(row.key),
            "confidence": name.value,
            "rank": rank,
            "cost": float(row.by_confidence[name].cost_usd),
            "calls": row.by_confidence[name].calls,
        }
        for row in (report.rows if report.by is Dimension.DAY else report.rows[:MOST_ROWS])
        for rank, name in enumerate(_CONFIDENCES)
        if name in row.by_confidence
    ]
    chart = (
        _chart(rows)
        .mark_bar()
        .encode(
            color=_colour(
                "confidence", [name.value for name in _CONFIDENCES], _CONFIDENCES.values()
            ),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("key:N", title=report.by.value),
                alt.Tooltip("confidence:N"),
                alt.Tooltip("cost:Q", format=COST.exact_format),
                alt.Tooltip("calls:Q", format=","),
            ],
        )
    )
    amount = alt.Axis(format=COST.axis_format, tickCount=5)
    if report.by is Dimension.DAY:
        days = [date.fromisoformat(row.key[0]) for row in report.rows]
        return _spec(
            chart.encode(
                x=_day_axis("key", days), y=alt.Y("cost:Q", title=COST.title, axis=amount)
            ).properties(height=_HEIGHT)
        )
    return _spec(
        chart.encode(x=alt.X("cost:Q", title=COST.title, axis=amount), y=_names("key")).properties(
            height=_STEP * len({row["key"] for row in rows})
        )
    )


def blocks_plot(blocks: Mapping[str, Block], measure: Measure) -> Json | None:
    """Known cost or tokens of each name as bars, in the order given; the first `MOST_ROWS`."""
    import altair as alt

    rows: list[Json] = [
        {
            "name": name,
            "cost": float(block.cost_usd),
            "tokens": block.total_tokens,
            "calls": block.calls,
        }
        for name, block in list(blocks.items())[:MOST_ROWS]
    ]
    if not rows:
        return None
    return _spec(
        _chart(rows)
        .mark_bar(color=PALETTE[0])
        .encode(
            x=alt.X(
                f"{measure.field}:Q",
                title=measure.title,
                axis=alt.Axis(format=measure.axis_format, tickCount=5),
            ),
            y=_names("name"),
            tooltip=[
                alt.Tooltip("name:N"),
                alt.Tooltip("cost:Q", format=COST.exact_format),
                alt.Tooltip("tokens:Q", format=TOKENS.exact_format),
                alt.Tooltip("calls:Q", format=","),
            ],
        )
        .properties(height=_STEP * len(rows))
    )


def performance_plot(report: PerformanceReport) -> Json | None:
    """Wall clock of sessions in minutes; None where no session has one.

    By model or agent a line from the median to the 95th percentile for each of the first rows; by
    day the median of the models with the most sessions.
    """
    timed = [row for row in report.rows if row.median_runtime_ms is not None]
    rows: list[Json] = [
        {
            "name": " · ".join((*row.key, row.model_id)),
            "key": row.key[0] if row.key else "",
            "model": row.model_id,
            "median": _minutes(row.median_runtime_ms),
            "p95": _minutes(row.p95_runtime_ms),
            "sessions": row.runs_total,
        }
        for row in timed
    ]
    if not rows:
        return None
    match report.by:
        case Dimension.DAY:
            return _spec(_daily_medians(rows, _busiest(timed)))
        case Dimension.MODEL | Dimension.AGENT:
            return _spec(_percentiles(rows[:MOST_ROWS]))


def _percentiles(rows: list[Json]) -> "alt.TopLevelMixin":
    import altair as alt

    base = _chart(rows).encode(y=_names("name"), tooltip=_runtime_tooltip())
    minutes = alt.X("median:Q", title="minutes", axis=alt.Axis(tickCount=6))
    colour = alt.value(PALETTE[0])
    return alt.layer(
        base.mark_rule(strokeWidth=3).encode(x=minutes, x2="p95:Q", color=colour),
        base.mark_point(size=80, filled=True, opacity=1).encode(x="median:Q", color=colour),
        base.mark_tick(thickness=3, size=14).encode(x="p95:Q", color=colour),
    ).properties(height=_STEP * len(rows))


def _daily_medians(rows: list[Json], names: Sequence[str]) -> "alt.Chart":
    import altair as alt

    shown = [row for row in rows if row["model"] in names]
    chart: alt.Chart = (
        _chart(shown)
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True))
        .encode(
            x=_day_axis("key", [date.fromisoformat(str(row["key"])) for row in shown]),
            y=alt.Y("median:Q", title="median, minutes", axis=alt.Axis(tickCount=5)),
            color=_colour("model", names, PALETTE),
            tooltip=_runtime_tooltip(),
        )
        .properties(height=_HEIGHT)
    )
    return chart


def _minutes(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / _MINUTE_MS


def _busiest(rows: Iterable[Performance]) -> list[str]:
    """The models with the most sessions, as many as there are colours."""
    sessions: Counter[str] = Counter()
    for row in rows:
        sessions[row.model_id] += row.runs_total
    return sorted(sessions, key=lambda name: (-sessions[name], name))[: len(PALETTE)]


def _runtime_tooltip() -> list["alt.Tooltip"]:
    import altair as alt

    return [
        alt.Tooltip("name:N"),
        alt.Tooltip("median:Q", title="median, minutes", format=",.1f"),
        alt.Tooltip("p95:Q", title="95th percentile, minutes", format=",.1f"),
        alt.Tooltip("sessions:Q", format=","),
    ]


@cache
def script(drawing: str) -> str:
    """JavaScript that loads nothing from anywhere: the plotting library and the code that uses it.

    Putting it together takes seconds, so it is done once for each process.

    Args:
        drawing: the code; it finds the library as `vegaEmbed`.
    """
    import vl_convert

    return str(vl_convert.javascript_bundle(drawing))


def _daily(points: Sequence[DailyModel], measure: Measure, span: Span | None = None) -> "alt.Chart":
    import altair as alt

    names, colours = _legend(points)
    chosen = alt.selection_point(fields=["model"], bind="legend")
    chart: alt.Chart = (
        _chart(_rows(points, names))
        .mark_bar()
        .encode(
            x=_day_axis(
                "day", [span.first, span.last] if span else [point.day for point in points]
            ),
            y=alt.Y(
                f"{measure.field}:Q",
                title=measure.title,
                axis=alt.Axis(format=measure.axis_format, tickCount=5),
            ),
            color=_colour("model", names, colours),
            order=alt.Order("rank:Q"),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)),
            tooltip=[
                alt.Tooltip("day:T", timeUnit="utcyearmonthdate", title="day", format="%Y-%m-%d"),
                alt.Tooltip("model:N"),
                alt.Tooltip("cost:Q", format=COST.exact_format),
                alt.Tooltip("tokens:Q", format=TOKENS.exact_format),
                alt.Tooltip("calls:Q", format=","),
            ],
        )
        .add_params(chosen)
        .properties(height=_HEIGHT)
    )
    return chart


def _legend(points: Iterable[DailyModel]) -> tuple[list[str], list[str]]:
    """Models dearest first, then by tokens and name, each with its colour."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for point in points:
        sums[point.model_id][0] += float(point.cost_usd)
        sums[point.model_id][1] += point.total_tokens
    names = sorted(sums, key=lambda name: (-sums[name][0], -sums[name][1], name))
    if len(names) <= len(PALETTE):
        return names, list(PALETTE[: len(names)])
    others = f"{len(names) - len(PALETTE) + 1} others"
    return [*names[: len(PALETTE) - 1], others], [*PALETTE[:-1], OTHERS_COLOUR]


def _rows(points: Iterable[DailyModel], names: Sequence[str]) -> list[Json]:
    """One row for each day and entry of the legend; models without one go under the last."""
    ranks = {name: rank for rank, name in enumerate(names)}
    sums: dict[tuple[date, int], list[float]] = defaultdict(lambda: [0.0, 0, 0])
    for point in points:
        added = sums[point.day, ranks.get(point.model_id, len(names) - 1)]
        added[0] += float(point.cost_usd)
        added[1] += point.total_tokens
        added[2] += point.calls
    return [
        {
            "day": day.isoformat(),
            "model": names[rank],
            "rank": rank,
            "cost": cost,
            "tokens": tokens,
            "calls": calls,
        }
        for (day, rank), (cost, tokens, calls) in sorted(sums.items())
    ]


def _chart(rows: list[Json]) -> "alt.Chart":
    import altair as alt

    return alt.Chart(alt.InlineData(values=rows))


def _day_axis(field: str, days: Sequence[date]) -> "alt.X":
    """A UTC axis of days; a few days keep their width instead of filling the plot."""
    import altair as alt

    first, last = min(days), max(days)
    last = max(last, first + timedelta(days=_FEW_DAYS - 1)) + timedelta(days=1)
    return alt.X(
        f"{field}:T",
        timeUnit="utcyearmonthdate",
        title=None,
        scale=alt.Scale(type="utc", domain=[_vega_day(first), _vega_day(last)]),
        axis=alt.Axis(format="%b %-d", labelOverlap=True, grid=False),
    )


def _vega_day(day: date) -> "alt.DateTime":
    import altair as alt

    return alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)


def _names(field: str) -> "alt.Y":
    import altair as alt

    return alt.Y(f"{field}:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL))


def _colour(field: str, names: Sequence[str], colours: Iterable[str]) -> "alt.Color":
    import altair as alt

    return alt.Color(
        f"{field}:N",
        scale=alt.Scale(domain=list(names), range=list(colours)),
        legend=alt.Legend(
            orient="top", title=None, labelLimit=_LABEL, columns=alt.ExprRef(_LEGEND_COLUMNS)
        ),
    )


def _spec(chart: "alt.TopLevelMixin") -> Json:
    """The plot as JSON, as wide as the place it is put into."""
    fluid = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    return chart.to_dict() | fluid
