"""`helicarrier routing`: which provider answers, and the way back to the default one."""

from pathlib import Path

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.stores import ready_store
from helicarrier.evals.enums import EvalEnvironment

_ACTOR = "cli"
_environment_option = click.option(
    "--environment",
    type=click.Choice([one.value for one in EvalEnvironment]),
    default=EvalEnvironment.PROD.value,
    show_default=True,
    help="Where it holds.",
)
_dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done.")


@click.group()
def routing() -> None:
    """Show and change which provider answers, and go back to the default one."""


@routing.command("list")
@_environment_option
@json_option
@data_dir_option
def list_(*, environment: str, as_json: bool, data_dir: Path | None) -> None:
    """List the providers: the default first, then by weight.

    \b
    EXAMPLES
      helicarrier routing list
      helicarrier routing list --environment staging --json
    """
    from helicarrier.evals.routing.repository import SqlRoutingRepository

    with ready_store(settings_of(data_dir)) as store:
        found = SqlRoutingRepository(store).configs(EvalEnvironment(environment))
    if as_json:
        print_json(
            {
                "environment": environment,
                "providers": [
                    {
                        "provider": one.provider,
                        "enabled": one.enabled,
                        "isDefault": one.is_default,
                        "weight": one.weight,
                        "timeoutMs": one.timeout_ms,
                        "maxRetries": one.max_retries,
                        "model": one.model,
                        "promptTemplateVersion": one.prompt_template_version,
                    }
                    for one in found
                ],
            }
        )
        return
    for one in found:
        state = "default" if one.is_default else "enabled" if one.enabled else "off"
        click.echo(
            f"{one.provider:<16} {state:<8} weight {one.weight:>4}  {one.model or ''}".rstrip()
        )
    if not found:
        click.echo(f"{environment} has no provider", err=True)


@routing.command("set")
@click.argument("provider")
@_environment_option
@click.option("--enable/--disable", "enabled", default=None, help="Whether requests may go there.")
@click.option("--weight", type=click.IntRange(0), help="Share beside the other weights.")
@click.option("--timeout-ms", type=click.IntRange(1_000, 180_000), help="How long to wait.")
@click.option("--max-retries", type=click.IntRange(0, 3), help="Tries after the first.")
@click.option("--model", help="Model to ask for.")
@_dry_run_option
@data_dir_option
def set_(
    *,
    provider: str,
    environment: str,
    enabled: bool | None,
    weight: int | None,
    timeout_ms: int | None,
    max_retries: int | None,
    model: str | None,
    dry_run: bool,
    data_dir: Path | None,
) -> None:
    """Change a provider, or add it; what is not named stays. The change is audited.

    \b
    EXAMPLES
      helicarrier routing set anthropic --weight 20 --model claude-sonnet-4-5
      helicarrier routing set custom --disable --dry-run
    """
    from helicarrier.evals.routing.repository import ProviderChange, SqlRoutingRepository

    change = ProviderChange(
        enabled=enabled,
        weight=weight,
        timeout_ms=timeout_ms,
        max_retries=max_retries,
        model=model,
    )
    told = ", ".join(f"{name} = {value}" for name, value in change.values().items()) or "defaults"
    with ready_store(settings_of(data_dir)) as store:
        if not dry_run:
            SqlRoutingRepository(store).set(
                provider, EvalEnvironment(environment), change, actor=_ACTOR, now=times.now()
            )
    click.echo(f"{'would set' if dry_run else 'set'} {environment}/{provider}: {told}")


@routing.command("default")
@click.argument("provider")
@_environment_option
@_dry_run_option
@data_dir_option
def default_(*, provider: str, environment: str, dry_run: bool, data_dir: Path | None) -> None:
    """Make an enabled provider the default one.

    \b
    EXAMPLES
      helicarrier routing default openai --dry-run
    """
    from helicarrier.evals.routing.repository import SqlRoutingRepository

    with ready_store(settings_of(data_dir)) as store:
        if not dry_run:
            SqlRoutingRepository(store).make_default(
                provider, EvalEnvironment(environment), actor=_ACTOR, now=times.now()
            )
    click.echo(f"{provider} {'would be' if dry_run else 'is'} the default of {environment}")


@routing.command()
@_environment_option
@click.option("--reason", default="by hand", show_default=True, help="Why, for the audit log.")
@_dry_run_option
@data_dir_option
def rollback(*, environment: str, reason: str, dry_run: bool, data_dir: Path | None) -> None:
    """Give every request to the default provider; all others are off with weight 0.

    One transaction with a line in the audit log; with --dry-run its SQL is printed.

    \b
    EXAMPLES
      helicarrier routing rollback --environment prod --dry-run
    """
    from helicarrier.evals.routing.repository import (
        SqlRoutingRepository,
        default_of,
        rollback_sql,
    )

    where, now = EvalEnvironment(environment), times.now()
    with ready_store(settings_of(data_dir)) as store:
        repository = SqlRoutingRepository(store)
        if dry_run:
            provider = default_of(repository.configs(where), where)
            click.echo(rollback_sql(provider, where, now=now))
            return
        provider = repository.roll_back(where, actor=_ACTOR, reason=reason, now=now)
    click.echo(f"{provider} takes everything in {environment}")


@routing.command()
@json_option
@data_dir_option
def latency(*, as_json: bool, data_dir: Path | None) -> None:
    """Median and 95th percentile of the latency of each provider.

    \b
    EXAMPLES
      helicarrier routing latency --json
    """
    from helicarrier.evals.routing.latency import latency_by_provider

    with ready_store(settings_of(data_dir)) as store, store.read() as connection:
        found = latency_by_provider(connection)
    if as_json:
        print_json(
            {
                "providers": [
                    {
                        "provider": one.provider,
                        "measured": one.measured,
                        "p50Ms": one.p50_ms,
                        "p95Ms": one.p95_ms,
                    }
                    for one in found
                ]
            }
        )
        return
    for one in found:
        click.echo(
            f"{one.provider:<16} p50 {one.p50_ms:>9,.0f} ms  p95 {one.p95_ms:>9,.0f} ms  "
            f"{one.measured:,} measured"
        )
    if not found:
        click.echo("no generation has a latency", err=True)


@routing.command("contract-sql")
def contract_sql() -> None:
    """Print the additive script for a Postgres that has `ai_training_examples` already.

    It adds what is missing and touches nothing else; it can be run again.

    \b
    EXAMPLES
      helicarrier routing contract-sql
    """
    from helicarrier.evals.routing.additive import contract_script

    click.echo(contract_script(), nl=False)
