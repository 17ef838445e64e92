"""`helicarrier evals`: judge eval results by release gates, look at runs, judge them again.

The exit code is what a build server asks for: 0 when every gate passes, 2 when any does not, 4 for
a file that is missing or broken, 64 for a mistake of the call. Tables and JSON go to stdout,
everything else to stderr.
"""

import uuid
from pathlib import Path

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.evals_options import (
    confidence_option,
    input_option,
    margin_option,
    reading_options,
    rule_options,
    run_options,
    slice_options,
    threshold_options,
)
from helicarrier.cli.render import show as show_table
from helicarrier.errors import VerificationFailed
from helicarrier.evals.enums import Gate, Policy, RateInterval, RunType
from helicarrier.evals.model import DEFAULT_MARGINS

NOT_PASSED = 2


@click.group()
def evals() -> None:
    """Judge eval results by release gates, compare runs, judge them again.

    A verdict is pass, fail or inconclusive: an interval decides, not a bare value, and nothing
    passes without data. Where a RUN is asked for, give the id of a stored run or a report that
    `evals run --output` wrote.
    """


@evals.command()
@input_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report with the samples to this file.",
)
@click.option(
    "--baseline", metavar="RUN", help="Run, report or results that the run must not be worse than."
)
@threshold_options
@margin_option
@rule_options
@confidence_option
@slice_options
@reading_options
@run_options
@click.option("--dry-run", is_flag=True, help="Judge and print; write nothing.")
@json_option
@data_dir_option
def run(
    *,
    input_: Path,
    output: Path | None,
    baseline: str | None,
    margins: tuple[tuple[Gate, float], ...],
    policy: str,
    rate_interval: str,
    confidence: float,
    slices: tuple[str, ...],
    min_n: int,
    format_name: str | None,
    outcomes: tuple[tuple[str, str], ...],
    run_type: str,
    triggered_by: str,
    commit_sha: str,
    dataset_ref: str | None,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
    **thresholds: float,
) -> int:
    """Judge a file of eval results; ends with 2 unless every gate passes.

    \b
    EXAMPLES
      helicarrier evals run --input examples/evals/records.jsonl --output report.json
      helicarrier evals run --input examples/evals/records.jsonl --slice model_id --json
      helicarrier evals run --input examples/evals/inspect.json --policy point --dry-run
    """
    from helicarrier.cli.evals_runs import records_of, save, store_exists
    from helicarrier.cli.evals_views import verdict_table
    from helicarrier.evals import evaluation
    from helicarrier.evals.readers.registry import read_file
    from helicarrier.evals.report import report
    from helicarrier.evals.report_file import write_report

    started_at, settings = times.now(), settings_of(data_dir)
    scores = dict(outcomes)
    records = read_file(input_, format_name=format_name, outcomes=scores)
    before = (
        None
        if baseline is None
        else records_of(baseline, settings, format_name=format_name, outcomes=scores)
    )
    rules = evaluation.Rules(
        thresholds={Gate(name): value for name, value in thresholds.items()},
        margins={**DEFAULT_MARGINS, **dict(margins)},
        policy=Policy(policy),
        rate_interval=RateInterval(rate_interval),
        confidence=confidence,
        min_n=min_n,
        slices=slices,
    )
    origin = evaluation.Origin(
        run_id=str(uuid.uuid4()),
        started_at=started_at,
        finished_at=times.now(),
        code_version=code_version(),
        run_type=RunType(run_type),
        triggered_by=triggered_by,
        commit_sha=commit_sha,
        dataset_ref=dataset_ref or input_.name,
    )
    found = evaluation.judge(records, rules, origin, before)
    if not dry_run:
        if store_exists(settings):
            save(found, rules, origin, settings, source=str(input_))
            click.echo(f"stored run {found.run.run_id}", err=True)
        else:
            click.echo(
                "not stored: there is no store (`helicarrier migrate up` makes it)", err=True
            )
    if output is not None and not dry_run:
        write_report(output, report(found, generated_at=times.now(), with_samples=True))
        click.echo(f"wrote {output}", err=True)
    if as_json:
        print_json(report(found, generated_at=times.now()))
    else:
        show_table(verdict_table(found))
    return _outcome(passed=found.passed)


@evals.command()
@click.argument("run", metavar="RUN")
@json_option
@data_dir_option
def show(*, run: str, as_json: bool, data_dir: Path | None) -> int:
    """Show the verdicts of a run as they were given; ends with 2 unless every gate passed.

    \b
    EXAMPLES
      helicarrier evals show report.json
      helicarrier evals show report.json --json
    """
    from helicarrier.cli.evals_runs import whole_run
    from helicarrier.cli.evals_views import verdict_table
    from helicarrier.evals.report import report

    found = whole_run(run, settings_of(data_dir))
    if as_json:
        print_json(report(found, generated_at=found.run.finished_at or found.run.started_at))
    else:
        show_table(verdict_table(found))
    return _outcome(passed=found.passed)


@evals.command()
@click.argument("run", metavar="RUN")
@json_option
@data_dir_option
def replay(*, run: str, as_json: bool, data_dir: Path | None) -> None:
    """Judge a run again from its samples; ends with 7 unless every verdict is the same.

    \b
    EXAMPLES
      helicarrier evals replay report.json
      helicarrier evals replay report.json --json
    """
    from helicarrier.canonical import sha256
    from helicarrier.cli.evals_runs import whole_run
    from helicarrier.evals import evaluation
    from helicarrier.evals.decision import verdict_bytes, verdict_json

    again = evaluation.replay(whole_run(run, settings_of(data_dir)))
    digest = sha256(verdict_bytes(again.verdicts))
    if as_json:
        print_json(
            {
                "run_id": again.run.run_id,
                "identical": again.identical,
                "verdicts_sha256": digest,
                "verdicts": [verdict_json(row) for row in again.verdicts],
            }
        )
    if not again.identical:
        raise VerificationFailed(
            f"run {again.run.run_id} has other verdicts now than those that are stored",
            hint=f"It was judged by {again.decision.code_version}; run that version to compare.",
        )
    if not as_json:
        click.echo(
            f"run {again.run.run_id}: {len(again.verdicts)} verdicts are the same, sha256 {digest}"
        )


@evals.command()
@click.argument("run", metavar="RUN")
@click.argument("baseline", metavar="BASELINE")
@confidence_option
@reading_options
@json_option
@data_dir_option
def compare(
    *,
    run: str,
    baseline: str,
    confidence: float,
    format_name: str | None,
    outcomes: tuple[tuple[str, str], ...],
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Compare two runs item by item; both may also be files of eval results.

    \b
    EXAMPLES
      helicarrier evals compare examples/evals/regressed.jsonl examples/evals/records.jsonl
      helicarrier evals compare examples/evals/regressed.jsonl report.json --json
    """
    from helicarrier.cli.evals_runs import records_of
    from helicarrier.cli.evals_views import comparison_table
    from helicarrier.evals import comparing

    scores = dict(outcomes)
    settings = settings_of(data_dir)
    after, before = (
        records_of(target, settings, format_name=format_name, outcomes=scores)
        for target in (run, baseline)
    )
    found = comparing.compare(after.records, before.records, confidence=confidence)
    if as_json:
        print_json(
            {
                "run_id": after.run_id,
                "baseline_run_id": before.run_id,
                "confidence": confidence,
                "measures": found,
            }
        )
    else:
        show_table(comparison_table(found, confidence))


@evals.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@threshold_options
@rule_options
@confidence_option
@reading_options
@json_option
@data_dir_option
def flakes(
    *,
    runs: tuple[str, ...],
    policy: str,
    rate_interval: str,
    confidence: float,
    format_name: str | None,
    outcomes: tuple[tuple[str, str], ...],
    as_json: bool,
    data_dir: Path | None,
    **thresholds: float,
) -> None:
    """Show how often items flip over runs of one configuration, and what that does to each gate.

    The runs have to be of the same code, model, prompts and data: their differences are taken for
    chance. One run with repeats of its items will do.

    \b
    EXAMPLES
      helicarrier evals flakes examples/evals/records.jsonl examples/evals/again.jsonl
      helicarrier evals flakes examples/evals/records.jsonl examples/evals/again.jsonl --json
    """
    from helicarrier.cli.evals_runs import records_of
    from helicarrier.cli.evals_views import flake_table
    from helicarrier.evals.evaluation import Rules
    from helicarrier.evals.flakes import flake_ledger

    scores, settings = dict(outcomes), settings_of(data_dir)
    found = flake_ledger(
        [
            records_of(each, settings, format_name=format_name, outcomes=scores).records
            for each in runs
        ],
        Rules(
            thresholds={Gate(name): value for name, value in thresholds.items()},
            policy=Policy(policy),
            rate_interval=RateInterval(rate_interval),
            confidence=confidence,
        ),
    )
    if as_json:
        print_json(found)
    else:
        show_table(flake_table(found))


@evals.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@data_dir_option
def list_(*, limit: int, as_json: bool, data_dir: Path | None) -> None:
    """List the stored runs, newest first.

    \b
    EXAMPLES
      helicarrier evals list
      helicarrier evals list --limit 5 --json
    """
    from helicarrier.cli.evals_runs import repository_of
    from helicarrier.cli.evals_views import runs_table
    from helicarrier.evals.report import run_json

    with repository_of(settings_of(data_dir)) as repository:
        found = repository.runs(limit=limit)
    if as_json:
        print_json({"runs": [run_json(each) for each in found]})
    elif found:
        show_table(runs_table(found))
    if not found:
        click.echo("no eval run is stored", err=True)


@evals.command("ingest-sql")
@click.argument("file", metavar="FILE")
@data_dir_option
def ingest_sql(*, file: str, data_dir: Path | None) -> None:
    """Print the Postgres script that loads a report; running it twice changes nothing.

    FILE is a report that `evals run --output` wrote, or the id of a stored run.

    \b
    EXAMPLES
      helicarrier evals ingest-sql report.json
    """
    from helicarrier.cli.evals_runs import whole_run
    from helicarrier.evals import ingest_sql as script

    for statement in script.ingest_sql(whole_run(file, settings_of(data_dir))):
        click.echo(statement)


def code_version() -> str:
    """Version and commit of the code that judges."""
    from helicarrier import __version__
    from helicarrier.store.code_ref import code_ref

    return f"{__version__} ({code_ref()})"


def _outcome(*, passed: bool) -> int:
    return 0 if passed else NOT_PASSED
