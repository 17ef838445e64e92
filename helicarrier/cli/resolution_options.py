"""What the commands that decide share: opening the area, and the options of people and places."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from helicarrier.cli.common import settings_of
from helicarrier.cli.stores import ready_store
from helicarrier.resolution.enums import Environment

if TYPE_CHECKING:
    from helicarrier.resolution.preview import Step
    from helicarrier.resolution.records import Plan
    from helicarrier.resolution.service import Resolution

NOT_PASSED = 2
ACTOR = "cli"
_F = TypeVar("_F", bound=Callable[..., object])


def environment_option(function: _F) -> _F:
    """`--environment`: where a plan would be applied."""
    return click.option(
        "--environment",
        type=click.Choice([one.value for one in Environment]),
        default=Environment.DEV.value,
        show_default=True,
        help="Where it would be applied.",
    )(function)


def dry_run_option(function: _F) -> _F:
    """`--dry-run`: nothing is written."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")(
        function
    )


@contextmanager
def resolution_of(data_dir: Path | None) -> Iterator["Resolution"]:
    """The area over the store of this process.

    Raises:
        NotReady: there is no store at the newest schema.
    """
    from helicarrier.resolution.service import Resolution, edge

    settings = settings_of(data_dir)
    with ready_store(settings) as store:
        yield Resolution(settings, store, edge())


def plan_wire(plan: "Plan") -> dict[str, object]:
    """A plan as JSON shows it."""
    from helicarrier.resolution.rows import action_json, approval_json

    return {
        "id": plan.plan_id,
        "mismatchId": plan.mismatch_id,
        "environment": plan.environment.value,
        "status": plan.status.value,
        "safetyLevel": plan.safety_level.value,
        "dualKey": plan.dual_key,
        "approvalsNeeded": plan.approvals_needed,
        "approvals": [approval_json(one) for one in plan.approvals],
        "actions": [action_json(one) for one in plan.actions],
        "policy": {"id": plan.policy_id, "version": plan.policy_version},
        "minimumConfidence": plan.minimum_confidence,
        "requiredEvidence": list(plan.required_evidence),
        "createdAt": plan.created_at,
        "expiresAt": plan.expires_at,
        "appliedAt": plan.applied_at,
        "outcome": dict(plan.outcome),
    }


def plan_line(plan: "Plan") -> str:
    """A plan in a line."""
    actions = ", ".join(f"{one.action} {one.artifact_id}" for one in plan.actions)
    given = len({one.person for one in plan.approvals})
    return (
        f"{plan.plan_id}  {plan.environment:<5}  {plan.status:<11}  {plan.safety_level:<12}  "
        f"{given}/{plan.approvals_needed} approvals  {actions}"
    )


def show_step(step: "Step") -> None:
    """The diff of a step; what cannot be seen is made visible, what is sensitive is not shown."""
    from helicarrier.resolution.analyzers.policy_violation import sensitive_findings
    from helicarrier.resolution.diffing import diff
    from helicarrier.resolution.enums import Syntax
    from helicarrier.resolution.model import artifact

    name = step.action.artifact_id
    sides = [artifact(name, content, Syntax.OTHER) for content in (step.before, step.after)]
    if any(map(sensitive_findings, sides)):
        click.echo("the diff is not shown: it has secrets or personal data")
        return
    for line in diff(*sides):
        click.echo(line)
