"""`helicarrier resolution analyze` and `run`: is a pair equivalent, and what proves it?"""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.resolution.enums import Environment

if TYPE_CHECKING:
    from helicarrier.resolution.analysis_run import Analyzed
    from helicarrier.resolution.manifest import Results
    from helicarrier.resolution.model import Analysis

NOT_PASSED = 2
_COLORS = {"-": "red", "+": "green", "@": "cyan", "!": "yellow"}
_proven_option = click.option(
    "--proven", is_flag=True, help="Pass only what is proven, without masks, tolerance or score."
)


@click.command()
@click.argument("golden", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--tests",
    type=click.Path(path_type=Path),
    help="Python that tests both, imported as `artifact`; it runs in a sandbox.",
)
@_proven_option
@json_option
def analyze(
    *, golden: Path, candidate: Path, tests: Path | None, proven: bool, as_json: bool
) -> None:
    """Say whether two files are equivalent, by which proof, and show the diff.

    Ends with 0 where they are equivalent and with 2 where they are not or nobody can tell. How a
    file is read follows from its suffix, else from its content. Nothing is changed.

    \b
    EXAMPLES
      helicarrier resolution analyze golden.json candidate.json
      helicarrier resolution analyze before.md after.md --proven --json
      helicarrier resolution analyze before.py after.py --tests checks.py
    """
    from helicarrier.resolution.analysis_run import analyzed, analyzed_by_tests
    from helicarrier.resolution.pair_folder import read_artifact, read_pair

    pair = read_pair(golden, candidate)
    if tests is None:
        (found,) = analyzed([pair])
    else:
        found = analyzed_by_tests(pair, read_artifact(tests, str(tests)))
    if as_json:
        print_json(found.wire())
    else:
        _show(found)
    _end(passed=_passes(found, proven=proven))


@click.command()
@click.argument("place", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of report.json, manifest.json."
)
@click.option("--dry-run", is_flag=True, help="Analyze and print, write nothing.")
@_proven_option
@json_option
@data_dir_option
def run(
    *,
    place: Path,
    out: Path | None,
    dry_run: bool,
    proven: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Analyze every pair of DIR and write a report and the run's manifest.

    DIR has the folders golden/ and candidate/ with the same file names, or files of JSON Lines, or
    is such a file: {"golden": {"artifact_id", "content"}, "candidate": {...}}.
    Ends with 2 where a pair is not equivalent.

    \b
    EXAMPLES
      helicarrier resolution run pairs/
      helicarrier resolution run pairs.jsonl --out report/ --json
    """
    from helicarrier.resolution.analysis_run import analyzed, results
    from helicarrier.resolution.manifest import RunManifest, surroundings, write, write_json
    from helicarrier.resolution.pair_folder import read_place
    from helicarrier.resolution.runtime import read
    from helicarrier.store.code_ref import code_ref

    settings, run_id, started_at = settings_of(data_dir), uuid4(), times.now()
    environment = Environment(settings.resolution_environment)
    runtime = read(settings.resolution_config_path).of(environment)
    pairs = read_place(place)
    found = analyzed(pairs)
    counts = results(found)
    folder = out or settings.data_dir / "resolution" / str(run_id)
    if not dry_run:
        manifest = RunManifest(
            run_id=run_id,
            environment=surroundings(code_ref()),
            budgets=runtime.budgets,
            artifacts=[side for pair in pairs for side in (pair.golden, pair.candidate)],
            results=counts,
            started_at=started_at,
            ended_at=times.now(),
            metadata={"environment": environment.value},
        )
        write_json(
            {"runId": str(run_id), "pairs": [one.wire() for one in found]}, folder / "report.json"
        )
        write(manifest, folder / "manifest.json")
        click.echo(f"wrote {folder / 'report.json'} and manifest.json", err=True)
    if as_json:
        print_json(
            {"runId": str(run_id), "results": counts, "pairs": [one.wire() for one in found]}
        )
    else:
        click.echo("\n".join(_summary(found, counts)))
    _end(passed=all(_passes(one, proven=proven) for one in found))


def _passes(found: "Analyzed", *, proven: bool) -> bool:
    return found.proven if proven else found.verdict == "equivalent"


def _end(*, passed: bool) -> None:
    if not passed:
        raise click.exceptions.Exit(NOT_PASSED)


def _show(found: "Analyzed") -> None:
    from helicarrier.resolution.analyzers.policy_violation import sensitive_findings
    from helicarrier.resolution.diffing import diff

    if found.classified is None:
        digest = found.pair.golden.content_hash
        click.echo(f"verdict    equivalent, proven\nmethod     exact\nsha256     {digest}")
        return
    click.echo("\n".join(_lines(found.classified.deciding)))
    sides = found.pair.golden, found.pair.candidate
    if any(map(sensitive_findings, sides)):
        click.echo("\ndiff       not shown: it has secrets or personal data")
        return
    click.echo()
    color = False if os.environ.get("NO_COLOR") else None
    for line in diff(*sides):
        click.echo(click.style(line, fg=_COLORS.get(line[:1])), color=color)


def _lines(found: "Analysis") -> list[str]:
    proof = found.proof
    lines = [
        f"verdict    {found.verdict.value}, {'proven' if found.proven else 'not proven'}",
        f"type       {found.mismatch_type.value}",
        f"method     {found.method.value}",
    ]
    if proof is not None:
        lines += [
            f"golden     {proof.golden_hash}",
            f"candidate  {proof.candidate_hash}",
            f"proof      {'both canonical forms are equal' if proof.holds else 'the forms differ'}",
        ]
    lines += [
        f"masked     {one.kind}: {one.golden} in the golden, {one.candidate} in the candidate"
        for one in found.masked
    ]
    lines += [f"finding    {one.code} {one.where}: {one.message}" for one in found.findings]
    return lines


def _summary(found: "list[Analyzed]", counts: "Results") -> list[str]:
    types = ", ".join(f"{name} {count}" for name, count in counts.by_type.items()) or "none"
    rows = [
        f"{one.verdict.value:15} {'proven' if one.proven else '-':7} "
        f"{one.classified.mismatch_type.value if one.classified else 'identical':20} "
        f"{one.pair.candidate.artifact_id}"
        for one in found
    ]
    return [
        *rows,
        "",
        f"pairs: {counts.pairs}, {counts.identical} of them identical",
        f"equivalent: {counts.equivalent}, {counts.proven} of them proven",
        f"not equivalent: {counts.not_equivalent}, undecidable: {counts.undecidable}",
        f"types: {types}",
    ]
