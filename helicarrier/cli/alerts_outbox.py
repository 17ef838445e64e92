"""`helicarrier alerts deliver|outbox|retry|test`: what waits to be told, and telling it."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.cli.stores import ready_store
from helicarrier.errors import UsageError
from helicarrier.notify.tables import DeliveryState

if TYPE_CHECKING:
    from helicarrier.notify.model import Sent

NOT_PASSED = 2


@click.command()
@click.option("--dry-run", is_flag=True, help="Say how many are due; deliver nothing.")
@json_option
@data_dir_option
def deliver(*, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Deliver what is due, once. Ends with 2 when a receiver did not take something.

    \b
    EXAMPLES
      helicarrier alerts deliver
      helicarrier alerts deliver --dry-run --json
    """
    from helicarrier.notify.dispatcher import AT_ONCE, dispatcher_of
    from helicarrier.notify.outbox import Outbox

    settings = settings_of(data_dir)
    with ready_store(settings) as store:
        if dry_run:
            due = len(Outbox(store).due(times.now(), limit=AT_ONCE))
            if as_json:
                print_json({"dryRun": True, "due": due})
            else:
                click.echo(f"{due} messages are due")
            return
        sent = dispatcher_of(settings, store, clock=times.now).deliver()
    _show(sent, as_json=as_json)


@click.command()
@click.option(
    "--state", type=click.Choice([one.value for one in DeliveryState]), help="Of one state alone."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@data_dir_option
def outbox(*, state: str | None, limit: int, as_json: bool, data_dir: Path | None) -> None:
    """List notifications, newest first: delivered, waiting, or failed for good.

    \b
    EXAMPLES
      helicarrier alerts outbox
      helicarrier alerts outbox --state failed --json
    """
    from helicarrier.alerts.wire import time_text
    from helicarrier.notify.outbox import Outbox

    wanted = None if state is None else DeliveryState(state)
    with ready_store(settings_of(data_dir)) as store:
        found = Outbox(store).rows(state=wanted, limit=limit)
    rows = [
        {
            "notificationId": row.notification_id,
            "key": row.dedup_key,
            "channel": row.channel,
            "subject": row.subject,
            "state": row.state,
            "attempts": row.attempts,
            "createdAt": time_text(row.created_at),
            "nextAttemptAt": time_text(row.next_attempt_at),
            "deliveredAt": time_text(row.delivered_at),
            "lastError": row.last_error,
        }
        for row in found
    ]
    if as_json:
        print_json({"rows": rows})
        return
    for row in rows:
        error = f"  ({row['lastError']})" if row["lastError"] else ""
        click.echo(
            f"{row['createdAt']}  {row['state']:<9} {row['channel']:<7} "
            f"{row['notificationId']}  {row['subject']}{error}"
        )
    if not rows:
        click.echo("there is no such notification", err=True)


@click.command()
@click.argument("notification_id")
@click.option("--dry-run", is_flag=True, help="Look whether there is such a message.")
@data_dir_option
def retry(*, notification_id: str, dry_run: bool, data_dir: Path | None) -> None:
    """Give a failed notification all its attempts again.

    \b
    EXAMPLES
      helicarrier alerts retry --help
    """
    from helicarrier.notify.outbox import Outbox

    with ready_store(settings_of(data_dir)) as store:
        Outbox(store).retry(notification_id, dry_run=dry_run)
    click.echo(f"{notification_id} {'would be' if dry_run else 'is'} queued again")


@click.command()
@click.option("--dry-run", is_flag=True, help="Name the channels; send nothing.")
@json_option
@data_dir_option
def test(*, dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Send a test message through every channel and say what became of it.

    \b
    EXAMPLES
      helicarrier alerts test
      helicarrier alerts test --dry-run
    """
    from helicarrier.notify.dispatcher import channels_of, dispatcher_of
    from helicarrier.notify.model import Message
    from helicarrier.notify.outbox import enqueue

    settings = settings_of(data_dir)
    channels = channels_of(settings)
    if not channels:
        raise UsageError("no channel is configured", hint="Set HELICARRIER_NOTIFY_CHANNELS.")
    if dry_run:
        if as_json:
            print_json({"dryRun": True, "channels": [channel.value for channel in channels]})
        else:
            click.echo(f"a test message would go to {', '.join(channels)}")
        return
    key = f"test-{uuid.uuid4()}"
    message = Message(dedup_key=key, kind="test", subject="a test of notifications", data={})
    with ready_store(settings) as store:
        with store.write() as connection:
            enqueue(
                connection, message, channels, now=times.now(), new_id=lambda: str(uuid.uuid4())
            )
        sent = dispatcher_of(settings, store, clock=times.now).deliver()
    _show([one for one in sent if one.delivery.dedup_key == key], as_json=as_json)


def _show(sent: "Sequence[Sent]", *, as_json: bool) -> None:
    rows = [
        {
            "notificationId": one.delivery.notification_id,
            "key": one.delivery.dedup_key,
            "channel": one.delivery.channel,
            "subject": one.delivery.subject,
            "attempts": one.delivery.attempts,
            "error": one.error,
            "final": one.final,
        }
        for one in sent
    ]
    if as_json:
        print_json({"rows": rows})
    else:
        for row in rows:
            click.echo(f"{row['channel']:<8} {row['error'] or 'delivered':<40} {row['subject']}")
        if not rows:
            click.echo("nothing is due", err=True)
    if any(one.error for one in sent):
        raise click.exceptions.Exit(NOT_PASSED)
