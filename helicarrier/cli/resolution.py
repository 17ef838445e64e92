"""`helicarrier resolution`: may two outputs count as equal, and do the raters agree on it?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier.cli import resolution_deeds, resolution_plans, resolution_rules
from helicarrier.cli.common import json_option, print_json
from helicarrier.cli.resolution_analyze import analyze, run

if TYPE_CHECKING:
    from helicarrier.resolution.agreement import Agreement, Interval

NOT_PASSED = 2


@click.group()
def resolution() -> None:
    """Decide whether two outputs are equal, and who may say so."""


for command in (
    analyze,
    run,
    resolution_plans.plan,
    resolution_plans.plans,
    resolution_plans.preview,
    resolution_deeds.approve,
    resolution_deeds.apply,
    resolution_deeds.rollback,
    resolution_deeds.review,
    resolution_rules.policy,
    resolution_rules.breakers,
    resolution_rules.false_positives,
    resolution_rules.schema_sql,
):
    resolution.add_command(command)


@resolution.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--resamples", type=click.IntRange(100, 1_000_000), default=10_000, show_default=True)
@json_option
def agreement(*, file: Path, resamples: int, as_json: bool) -> None:
    """Fleiss' kappa of rater labels with its interval; ends with 2 while the gate is shut.

    The gate opens on at least 200 items whose interval lies at or above 0.75. FILE holds JSON
    Lines: {"id", "labels": [{"rater_id", "label"}]} with equivalent, not_equivalent, uncertain.

    \b
    EXAMPLES
      helicarrier resolution agreement --help
    """
    from helicarrier.resolution.agreement import measure
    from helicarrier.resolution.labels import read_labels

    found = measure(read_labels(file), resamples=resamples)
    if as_json:
        print_json(_wire(found))
    else:
        click.echo("\n".join(_lines(found)))
    if not found.gate_open:
        raise click.exceptions.Exit(NOT_PASSED)


def _wire(found: "Agreement") -> dict[str, object]:
    return {
        "kappa": found.kappa,
        "percentile": _ends(found.percentile),
        "bca": _ends(found.bca),
        "items": found.items,
        "singleItems": found.single_items,
        "raters": found.raters,
        "missingRatings": found.missing_ratings,
        "resamples": found.resamples,
        "undefinedResamples": found.undefined_resamples,
        "gateOpen": found.gate_open,
        "itemsNeeded": found.items_needed,
        "reason": found.reason,
    }


def _ends(interval: "Interval") -> list[float | None]:
    return [interval.low, interval.high]


def _lines(found: "Agreement") -> list[str]:
    kappa = "undefined" if found.kappa is None else f"{found.kappa:.4f}"
    needed = "" if found.items_needed is None else f"; {found.items_needed} items are needed"
    rated = f"{found.items} by {found.raters} raters, {found.missing_ratings} ratings missing"
    gate = "open" if found.gate_open else "shut"
    return [
        f"kappa       {kappa}",
        f"percentile  {_shown(found.percentile)}",
        f"BCa         {_shown(found.bca)}",
        f"items       {rated}, {found.single_items} items with fewer than two",
        f"resamples   {found.resamples}, {found.undefined_resamples} without a kappa",
        f"gate        {gate}: {found.reason}{needed}",
    ]


def _shown(interval: "Interval") -> str:
    if interval.low is None or interval.high is None:
        return "none"
    return f"{interval.low:.4f} to {interval.high:.4f}"
