"""The evidence report of a drill: what each rule would do, as JSON, as Markdown and as a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from helicarrier.canonical import JSONValue
from helicarrier.evals.canary.model import CONSECUTIVE, EVIDENCE
from helicarrier.evals.canary.simulate import WINDOWS_A_DAY, RuleFigures, Scenario, Simulated

if TYPE_CHECKING:
    import altair as alt

RATES = (0.999, 0.995, 0.99, 0.98, 0.97, 0.95, 0.9)
"""True rates of success that a drill plays by default."""

_WINDOWS, _EPROCESS = "window rule", "sequential test"
_COLOURS = ("#efb118", "#4269d0")


def drill(
    *, threshold: float, requests: int, days: int, seed: int, rates: Sequence[float] = RATES
) -> list[Scenario]:
    """One scenario for each true rate; the seeds differ, so the days do."""
    return [
        Scenario(
            true_rate=rate, threshold=threshold, requests=requests, days=days, seed=seed + place
        )
        for place, rate in enumerate(rates)
    ]


def as_json(results: Sequence[Simulated]) -> dict[str, JSONValue]:
    """The report as one object."""
    return {
        "consecutiveWindows": CONSECUTIVE,
        "evidence": EVIDENCE,
        "windowsADay": WINDOWS_A_DAY,
        "scenarios": [
            {
                "trueRate": result.scenario.true_rate,
                "threshold": result.scenario.threshold,
                "requests": result.scenario.requests,
                "days": result.scenario.days,
                "seed": result.scenario.seed,
                "windows": _figures(result.windows),
                "eprocess": _figures(result.eprocess),
            }
            for result in results
        ],
    }


def as_markdown(results: Sequence[Simulated]) -> str:
    """The report for people."""
    first = results[0].scenario
    setting = (
        f"{first.days:,} days of {WINDOWS_A_DAY} windows with {first.requests} requests each, held "
        f"against {first.threshold:g}. A rollback at a true rate of {first.threshold:g} or better "
        "is a false one. Days rolled back are given with their standard error."
    )
    lines = [
        "# Canary drill",
        "",
        setting,
        "",
        "| true rate | window rule | after windows | sequential test | after windows |",
        "|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {result.scenario.true_rate:g} | {_share(result.windows)} | {_median(result.windows)} "
        f"| {_share(result.eprocess)} | {_median(result.eprocess)} |"
        for result in results
    ]
    return "\n".join([*lines, ""])


def write(results: Sequence[Simulated], folder: Path) -> list[Path]:
    """Write `canary-drill.json`, `.md` and `.png` into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    body = msgspec.json.format(msgspec.json.encode(as_json(results)), indent=2) + b"\n"
    contents = {"json": body, "md": as_markdown(results).encode(), "png": plot_png(results)}
    paths = []
    for ending, content in contents.items():
        path = folder / f"canary-drill.{ending}"
        path.write_bytes(content)
        paths.append(path)
    return paths


def plot_png(results: Sequence[Simulated]) -> bytes:
    """Share of the days with a rollback by true rate, one line for each rule, on white."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(_plot(results).to_json(), scale=2))


def _plot(results: Sequence[Simulated]) -> "alt.TopLevelMixin":
    import altair as alt

    rows: list[dict[str, JSONValue]] = [
        {"rate": result.scenario.true_rate, "rule": rule, "share": figures.rollback_share}
        for result in results
        for rule, figures in ((_WINDOWS, result.windows), (_EPROCESS, result.eprocess))
    ]
    lines = (
        alt.Chart(alt.InlineData(rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("rate:Q", title="true rate", scale=alt.Scale(zero=False)),
            y=alt.Y("share:Q", title="days rolled back", axis=alt.Axis(format="%")),
            color=alt.Color(
                "rule:N",
                title=None,
                scale=alt.Scale(domain=[_WINDOWS, _EPROCESS], range=list(_COLOURS)),
            ),
        )
    )
    limit: list[dict[str, JSONValue]] = [{"rate": results[0].scenario.threshold}]
    rule = (
        alt.Chart(alt.InlineData(limit))
        .mark_rule(strokeDash=[4, 4], color="#9498a0")
        .encode(x="rate:Q")
    )
    return alt.layer(lines, rule).properties(width=560, height=260, background="white")


def _figures(figures: RuleFigures) -> dict[str, JSONValue]:
    return {
        "rollbackShare": figures.rollback_share,
        "standardError": figures.standard_error,
        "medianWindows": figures.median_windows,
    }


def _share(figures: RuleFigures) -> str:
    return f"{figures.rollback_share:.2%} ± {figures.standard_error:.2%}"


def _median(figures: RuleFigures) -> str:
    return "-" if figures.median_windows is None else f"{figures.median_windows:g}"
