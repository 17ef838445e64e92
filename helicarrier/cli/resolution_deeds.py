"""`helicarrier resolution approve|apply|rollback|review`: what people do about plans."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.resolution_options import (
    ACTOR,
    NOT_PASSED,
    dry_run_option,
    plan_line,
    plan_wire,
    resolution_of,
    show_step,
)
from helicarrier.resolution.decision_enums import ReviewVerdict
from helicarrier.resolution.enums import ResolutionStatus

if TYPE_CHECKING:
    from helicarrier.resolution.records import Plan

_KINDS = ("human_approval", "security_review")


@click.command()
@click.argument("plan_id")
@click.option("--user", required=True, help="Who approves; dual key needs two of them.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(_KINDS),
    default=_KINDS[0],
    show_default=True,
    help="As what.",
)
@click.option("--comment", default="", help="Why.")
@click.option("--reject", is_flag=True, help="Reject the plan instead.")
@dry_run_option
@json_option
@data_dir_option
def approve(
    *,
    plan_id: str,
    user: str,
    kind: str,
    comment: str,
    reject: bool,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Approve a plan, or reject it. The same person approves once, however often.

    An approval that comes too late rejects the plan.

    \b
    EXAMPLES
      helicarrier resolution approve --help
    """
    from helicarrier.resolution import plans as rules
    from helicarrier.resolution.outcomes import decision_of
    from helicarrier.resolution.records import Approval, ApprovalType

    now = times.now()

    def rule(there: "Plan") -> "Plan":
        if reject:
            return rules.rejected(there, comment or f"{user} rejected it")
        given = Approval(user=user, at=now, type=ApprovalType(kind), comment=comment)
        return rules.with_approval(there, given)

    with resolution_of(data_dir) as area:
        there = area.plans.get(plan_id)
        refused = rule(there).status is ResolutionStatus.REJECTED
        done = "rejected" if refused else "approved"
        decision = decision_of(
            there, done, (comment,) * bool(comment), now, actor=user, decision_id=str(uuid.uuid4())
        )
        found = rule(there) if dry_run else area.plans.change(plan_id, rule, decision=decision)
    _show(found, as_json=as_json)


@click.command()
@click.argument("plan_id")
@dry_run_option
@json_option
@data_dir_option
def apply(*, plan_id: str, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Apply a plan where every switch, the policy and its people allow it; else say why not.

    As shipped nothing is applied anywhere: the outcome says what would have been done. Ends with
    2 where nothing was applied.

    \b
    EXAMPLES
      helicarrier resolution apply --help
    """
    from helicarrier.ledger.runs import run_store

    with resolution_of(data_dir) as area:
        applier = area.applier()
        if dry_run:
            found = applier.apply(plan_id, actor=ACTOR, run_id="dry run", dry_run=True)
        else:
            with run_store(settings_of(data_dir)).run("resolution_outcomes") as run:
                found = applier.apply(plan_id, actor=ACTOR, run_id=run.run_id)
                run.rows_in, run.rows_out = 1, len(found.steps) * found.applied
                run.note(plan=plan_id, outcome=found.outcome)
    if as_json:
        print_json(
            {
                "outcome": found.outcome,
                "reasons": list(found.reasons),
                "plan": plan_wire(found.plan),
                "diffs": [step.diff for step in found.steps],
            }
        )
    else:
        click.echo(f"{found.outcome}: {plan_line(found.plan)}")
        for reason in found.reasons:
            click.echo(f"  {reason}")
        for step in found.steps:
            show_step(step)
    if not found.applied:
        raise click.exceptions.Exit(NOT_PASSED)


@click.command()
@click.argument("plan_id")
@click.option("--reason", default="by hand", show_default=True, help="Why, for the log.")
@dry_run_option
@json_option
@data_dir_option
def rollback(
    *, plan_id: str, reason: str, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Put back the bytes that a plan replaced. No switch stands in the way of this.

    \b
    EXAMPLES
      helicarrier resolution rollback --help
    """
    with resolution_of(data_dir) as area:
        found = area.applier().roll_back(plan_id, actor=ACTOR, reason=reason, dry_run=dry_run)
    _show(found, as_json=as_json)


@click.command()
@click.argument("plan_id")
@click.option(
    "--verdict",
    type=click.Choice([one.value for one in ReviewVerdict]),
    required=True,
    help="Whether it was right.",
)
@click.option("--reviewer", required=True, help="Who says so.")
@click.option("--satisfaction", type=click.IntRange(1, 5), help="1 (bad) to 5 (good).")
@click.option("--comment", help="Why.")
@dry_run_option
@data_dir_option
def review(
    *,
    plan_id: str,
    verdict: str,
    reviewer: str,
    satisfaction: int | None,
    comment: str | None,
    dry_run: bool,
    data_dir: Path | None,
) -> None:
    """Say whether what a plan did, or would have done, was right.

    False positives, complaints and low satisfaction trip the breakers.

    \b
    EXAMPLES
      helicarrier resolution review --help
    """
    from helicarrier.errors import UsageError
    from helicarrier.resolution.records import Review

    try:
        found = Review(
            plan_id=plan_id,
            verdict=ReviewVerdict(verdict),
            reviewer=reviewer,
            reviewed_at=times.now(),
            satisfaction=satisfaction,
            comment=comment,
        )
    except ValueError as error:
        raise UsageError(str(error), hint="Give --reviewer NAME.") from None
    with resolution_of(data_dir) as area:
        area.plans.get(plan_id)
        if dry_run:
            click.echo(f"would review {plan_id}: {verdict}")
            return
        new = area.learn(found)
    click.echo(f"{'reviewed' if new else 'reviewed before'} {plan_id}: {verdict}")


def _show(found: "Plan", *, as_json: bool) -> None:
    if as_json:
        print_json({"plan": plan_wire(found)})
    else:
        click.echo(plan_line(found))
