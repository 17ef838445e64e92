"""`helicarrier resolution policy|breakers|false-positives|schema-sql`: what deciding goes by."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.resolution_options import (
    ACTOR,
    NOT_PASSED,
    dry_run_option,
    environment_option,
    resolution_of,
)
from helicarrier.errors import ContractError, InputRejected
from helicarrier.resolution.enums import Environment

if TYPE_CHECKING:
    from helicarrier.resolution.breakers import Standing


@click.group()
def policy() -> None:
    """Check, store and show the policy."""


@policy.command()
@click.argument("files", type=click.Path(path_type=Path, dir_okay=False), nargs=-1)
@json_option
def check(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Hold policies and criteria to their schemas; without FILES the packaged ones.

    Ends with 4 where one is broken, and names every place.

    \b
    EXAMPLES
      helicarrier resolution policy check
    """
    from helicarrier.resolution import policy_documents as documents

    found: dict[str, list[dict[str, str]]] = {}
    if not files:
        default = documents.default_policy()
        found[f"{default.policy_id} v{default.version}"] = []
        found |= {f"{one.criterion_id} v{one.version}": [] for one in documents.default_criteria()}
    for file in files:
        try:
            documents.read_either(_bytes(file))
            found[str(file)] = []
        except ContractError as error:
            found[str(file)] = [
                {"pointer": one.pointer, "message": one.message} for one in error.violations
            ]
    if as_json:
        print_json({"documents": found})
    else:
        for name, wrong in found.items():
            click.echo(f"{name}: {'broken' if wrong else 'ok'}")
            for one in wrong:
                click.echo(f"  {one['pointer'] or '/'}: {one['message']}")
    if any(found.values()):
        raise InputRejected("a document breaks its schema or its rules")


@policy.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--activate", is_flag=True, help="Put it in force, in place of the one that is.")
@dry_run_option
@data_dir_option
def add(*, file: Path, activate: bool, dry_run: bool, data_dir: Path | None) -> None:
    """Store a version of a policy; other content under a known version is refused.

    \b
    EXAMPLES
      helicarrier resolution policy add --help
    """
    from helicarrier.resolution import policy_documents as documents

    body, now = _bytes(file), times.now()
    found = documents.read_policy(body)
    if not dry_run:
        with resolution_of(data_dir) as area:
            area.documents.add_policy(body, now=now)
            if activate:
                area.documents.activate(found.policy_id, found.version, actor=ACTOR, now=now)
    done = "would store" if dry_run else "stored"
    click.echo(f"{done} {found.policy_id} v{found.version}{', in force' * activate}")


@policy.command()
@json_option
@data_dir_option
def show(*, as_json: bool, data_dir: Path | None) -> None:
    """Show the policy in force.

    \b
    EXAMPLES
      helicarrier resolution policy show
    """
    with resolution_of(data_dir) as area:
        found = area.documents.active_policy()
    if as_json:
        print_json(
            {
                "policyId": found.policy_id,
                "version": found.version,
                "rules": [
                    {
                        "mismatchType": rule.mismatch_type.value,
                        "environments": [one.value for one in rule.environments],
                        "allowedActions": [one.value for one in rule.allowed_actions],
                        "safetyLevel": rule.safety_level.value,
                        "requiredEvidence": list(rule.required_evidence),
                        "minimumConfidence": rule.minimum_confidence,
                        "dualKey": rule.dual_key,
                    }
                    for rule in found.rules
                ],
            }
        )
        return
    click.echo(f"{found.policy_id} v{found.version}")
    for rule in found.rules:
        click.echo(
            f"{rule.mismatch_type:<20} {','.join(rule.environments):<15} "
            f"{rule.safety_level:<12} {rule.minimum_confidence:.2f} "
            f"{'dual key' if rule.dual_key else '':<8}  "
            f"{', '.join(rule.allowed_actions) or 'nothing'}"
        )


@click.group()
def breakers() -> None:
    """Show and judge the circuit breakers."""


@breakers.command("list")
@environment_option
@json_option
@data_dir_option
def list_(*, environment: str, as_json: bool, data_dir: Path | None) -> None:
    """How each breaker stood when it was last judged.

    \b
    EXAMPLES
      helicarrier resolution breakers list --environment prod
    """
    with resolution_of(data_dir) as area:
        found = area.board.standings(Environment(environment))
    _show(found, as_json=as_json)
    if not found:
        click.echo("no breaker was judged yet", err=True)


@breakers.command()
@environment_option
@dry_run_option
@json_option
@data_dir_option
def evaluate(*, environment: str, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Measure, and judge every breaker; ends with 2 where one holds shadow mode.

    \b
    EXAMPLES
      helicarrier resolution breakers evaluate --dry-run
    """
    from helicarrier.ledger.runs import run_store

    where = Environment(environment)
    with resolution_of(data_dir) as area:
        if dry_run:
            judged = area.board.judge_breakers(where, run_id="dry run", dry_run=True)
        else:
            with run_store(settings_of(data_dir)).run("resolution_breakers") as run:
                judged = area.board.judge_breakers(where, run_id=run.run_id)
                run.rows_out = len(judged)
    found = [new for _, new in judged]
    _show(found, as_json=as_json)
    if any(one.holds for one in found):
        raise click.exceptions.Exit(NOT_PASSED)


@click.command("false-positives")
@click.option("--weeks", type=click.IntRange(1, 520), default=4, show_default=True)
@json_option
@data_dir_option
def false_positives(*, weeks: int, as_json: bool, data_dir: Path | None) -> None:
    """How often reviewers found a resolution wrong, week by week.

    \b
    EXAMPLES
      helicarrier resolution false-positives --weeks 2
    """
    from helicarrier.resolution.false_positives import weekly

    with resolution_of(data_dir) as area:
        found = weekly(area.plans, area.reviews, Environment, weeks=weeks, now=times.now())
    if as_json:
        print_json(
            {
                "weeks": [
                    {
                        "environment": one.environment.value,
                        "begins": one.begins.isoformat(),
                        "plans": one.plans,
                        "unreviewed": one.unreviewed,
                        "correct": one.correct,
                        "falsePositives": one.false_positives,
                        "complaints": one.complaints,
                        "rate": one.rate,
                        "satisfaction": one.satisfaction,
                    }
                    for one in found
                ]
            }
        )
        return
    for one in found:
        rate = "no review" if one.rate is None else f"{one.rate:.1%} wrong"
        click.echo(
            f"{one.begins}  {one.environment:<5}  {one.plans:>5} plans  "
            f"{one.unreviewed:>5} unreviewed  {rate}  {one.complaints} complaints"
        )


@click.command("schema-sql")
def schema_sql() -> None:
    """Print a Postgres script that makes the tables of this area alone, for `psql -f`.

    \b
    EXAMPLES
      helicarrier resolution schema-sql
    """
    from helicarrier.resolution.schema_sql import schema_sql as statements

    for statement in statements():
        click.echo(statement)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise InputRejected(f"the file {file} cannot be read", hint="Name a JSON file.") from None


def _show(found: list["Standing"], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "breakers": [
                    {
                        "environment": one.environment.value,
                        "breaker": one.breaker.value,
                        "state": one.state.value,
                        "value": one.value,
                        "threshold": one.threshold,
                        "reason": one.reason,
                        "openedAt": one.opened_at,
                        "reevaluateAt": one.reevaluate_at,
                        "holdUntil": one.hold_until,
                        "checkedAt": one.checked_at,
                    }
                    for one in found
                ]
            }
        )
        return
    for one in found:
        until = "" if one.hold_until is None else f", shadow mode until {one.hold_until:%Y-%m-%d}"
        click.echo(f"{one.state:<10} {one.reason}{until}")
