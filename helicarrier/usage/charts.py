"""Plots of the reports as Vega-Lite, made with Altair; pictures and scripts come from vl-convert.

A plot carries its rows with it and no colours of the page it stands on, so the same one is drawn
on light and dark ground and needs no network. The dollars of a plot are floats: they place marks
and label them, and are never added up again. Days are UTC days and drawn as such, wherever the
reader sits.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from helicarrier.governance.enums import Confidence
from helicarrier.usage.cost_report import CostReport
from helicarrier.usage.model import DailyModel, Dimension, Json
from helicarrier.usage.performance_report import PerformanceReport

if TYPE_CHECKING:
    import altair as alt

PALETTE = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
"""Colours of the models, dearest first; told apart on light and dark ground."""

OTHERS_COLOUR = "#9498a0"
_CONFIDENCES = {Confidence.HIGH: "#3ca951", Confidence.MEDIUM: "#4269d0", Confidence.LOW: "#efb118"}
_HEIGHT = 260
_STEP = 26
_PNG_WIDTH = 860
_FEW_DAYS = 14
_MINUTE_MS = 60_000
_LABEL = 260


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a daily plot adds up: the field of its rows, the axis title, number formats of d3."""

    field: str
    title: str
    axis_format: str
    exact_format: str


COST = Measure(field="cost", title="US dollars", axis_format="$,~r", exact_format="$,.4f")
TOKENS = Measure(field="tokens", title="tokens", axis_format="~s", exact_format=",")


def daily_plot(points: Sequence[DailyModel], measure: Measure) -> Json:
    """Known cost or tokens of each day, stacked by model; a click in the legend singles one out.

    With more models than colours the least of them share one, so that colours stay distinct.
    """
    return _spec(_daily(points, measure))


def daily_cost_png(points: Sequence[DailyModel]) -> bytes:
    """The daily cost by model as a PNG picture on white."""
    import vl_convert

    chart = _daily(points, COST).properties(width=_PNG_WIDTH, background="white")
    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))


def cost_plot(report: CostReport) -> Json:
    """Known cost of each day, model or agent, stacked by confidence."""
    import altair as alt

    rows: list[Json] = [
        {
            "key": " · ".join(row.key),
            "confidence": name.value,
            "rank": rank,
            "cost": float(row.by_confidence[name].cost_usd),
            "calls": row.by_confidence[name].calls,
        }
        for row in report.rows
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
            height=alt.Step(_STEP)
        )
    )


def performance_plot(report: PerformanceReport) -> Json:
    """Wall clock of each row's sessions: a line from the median to the 95th percentile."""
    import altair as alt

    rows: list[Json] = [
        {
            "name": " · ".join((*row.key, row.model_id)),
            "median": row.median_runtime_ms / _MINUTE_MS,
            "p95": row.p95_runtime_ms / _MINUTE_MS,
            "sessions": row.runs_total,
        }
        for row in report.rows
        if row.median_runtime_ms is not None and row.p95_runtime_ms is not None
    ]
    base = _chart(rows).encode(
        y=_names("name"),
        tooltip=[
            alt.Tooltip("name:N"),
            alt.Tooltip("median:Q", title="median, minutes", format=",.1f"),
            alt.Tooltip("p95:Q", title="95th percentile, minutes", format=",.1f"),
            alt.Tooltip("sessions:Q", format=","),
        ],
    )
    minutes = alt.X("median:Q", title="minutes", axis=alt.Axis(tickCount=6))
    colour = alt.value(PALETTE[0])
    return _spec(
        alt.layer(
            base.mark_rule(strokeWidth=3).encode(x=minutes, x2="p95:Q", color=colour),
            base.mark_point(size=80, filled=True, opacity=1).encode(x="median:Q", color=colour),
            base.mark_tick(thickness=3, size=14).encode(x="p95:Q", color=colour),
        ).properties(width="container", height=alt.Step(_STEP))
    )


def script(drawing: str) -> str:
    """JavaScript that loads nothing from anywhere: the plotting library and the code that uses it.

    Args:
        drawing: the code; it finds the library as `vegaEmbed`.
    """
    import vl_convert

    return str(vl_convert.javascript_bundle(drawing))


def _daily(points: Sequence[DailyModel], measure: Measure) -> "alt.Chart":
    import altair as alt

    names, colours = _legend(points)
    chosen = alt.selection_point(fields=["model"], bind="legend")
    chart: alt.Chart = (
        _chart(_rows(points, names))
        .mark_bar()
        .encode(
            x=_day_axis("day", [point.day for point in points]),
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

    return alt.Chart(alt.InlineData(values=rows)).properties(width="container")


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
        legend=alt.Legend(orient="top", title=None, labelLimit=_LABEL, columns=4),
    )


def _spec(chart: "alt.TopLevelMixin") -> Json:
    return dict(chart.to_dict())
