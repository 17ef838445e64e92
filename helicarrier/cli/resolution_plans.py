"""`helicarrier resolution plan|plans|preview`: what may be done about outputs that differ."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.resolution_options import (
    dry_run_option,
    environment_option,
    plan_line,
    plan_wire,
    resolution_of,
    show_step,
)
from helicarrier.resolution.enums import Environment, ResolutionStatus

if TYPE_CHECKING:
    from helicarrier.resolution.planning import Proposal


@click.command()
@click.argument("place", type=click.Path(path_type=Path))
@environment_option
@dry_run_option
@json_option
@data_dir_option
def plan(
    *, place: Path, environment: str, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Find the mismatches of output pairs, and plan what may be done about them.

    PLACE is a folder or a file as `resolution run` takes it. The same pairs again give the same
    mismatches and plans. Nothing is applied; the manifest of the run is written.

    \b
    EXAMPLES
      helicarrier resolution plan --help
    """
    from helicarrier.ledger.runs import run_store
    from helicarrier.resolution.pair_folder import read_place

    where = Environment(environment)
    pairs = read_place(place)
    with resolution_of(data_dir) as area:
        if dry_run:
            search = area.search(pairs, where, run_id="dry run", dry_run=True)
            proposals = area.propose(search, where, run_id="dry run")
        else:
            runs = run_store(settings_of(data_dir))
            with runs.run("resolution_plans", config={"environment": environment}) as run:
                search = area.search(pairs, where, run_id=run.run_id)
                area.keep(search)
                proposals = area.propose(search, where, run_id=run.run_id)
                made = [one.plan for one in proposals if one.plan is not None]
                run.rows_in, run.rows_out = len(pairs), area.plans.save(made)
                area.write_manifest(search, where, run_id=run.run_id, started_at=run.started_at)
    if as_json:
        print_json(
            {
                "pairs": search.pairs,
                "equal": search.equal,
                "unknownSessions": list(search.unknown_sessions),
                "mismatches": [_wire(one) for one in proposals],
            }
        )
        return
    for one in proposals:
        click.echo(_line(one))
    click.echo(f"{search.pairs} pairs, {search.equal} equal, {len(proposals)} differ", err=True)
    for name in search.unknown_sessions:
        click.echo(f"the ledger has no session {name}", err=True)


@click.command()
@click.option("--status", type=click.Choice([one.value for one in ResolutionStatus]))
@click.option("--environment", type=click.Choice([one.value for one in Environment]))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@data_dir_option
def plans(
    *,
    status: str | None,
    environment: str | None,
    limit: int,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """List plans, the newest first.

    \b
    EXAMPLES
      helicarrier resolution plans
      helicarrier resolution plans --status proposed --json
    """
    with resolution_of(data_dir) as area:
        found = area.plans.find(
            status=None if status is None else ResolutionStatus(status),
            environment=None if environment is None else Environment(environment),
            limit=limit,
        )
    if as_json:
        print_json({"plans": [plan_wire(one) for one in found]})
        return
    for one in found:
        click.echo(plan_line(one))
    if not found:
        click.echo("there is no such plan", err=True)


@click.command()
@click.argument("plan_id")
@json_option
@data_dir_option
def preview(*, plan_id: str, as_json: bool, data_dir: Path | None) -> None:
    """Show what a plan would change, and how often reviewers agreed with others of its kind.

    \b
    EXAMPLES
      helicarrier resolution preview --help
    """
    with resolution_of(data_dir) as area:
        found = area.plans.get(plan_id)
        steps = area.applier().preview(found)
        mismatch = area.mismatches.get(found.mismatch_id)
        pattern = None if mismatch is None else area.patterns.like(mismatch)
    if as_json:
        shown = [
            {
                "action": step.action.action.value,
                "artifactId": step.action.artifact_id,
                "diff": step.diff,
                "impact": step.impact.as_json(),
            }
            for step in steps
        ]
        held = None if pattern is None else {"held": pattern.successes, "of": pattern.uses}
        print_json({"plan": plan_wire(found), "steps": shown, "pattern": held})
        return
    click.echo(plan_line(found))
    if pattern is not None:
        click.echo(f"of its kind {pattern.successes} of {pattern.uses} held")
    for step in steps:
        impact = step.impact
        click.echo(
            f"{step.action.action} {step.action.artifact_id}: {impact.bytes_before} to "
            f"{impact.bytes_after} bytes, {impact.lines_added} lines added, "
            f"{impact.lines_removed} removed{', destructive' * impact.destructive}"
        )
        show_step(step)


def _wire(one: "Proposal") -> dict[str, object]:
    found = one.mismatch
    return {
        "id": found.mismatch_id,
        "type": found.mismatch_type.value,
        "status": found.status.value,
        "artifactIds": list(found.artifact_ids),
        "confidence": found.confidence,
        "verdict": found.evidence.get("verdict"),
        "plan": None if one.plan is None else plan_wire(one.plan),
        "refusals": list(one.refusals),
    }


def _line(one: "Proposal") -> str:
    found = one.mismatch
    head = f"{found.mismatch_id}  {found.mismatch_type:<20}"
    if one.plan is None:
        return f"{head}  no plan: {'; '.join(one.refusals)}"
    return f"{head}  {plan_line(one.plan)}"
