"""`helicarrier alerts`: what fires, what is done about it, and what people are told."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier import times
from helicarrier.cli.alerts_options import ACTOR, Duration, Instant, state_line, writing
from helicarrier.cli.alerts_outbox import deliver, outbox, retry, test
from helicarrier.cli.alerts_rules import add_rule, rules, set_rule
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.stores import ready_store
from helicarrier.errors import UsageError

if TYPE_CHECKING:
    from helicarrier.alerts.evaluation import Evaluated

NOT_PASSED = 2
_scope_option = click.option("--scope-key", help="One scope of the rule; without it all of them.")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done.")


@click.group()
def alerts() -> None:
    """Show what fires, suppress or resolve it, change rules, deliver notifications."""


for command in (rules, add_rule, set_rule, deliver, outbox, retry, test):
    alerts.add_command(command)


@alerts.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is well or suppressed.")
@json_option
@data_dir_option
def list_(*, everything: bool, as_json: bool, data_dir: Path | None) -> None:
    """List what fires, the worst first.

    \b
    EXAMPLES
      helicarrier alerts list
      helicarrier alerts list --all --json
    """
    from helicarrier.alerts import operations, wire
    from helicarrier.alerts.repository import SqlAlertRepository

    now = times.now()
    with ready_store(settings_of(data_dir)) as store:
        if everything:
            known = {rule.rule_id: rule for rule in SqlAlertRepository(store).rules()}
            states = SqlAlertRepository(store).states()
            rows: Sequence[Mapping[str, object]] = [
                wire.state_json(known[state.rule_id], state, now) for state in states
            ]
        else:
            rows = [wire.active_json(alert) for alert in operations.active(store, now=now)]
    if as_json:
        print_json({"rows": rows})
        return
    for row in rows:
        click.echo(state_line(row))
    if not rows:
        click.echo("nothing was judged yet" if everything else "nothing fires", err=True)


@alerts.command()
@click.option("--dry-run", is_flag=True, help="Judge and print; store and tell nothing.")
@json_option
@data_dir_option
def evaluate(*, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Judge every rule in force now. Ends with 2 while something fires.

    What is to be told is queued; `alerts deliver`, the service or Dagster delivers it.

    \b
    EXAMPLES
      helicarrier alerts evaluate --dry-run
      helicarrier alerts evaluate --json
    """
    from helicarrier.alerts.evaluation import evaluate as judge
    from helicarrier.ledger.runs import run_store
    from helicarrier.notify.dispatcher import channels_of

    settings = settings_of(data_dir)
    with ready_store(settings) as store:
        done = judge(
            store,
            runs=None if dry_run else run_store(settings),
            channels=channels_of(settings),
            now=times.now(),
        )
    _show_evaluated(done, as_json=as_json)
    if done.firing:
        raise click.exceptions.Exit(NOT_PASSED)


@alerts.command()
@click.argument("rule_id")
@_scope_option
@click.option("--for", "length", type=Duration(), help="How long, as 30m, 2h or 1d.")
@click.option("--until", type=Instant(), help="Until when, ISO 8601 with a zone.")
@click.option("--end", is_flag=True, help="End the suppression now.")
@_dry_run_option
@json_option
@data_dir_option
def suppress(
    *,
    rule_id: str,
    scope_key: str | None,
    length: timedelta | None,
    until: datetime | None,
    end: bool,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Silence a rule until a time: it is judged, and nobody is told. It holds over restarts.

    \b
    EXAMPLES
      helicarrier alerts suppress --help
    """
    from helicarrier.alerts import operations, wire

    if (length is not None) + (until is not None) + end != 1:
        raise UsageError("give one of --for, --until and --end")
    settings = settings_of(data_dir)
    with ready_store(settings) as store, writing(settings, dry_run=dry_run) as how:
        ends = until if length is None else how.now + length
        done = operations.suppress(
            store, rule_id, ends, how, actor=ACTOR, scope_key=scope_key, dry_run=dry_run
        )
    scopes = [state.scope_key for state in done]
    if as_json:
        told = {"suppressedUntil": wire.time_text(ends), "scopes": scopes}
        print_json({"ruleId": rule_id, "dryRun": dry_run, **told})
        return
    would = "would be " if dry_run else "is "
    what = "no longer suppressed" if ends is None else f"suppressed until {times.utc_text(ends)}"
    click.echo(f"{rule_id} {would}{what} ({len(scopes)} scopes)")


@alerts.command()
@click.argument("rule_id")
@_scope_option
@_dry_run_option
@json_option
@data_dir_option
def resolve(
    *, rule_id: str, scope_key: str | None, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Call what fires under a rule well; the next evaluation may find otherwise.

    \b
    EXAMPLES
      helicarrier alerts resolve --help
    """
    from helicarrier.alerts import operations

    settings = settings_of(data_dir)
    with ready_store(settings) as store, writing(settings, dry_run=dry_run) as how:
        done = operations.resolve(
            store, rule_id, how, actor=ACTOR, scope_key=scope_key, dry_run=dry_run
        )
    scopes = [state.scope_key for state in done]
    if as_json:
        print_json({"ruleId": rule_id, "dryRun": dry_run, "resolved": scopes})
        return
    for scope in scopes:
        click.echo(f"{rule_id} {scope} {'would be' if dry_run else 'is'} resolved")
    if not scopes:
        click.echo("nothing fires under this rule", err=True)


@alerts.command()
@click.argument("rule_id")
@json_option
@data_dir_option
def history(*, rule_id: str, as_json: bool, data_dir: Path | None) -> None:
    """Show every transition of a rule, oldest first.

    \b
    EXAMPLES
      helicarrier alerts history --help
    """
    from helicarrier.alerts.repository import SqlAlertRepository

    with ready_store(settings_of(data_dir)) as store:
        found = SqlAlertRepository(store).transitions(rule_id)
    rows = [
        {
            "occurredAt": times.utc_text(one.occurred_at),
            "scopeKey": one.scope_key,
            "fromStatus": one.from_status.value,
            "toStatus": one.to_status.value,
            "fromLifecycle": one.from_lifecycle.value,
            "toLifecycle": one.to_lifecycle.value,
            "value": one.value,
            "reason": one.reason,
            "runId": one.run_id,
        }
        for one in found
    ]
    if as_json:
        print_json({"ruleId": rule_id, "transitions": rows})
        return
    for row in rows:
        click.echo(
            f"{row['occurredAt']}  {row['scopeKey']}  {row['fromStatus']} -> {row['toStatus']}  "
            f"{row['toLifecycle']}  {row['reason']}"
        )
    if not rows:
        click.echo("no transition of this rule is known", err=True)


def _show_evaluated(done: "Evaluated", *, as_json: bool) -> None:
    from helicarrier.alerts import wire

    now = times.now()
    rows = [wire.state_json(rule, step.state, now) for rule, step in done.steps]
    if as_json:
        told = {"firing": done.firing, "withoutData": done.without_data, "queued": done.queued}
        print_json({"runId": done.run_id, **told, "rows": rows})
        return
    for row in rows:
        click.echo(state_line(row))
    if not rows:
        click.echo("no rule is in force; make one with `helicarrier alerts add-rule`", err=True)
