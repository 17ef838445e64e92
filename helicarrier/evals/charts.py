"""The picture of a gate: its value with the interval, and the threshold it is held against.

A rate without its interval looks more certain than it is, so both are drawn together, one line for
all samples and one for each slice. An end that the samples cannot bound is drawn at the value.
"""

from collections.abc import Sequence

from helicarrier.evals.enums import ALL, Verdict
from helicarrier.evals.model import GateResult

MOST_LINES = 30
"""Slices that a picture shows at most; the verdict rows have all."""

_COLOURS = {Verdict.PASS: "#3ca951", Verdict.FAIL: "#ff725c", Verdict.INCONCLUSIVE: "#efb118"}
_WIDTH, _STEP = 620, 28


def gate_png(verdicts: Sequence[GateResult]) -> bytes:
    """The verdicts of one gate as a PNG picture on white; those without a value are left out."""
    import altair as alt
    import vl_convert

    rows: list[dict[str, str | float]] = [
        {
            "name": ALL if row.slice_key == ALL else f"{row.slice_key} {row.slice_value}",
            "verdict": row.verdict.value,
            "value": row.value,
            "low": row.value if row.ci_low is None else row.ci_low,
            "high": row.value if row.ci_high is None else row.ci_high,
            "threshold": row.threshold,
        }
        for row in verdicts[:MOST_LINES]
        if row.value is not None
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", title=None, sort=None),
        color=alt.Color(
            "verdict:N",
            scale=alt.Scale(domain=[one.value for one in _COLOURS], range=list(_COLOURS.values())),
        ),
    )
    axis = alt.X("low:Q", title="value and interval", scale=alt.Scale(zero=False))
    chart = alt.layer(
        base.mark_rule(strokeWidth=4).encode(x=axis, x2="high:Q"),
        base.mark_point(size=90, filled=True, opacity=1).encode(x="value:Q"),
        base.mark_tick(thickness=3, size=20).encode(x="threshold:Q", color=alt.value("#222222")),
    ).properties(width=_WIDTH, height=max(1, len(rows)) * _STEP, background="white")
    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))
