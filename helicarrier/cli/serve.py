"""`helicarrier serve`: the HTTP service, until a signal ends it."""

import asyncio
import ipaddress
from pathlib import Path

import click

from helicarrier.cli.common import data_dir_option, settings_of
from helicarrier.errors import UsageError
from helicarrier.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0: a free one.",
)
@data_dir_option
def serve(*, host: str, port: int, data_dir: Path | None) -> None:
    """Serve the HTTP API and the pages.

    The schema is brought up first; while that is not possible, /readyz says why. Other machines
    are only listened to once there is a token (`helicarrier token create`).

    \b
    EXAMPLES
      helicarrier serve --help
    """
    settings = settings_of(data_dir)
    if not settings.enable_sqlite and not settings.secret:
        raise UsageError(
            "the tokens are in the database, which is off, and HELICARRIER_SECRET is not set",
            hint="Set HELICARRIER_SECRET: it opens the service while it works on the legacy store.",
        )
    if not _is_loopback(host) and not _has_token(settings):
        raise UsageError(
            f"{host} is open to other machines and there is no token yet",
            hint="Make one with `helicarrier token create`, or listen on 127.0.0.1.",
        )
    from helicarrier.api.app import create_app
    from helicarrier.api.server import Server

    def told(port: int) -> None:
        click.echo(f"serving http://{host}:{port} (data in {settings.data_dir})", err=True)

    server = Server(
        create_app(settings),
        host=host,
        port=port,
        drain_seconds=settings.drain_seconds,
        listening=told,
    )
    asyncio.run(server.serve())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_token(settings: Settings) -> bool:
    if settings.secret:
        return True
    from helicarrier.api import tokens
    from helicarrier.store import migrate
    from helicarrier.store.operational import OperationalStore

    if not migrate.readiness(settings.url).ready:
        return False
    store = OperationalStore(settings.url)
    try:
        return bool(tokens.records(store))
    finally:
        store.close()
