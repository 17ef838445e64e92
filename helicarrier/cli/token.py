"""`helicarrier token`: access tokens of the HTTP service."""

from datetime import timedelta
from pathlib import Path

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.stores import ready_store

_ACTOR = "cli"


@click.group()
def token() -> None:
    """Make, list and revoke access tokens of the HTTP service."""


@token.command()
@click.option(
    "--scope",
    type=click.Choice(["read", "ingest", "control"]),
    required=True,
    help="What it allows; control may read as well.",
)
@click.option("--name", default="", help="Whose it is.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
@json_option
@data_dir_option
def create(
    *,
    scope: str,
    name: str,
    days: int | None,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Make a token and print it, this once: only its hash is stored.

    \b
    EXAMPLES
      helicarrier token create --scope ingest --name build-agents
      helicarrier token create --scope read --days 90 --json
    """
    from helicarrier.api import tokens

    now = times.now()
    expires = None if days is None else now + timedelta(days=days)
    ends = None if expires is None else times.utc_text(expires)
    if dry_run:
        if as_json:
            print_json({"tokenId": None, "token": None, "scope": scope, "expiresAt": ends})
        click.echo(f"would make a token ({scope}), valid until {ends or 'revoked'}", err=True)
        return
    with ready_store(settings_of(data_dir), make=True) as store:
        made = tokens.create(
            store,
            name=name,
            scope=tokens.Scope(scope),
            actor=_ACTOR,
            now=now,
            expires_at=expires,
        )
    if as_json:
        print_json(
            {"tokenId": made.token_id, "token": made.secret, "scope": scope, "expiresAt": ends}
        )
        return
    click.echo(made.secret)
    click.echo(f"token {made.token_id} ({scope}): keep it now, it is not shown again", err=True)


@token.command("list")
@json_option
@data_dir_option
def list_(*, as_json: bool, data_dir: Path | None) -> None:
    """List the tokens, oldest first; never their secrets.

    \b
    EXAMPLES
      helicarrier token list
      helicarrier token list --json
    """
    from helicarrier.api import tokens

    now = times.now()
    with ready_store(settings_of(data_dir)) as store:
        found = tokens.records(store)
    if as_json:
        print_json(
            {
                "tokens": [
                    {
                        "tokenId": one.token_id,
                        "name": one.name,
                        "scope": one.scope.value,
                        "createdAt": times.utc_text(one.created_at),
                        "expiresAt": one.expires_at and times.utc_text(one.expires_at),
                        "revokedAt": one.revoked_at and times.utc_text(one.revoked_at),
                        "valid": one.is_valid(now),
                    }
                    for one in found
                ]
            }
        )
        return
    for one in found:
        state = "valid" if one.is_valid(now) else "ended"
        click.echo(f"{one.token_id}  {one.scope.value:7}  {state}  {one.name}")
    if not found:
        click.echo("there is no token", err=True)


@token.command()
@click.argument("token_id")
@click.option("--dry-run", is_flag=True, help="Look whether there is such a token; end nothing.")
@data_dir_option
def revoke(*, token_id: str, dry_run: bool, data_dir: Path | None) -> None:
    """End a token; running services notice within a second.

    \b
    EXAMPLES
      helicarrier token revoke --help
    """
    from helicarrier.api import tokens

    with ready_store(settings_of(data_dir)) as store:
        if dry_run:
            tokens.require(store, token_id)
            click.echo(f"token {token_id} would be revoked")
            return
        tokens.revoke(store, token_id, actor=_ACTOR, now=times.now())
    click.echo(f"token {token_id} is revoked")
