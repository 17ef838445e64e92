"""`helicarrier alerts rules|add-rule|set-rule`: what is watched."""

import uuid
from pathlib import Path

import click

from helicarrier import times
from helicarrier.alerts.enums import AlertComparison, AlertMetric, AlertScope, AlertWindow
from helicarrier.cli.alerts_options import ACTOR, writing
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.stores import ready_store
from helicarrier.errors import UsageError

_dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done.")
_window_option = click.option(
    "--window", type=click.Choice([one.value for one in AlertWindow]), help="How far it looks back."
)
_comparison_option = click.option(
    "--comparison",
    type=click.Choice([one.value for one in AlertComparison]),
    help="When a value breaches: above the threshold, or at it as well.",
)
_cooldown_option = click.option(
    "--cooldown", type=click.IntRange(0, 604_800), help="Seconds in which a repeat is not told."
)


@click.command()
@json_option
@data_dir_option
def rules(*, as_json: bool, data_dir: Path | None) -> None:
    """List the rules.

    \b
    EXAMPLES
      helicarrier alerts rules
      helicarrier alerts rules --json
    """
    from helicarrier.alerts import wire
    from helicarrier.alerts.repository import SqlAlertRepository

    with ready_store(settings_of(data_dir)) as store:
        found = SqlAlertRepository(store).rules()
    if as_json:
        print_json({"rows": [wire.rule_json(rule) for rule in found]})
        return
    for rule in found:
        state = "on " if rule.enabled else "off"
        names = " ".join(name for name in (rule.agent_id, rule.model_id) if name)
        click.echo(
            f"{state} {rule.rule_id}  {rule.metric.value} in {rule.time_window.value}  "
            f"{rule.scope.value} {names or 'all'}  {rule.comparison.value} "
            f"{rule.warn_threshold:g} / {rule.critical_threshold:g}"
        )
    if not found:
        click.echo("there is no rule; make one with `helicarrier alerts add-rule`", err=True)


@click.command("add-rule")
@click.argument("rule_id", required=False)
@click.option("--metric", type=click.Choice([one.value for one in AlertMetric]), required=True)
@click.option(
    "--scope",
    type=click.Choice([one.value for one in AlertScope]),
    default=AlertScope.GLOBAL.value,
    show_default=True,
    help="What is judged apart: without --agent or --model each of them.",
)
@click.option("--agent", help="One agent.")
@click.option("--model", help="One model.")
@click.option("--warn", type=click.FloatRange(0), required=True, help="From here on a warning.")
@click.option("--critical", type=click.FloatRange(0), required=True, help="From here on critical.")
@_window_option
@_comparison_option
@_cooldown_option
@_dry_run_option
@json_option
@data_dir_option
def add_rule(
    *,
    rule_id: str | None,
    metric: str,
    scope: str,
    agent: str | None,
    model: str | None,
    warn: float,
    critical: float,
    window: str | None,
    comparison: str | None,
    cooldown: int | None,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Make a rule. Cost is in dollars, runtime in milliseconds, a rate from 0 to 1.

    \b
    EXAMPLES
      helicarrier alerts add-rule daily-cost --metric daily_cost_usd --warn 20 --critical 50
      helicarrier alerts add-rule --metric failure_rate --warn 0.2 --critical 0.5 --dry-run
    """
    import msgspec

    from helicarrier.alerts import operations, wire
    from helicarrier.ingest.strict_bodies import read

    given = {
        "ruleId": rule_id,
        "metric": metric,
        "scope": scope,
        "agentId": agent,
        "modelId": model,
        "warnThreshold": warn,
        "criticalThreshold": critical,
        "timeWindow": window,
        "comparison": comparison,
        "dedupCooldownSec": cooldown,
    }
    body = {name: value for name, value in given.items() if value is not None}
    now = times.now()
    rule = read(msgspec.json.encode(body), wire.RuleBody).rule(str(uuid.uuid4()), now)
    if not dry_run:
        with ready_store(settings_of(data_dir), make=True) as store:
            operations.create_rule(store, rule, actor=ACTOR, now=now)
    if as_json:
        print_json({"dryRun": dry_run, "rule": wire.rule_json(rule)})
        return
    click.echo(f"rule {rule.rule_id} {'would be' if dry_run else 'is'} made")


@click.command("set-rule")
@click.argument("rule_id")
@click.option("--warn", type=click.FloatRange(0), help="From here on a warning.")
@click.option("--critical", type=click.FloatRange(0), help="From here on critical.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it is in force.")
@_window_option
@_comparison_option
@_cooldown_option
@_dry_run_option
@json_option
@data_dir_option
def set_rule(
    *,
    rule_id: str,
    warn: float | None,
    critical: float | None,
    enabled: bool | None,
    window: str | None,
    comparison: str | None,
    cooldown: int | None,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Change a rule; what is not named stays. One that is switched off lets go of what fires.

    \b
    EXAMPLES
      helicarrier alerts set-rule --help
    """
    from helicarrier.alerts import operations, wire

    change = operations.RuleChange(
        warn_threshold=warn,
        critical_threshold=critical,
        time_window=None if window is None else AlertWindow(window),
        comparison=None if comparison is None else AlertComparison(comparison),
        dedup_cooldown_sec=cooldown,
        enabled=enabled,
    )
    if not change.shown():
        raise UsageError("nothing of the rule is named", hint="Give at least one option.")
    settings = settings_of(data_dir)
    with ready_store(settings) as store, writing(settings, dry_run=dry_run) as how:
        rule = operations.change_rule(store, rule_id, change, how, actor=ACTOR, dry_run=dry_run)
    if as_json:
        print_json({"dryRun": dry_run, "rule": wire.rule_json(rule)})
        return
    click.echo(f"rule {rule.rule_id} {'would be' if dry_run else 'is'} changed")
