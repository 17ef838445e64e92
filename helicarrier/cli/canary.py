"""`helicarrier canary`: judge the windows of a canary, and drill its rules beforehand."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.stores import ready_store
from helicarrier.evals.canary.model import ActingRule
from helicarrier.evals.enums import CanaryVerdict, EvalEnvironment

if TYPE_CHECKING:
    from helicarrier.evals.canary.model import WindowVerdict

NOT_PASSED = 2
_HARMLESS = {CanaryVerdict.CONTINUE, CanaryVerdict.WARN}
_environment_option = click.option(
    "--environment",
    type=click.Choice([one.value for one in EvalEnvironment]),
    default=EvalEnvironment.PROD.value,
    show_default=True,
    help="Whose providers are changed.",
)


@click.group()
def canary() -> None:
    """Judge a canary window by window, and drill its rules beforehand."""


@canary.command()
@_environment_option
@click.option(
    "--acting",
    type=click.Choice([one.value for one in ActingRule]),
    default=ActingRule.EPROCESS.value,
    show_default=True,
    help="Which rule acts; the other warns.",
)
@click.option(
    "--baseline-rate", type=click.FloatRange(0, 1), help="Valid rate of what it is compared with."
)
@click.option("--dry-run", is_flag=True, help="Judge and print; store and change nothing.")
@json_option
@data_dir_option
def evaluate(
    *,
    environment: str,
    acting: str,
    baseline_rate: float | None,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Judge the windows that are over; act on the newest. Ends with 2 when something was done.

    \b
    EXAMPLES
      helicarrier canary evaluate --dry-run
      helicarrier canary evaluate --environment prod --json
    """
    from helicarrier.evals.canary.watch import watch
    from helicarrier.evals.routing.repository import SqlRoutingRepository
    from helicarrier.ledger.runs import run_store
    from helicarrier.notify.dispatcher import channels_of

    settings, where = settings_of(data_dir), EvalEnvironment(environment)
    with ready_store(settings) as store:
        found = watch(
            store,
            SqlRoutingRepository(store),
            where,
            runs=None if dry_run else run_store(settings),
            now=times.now(),
            acting=ActingRule(acting),
            baseline_schema_rate=baseline_rate,
            channels=channels_of(settings),
        )
    if as_json:
        print_json({"environment": environment, "windows": [_wire(one) for one in found]})
    else:
        _show(found)
    if found and found[-1].acted not in _HARMLESS:
        raise click.exceptions.Exit(NOT_PASSED)


@canary.command()
@_environment_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=48, show_default=True)
@json_option
@data_dir_option
def status(*, environment: str, limit: int, as_json: bool, data_dir: Path | None) -> None:
    """Show the windows that were judged, newest first.

    \b
    EXAMPLES
      helicarrier canary status
      helicarrier canary status --json --limit 4
    """
    from helicarrier.evals.canary.watch import judged

    with ready_store(settings_of(data_dir)) as store:
        found = judged(store, EvalEnvironment(environment), limit=limit)
    if as_json:
        print_json({"environment": environment, "windows": found})
        return
    for one in found:
        click.echo(
            f"{one['windowStart']}  {one['requests']:>6} requests  evidence {one['eValue']:>8.3g}  "
            f"{one['acted']}"
        )
    if not found:
        click.echo("no window was judged yet", err=True)


@canary.command()
@click.option("--threshold", type=click.FloatRange(0.5, 0.9999), default=0.99, show_default=True)
@click.option("--requests", type=click.IntRange(1, 100_000), default=30, show_default=True)
@click.option("--days", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--rate", "rates", type=click.FloatRange(0, 1), multiple=True, help="A true rate.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the report as JSON, Markdown and a plot into this folder.",
)
@json_option
def simulate(
    *,
    threshold: float,
    requests: int,
    days: int,
    seed: int,
    rates: tuple[float, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Play many days through the rules: how often are they wrong, how fast are they right?

    \b
    EXAMPLES
      helicarrier canary simulate --days 1000
      helicarrier canary simulate --requests 30 --rate 0.995 --rate 0.95 --json
    """
    from helicarrier.evals.canary import evidence
    from helicarrier.evals.canary.simulate import simulate as play

    scenarios = evidence.drill(
        threshold=threshold,
        requests=requests,
        days=days,
        seed=seed,
        rates=rates or evidence.RATES,
    )
    results = [play(scenario) for scenario in scenarios]
    if as_json:
        print_json(evidence.as_json(results))
    else:
        click.echo(evidence.as_markdown(results), nl=False)
    if output is not None:
        for path in evidence.write(results, output):
            click.echo(f"wrote {path}", err=True)


def _wire(verdict: "WindowVerdict") -> dict[str, object]:
    return {
        "windowStart": times.utc_text(verdict.window.start),
        "requests": verdict.window.requests,
        "samples": verdict.window.samples,
        "dataState": verdict.data_state.value,
        "breaches": [guardrail.value for guardrail in verdict.breaches],
        "eValue": verdict.e_value,
        "windowsVerdict": verdict.windows_verdict.value,
        "eprocessVerdict": verdict.eprocess_verdict.value,
        "immediateVerdict": verdict.immediate_verdict.value,
        "acted": verdict.acted.value,
        "reason": verdict.reason,
    }


def _show(verdicts: "list[WindowVerdict]") -> None:
    for one in verdicts:
        click.echo(f"{times.utc_text(one.window.start)}  {one.acted.value:<16} {one.reason}")
    if not verdicts:
        click.echo("no window is over that was not judged yet", err=True)
