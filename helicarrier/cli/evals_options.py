"""Options of the eval commands: thresholds, rules, where a run comes from.

Values are checked where they are given, so that a mistake ends with 64 before any file is read.
"""

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TypeVar, cast

import click

from helicarrier.evals.catalog import MEASURES, OUTCOMES
from helicarrier.evals.enums import ALL, Gate, Policy, RateInterval, RunType
from helicarrier.evals.model import (
    DEFAULT_CONFIDENCE,
    DEFAULT_MIN_N,
    DEFAULT_THRESHOLDS,
)

_F = TypeVar("_F", bound=Callable[..., object])


class _Number(click.FloatRange):
    """A number in a range; NaN compares with nothing and would slip through."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Text -> number; a usage error otherwise."""
        number = super().convert(cast("float", value), param, ctx)
        if not isfinite(number):
            self.fail("expected a number", param, ctx)
        return number


_RATE = _Number(0, 1)
_MILLISECONDS = _Number(0)


class _OutcomeScore(click.ParamType[tuple[str, str]]):
    """OUTCOME=SCORE."""

    name = "outcome"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Text -> outcome and score; a usage error otherwise."""
        name, _, score = str(value).partition("=")
        if name not in OUTCOMES or not score:
            self.fail(f"expected OUTCOME=SCORE, OUTCOME of {', '.join(OUTCOMES)}", param, ctx)
        return name, score


class _GateMargin(click.ParamType[tuple[Gate, float]]):
    """GATE=NUMBER."""

    name = "margin"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Gate, float]:
        """Text -> gate and margin; a usage error otherwise."""
        name, _, number = str(value).partition("=")
        try:
            gate, margin = Gate(name), float(number)
        except ValueError:
            self.fail(f"expected GATE=NUMBER, GATE of {', '.join(Gate)}", param, ctx)
        if not 0 <= margin < float("inf"):
            self.fail("a margin is a number that is not negative", param, ctx)
        return gate, margin


class _SliceKey(click.ParamType[str]):
    """KEY or KEY=VALUE."""

    name = "slice"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Text -> the same text; a usage error where it names no key."""
        key = str(value).partition("=")[0]
        if not key.isidentifier() or key == ALL:
            self.fail("expected KEY or KEY=VALUE", param, ctx)
        return str(value)


def threshold_options(function: _F) -> _F:
    """One option for each gate, named after its threshold; they arrive under the gates' names."""
    for gate in reversed(Gate):
        measure = MEASURES[gate]
        unit = "" if measure.is_rate else " in ms"
        function = click.option(
            f"--{gate.value.replace('_', '-')}",
            gate.value,
            type=_RATE if measure.is_rate else _MILLISECONDS,
            default=DEFAULT_THRESHOLDS[gate],
            show_default=True,
            help=f"Threshold ({measure.direction}imum{unit}).",
        )(function)
    return function


def rule_options(function: _F) -> _F:
    """How gates judge: policy and interval."""
    for option in (
        click.option(
            "--interval",
            "rate_interval",
            type=click.Choice([each.value for each in RateInterval]),
            default=RateInterval.WILSON.value,
            show_default=True,
            help="Interval of rates: two-sided Wilson, or exact one-sided.",
        ),
        click.option(
            "--policy",
            type=click.Choice([each.value for each in Policy]),
            default=Policy.INTERVAL.value,
            show_default=True,
            help="Hold the interval or the bare value against the threshold.",
        ),
    ):
        function = option(function)
    return function


def confidence_option(function: _F) -> _F:
    """How sure the intervals are."""
    return click.option(
        "--confidence",
        type=_Number(0.5, 1, min_open=True, max_open=True),
        default=DEFAULT_CONFIDENCE,
        show_default=True,
        help="Confidence of the intervals.",
    )(function)


def run_options(function: _F) -> _F:
    """Where a run comes from, as it is stored with it."""
    for option in (
        click.option("--dataset", "dataset_ref", help="Name of the data. [default: file name]"),
        click.option("--commit", "commit_sha", default="unknown", help="Commit under test."),
        click.option(
            "--triggered-by", default="command line", show_default=True, help="Who asked."
        ),
        click.option(
            "--run-type",
            type=click.Choice([each.value for each in RunType]),
            default=RunType.OFFLINE.value,
            show_default=True,
            help="Where the samples come from.",
        ),
    ):
        function = option(function)
    return function


def slice_options(function: _F) -> _F:
    """What samples are sliced by, and the least number in a slice."""
    function = click.option(
        "--min-n",
        type=click.IntRange(1),
        default=DEFAULT_MIN_N,
        show_default=True,
        help="Items that a slice needs to be judged.",
    )(function)
    return click.option(
        "--slice",
        "slices",
        multiple=True,
        metavar="KEY[=VALUE]",
        type=_SliceKey(),
        help="Also judge by selected_provider, model_id, tenant_id, route_strategy or a label; "
        "with a value that slice has to have samples. Repeatable.",
    )(function)


def reading_options(function: _F) -> _F:
    """How files are read."""
    from helicarrier.evals.readers.registry import FORMATS

    function = click.option(
        "--outcome",
        "outcomes",
        multiple=True,
        metavar="OUTCOME=SCORE",
        type=_OutcomeScore(),
        help="Score of another tool's log that gives an outcome. Repeatable.",
    )(function)
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(sorted(FORMATS)),
        help="Format of the files; recognised by default.",
    )(function)


def margin_option(function: _F) -> _F:
    """How much worse than the baseline still passes."""
    return click.option(
        "--margin",
        "margins",
        multiple=True,
        metavar="GATE=NUMBER",
        type=_GateMargin(),
        help="How much worse than the baseline a gate may be. Repeatable.",
    )(function)


def input_option(function: _F) -> _F:
    """The file to judge."""
    return click.option(
        "--input",
        "input_",
        type=click.Path(path_type=Path),
        required=True,
        help="Eval records, or a log of Inspect, promptfoo or lm-eval.",
    )(function)
