"""Plots: their rows are the report's, many models stay readable, and Vega-Lite draws them."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

import pytest
import vl_convert

from helicarrier.usage import charts
from helicarrier.usage.cost_report import cost_report
from helicarrier.usage.model import DailyModel, Dimension, Json
from helicarrier.usage.performance_report import performance_report
from helicarrier.usage.span import Span
from tests.usage.conftest import DAY, Usage, instant
from tests.usage.reports import measuring, reading

Row = dict[str, float | str]


def point(model: str, cost: str = "1", day: date = DAY, tokens: int = 10) -> DailyModel:
    """A model's day."""
    return DailyModel(day=day, model_id=model, calls=1, total_tokens=tokens, cost_usd=Decimal(cost))


def drawn(plot: Json | None) -> Json:
    """A plot that there is."""
    assert plot is not None
    return plot


def rows_of(plot: Json) -> list[Row]:
    """The rows that a plot carries."""
    name = cast("dict[str, str]", plot["data"])["name"]
    return cast("dict[str, list[Row]]", plot["datasets"])[name]


def svg(plot: Json) -> str:
    """The plot as Vega-Lite draws it, without a network."""
    return str(vl_convert.vegalite_to_svg(plot | {"width": 600}, allowed_base_urls=[]))


def test_daily_plot_carries_each_model_of_each_day() -> None:
    """One row for a day and model, dearest model first."""
    plot = charts.daily_plot([point("cheap"), point("dear", "9")], charts.COST)
    assert [(row["day"], row["model"], row["cost"]) for row in rows_of(drawn(plot))] == [
        ("2026-10-05", "dear", 9.0),
        ("2026-10-05", "cheap", 1.0),
    ]


def test_least_of_many_models_share_one_colour() -> None:
    """Eight entries in the legend at most, and not a token is lost."""
    points = [point(f"model-{n:02}", str(100 - n), tokens=n) for n in range(12)]
    rows = rows_of(drawn(charts.daily_plot(points, charts.TOKENS)))
    assert len(rows) == len(charts.PALETTE)
    assert rows[-1]["model"] == "5 others"
    assert sum(int(row["tokens"]) for row in rows) == sum(range(12))


def test_eight_models_keep_their_names() -> None:
    """As many models as colours need no common entry."""
    points = [point(f"model-{n}") for n in range(8)]
    rows = rows_of(drawn(charts.daily_plot(points, charts.COST)))
    assert {row["model"] for row in rows} == {f"model-{n}" for n in range(8)}


@pytest.mark.parametrize("measure", [charts.COST, charts.TOKENS], ids=["cost", "tokens"])
def test_daily_plot_is_drawn_with_its_legend(measure: charts.Measure) -> None:
    """The drawing names the models and what the axis measures."""
    days = [point("rocket", day=DAY + timedelta(days=n)) for n in range(3)]
    picture = svg(drawn(charts.daily_plot(days, measure)))
    assert ">rocket<" in picture
    assert f">{measure.title}<" in picture
    assert picture.count('aria-roledescription="bar"') == len(days)


def test_the_axis_has_the_days_that_were_asked_for() -> None:
    """One busy day of thirty stands among the idle ones, and no day comes after them."""
    span = Span(first=DAY - timedelta(days=29), last=DAY)
    plot = drawn(charts.daily_plot([point("rocket")], charts.COST, span))
    domain = plot["encoding"]["x"]["scale"]["domain"]  # type: ignore[index]
    ends = [date(end["year"], end["month"], end["date"]) for end in domain]
    assert ends == [span.first, span.last + timedelta(days=1)]


def test_days_are_drawn_as_utc_days() -> None:
    """A reader west of Greenwich sees the same day: nothing is read in local time."""
    plot = drawn(charts.daily_plot([point("rocket", day=date(2026, 10, 1))], charts.COST))
    drawing = "import sys, vl_convert as v; print(v.vegalite_to_svg(sys.stdin.read()))"
    done = subprocess.run(
        [sys.executable, "-c", drawing],
        input=json.dumps(plot | {"width": 600}),
        env=os.environ | {"TZ": "America/Los_Angeles"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "day: 2026-10-01" in done.stdout
    assert "2026-09-30" not in done.stdout


def test_daily_cost_is_a_png_of_fixed_width() -> None:
    """The picture for those who see no scripts has a PNG's head and twice the plot's width."""
    picture = charts.daily_cost_png([point("rocket")])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 2 * 860
    assert height > 2 * 260


def test_picture_without_calls_is_still_a_picture() -> None:
    """An empty day has a picture that says so."""
    assert charts.daily_cost_png([]).startswith(b"\x89PNG\r\n\x1a\n")


def fill(usage: Usage) -> None:
    """A session on each of two days, of two agents."""
    usage.session("a", usage.call())
    later = DAY + timedelta(days=1)
    usage.session("b", usage.call(at=instant(later), model="glider"), at=instant(later), agent="b")


def cost_plot(usage: Usage, by: Dimension) -> Json | None:
    """The plot of the cost report."""
    with reading(usage) as repository:
        return charts.cost_plot(cost_report(repository, by=by))


def performance_plot(usage: Usage, by: Dimension) -> Json | None:
    """The plot of the performance report."""
    with measuring(usage) as repository:
        return charts.performance_plot(performance_report(repository, by=by))


@pytest.mark.parametrize("by", list(Dimension))
@pytest.mark.parametrize("plot", [cost_plot, performance_plot], ids=["cost", "performance"])
def test_plots_of_every_dimension_are_drawn(
    sqlite_usage: Usage, plot: Callable[[Usage, Dimension], Json | None], by: Dimension
) -> None:
    """Vega-Lite takes each plot; marks are where the rows are."""
    fill(sqlite_usage)
    found = drawn(plot(sqlite_usage, by))
    assert "aria-roledescription" in svg(found)
    assert len(rows_of(found)) == 2


@pytest.mark.parametrize("by", list(Dimension))
def test_nothing_is_drawn_of_nothing(sqlite_usage: Usage, by: Dimension) -> None:
    """Without calls and sessions there is no plot."""
    assert charts.daily_plot([], charts.COST) is None
    assert cost_plot(sqlite_usage, by) is None
    assert performance_plot(sqlite_usage, by) is None


def test_sessions_without_a_clock_have_no_plot(sqlite_usage: Usage) -> None:
    """Sessions whose runtime nobody knows are not drawn at zero."""
    sqlite_usage.session("a", runtime_ms=None)
    assert performance_plot(sqlite_usage, Dimension.MODEL) is None


def test_cost_is_drawn_by_confidence(sqlite_usage: Usage) -> None:
    """A reported cost is drawn as high, a call without a cost not at all."""
    sqlite_usage.session("a", sqlite_usage.call(), sqlite_usage.call(cost=None, model="mystery"))
    found = rows_of(drawn(cost_plot(sqlite_usage, Dimension.DAY)))
    assert [(row["confidence"], row["cost"], row["calls"]) for row in found] == [("high", 0.25, 1)]
