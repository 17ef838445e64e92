"""The dispatcher: takes what is due from the outbox and hands it to its channel.

Any number of dispatchers may run at once, in the service, in a sensor, from the command line: each
message is claimed by one of them. Nothing is held while a receiver is slow; an attempt that ends
with the process is made again when its claim has run out.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from helicarrier import logs
from helicarrier.notify.command import CommandSender
from helicarrier.notify.model import Channel, Delivery, Sent
from helicarrier.notify.outbox import Outbox
from helicarrier.notify.tables import DeliveryState
from helicarrier.notify.webhook import WebhookSender
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore

_CLAIM_BEYOND_TIMEOUT = timedelta(seconds=30)
AT_ONCE = 100
"""Messages that one round takes."""


class Sender(Protocol):
    """A channel's way out."""

    def send(self, delivery: Delivery) -> str | None:
        """Deliver. Returns: None when the receiver has it, else why not."""
        ...


class LogSender:
    """Writes a line into the log of this process: subject and key, not the data."""

    def send(self, delivery: Delivery) -> str | None:
        """Log it as a warning, which every level of logging shows but `error`."""
        logs.warning("notification", subject=delivery.subject, key=delivery.dedup_key)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long an attempt may take, and how many there are."""

    timeout: timedelta
    most_attempts: int


class Dispatcher:
    """Delivers what is due."""

    def __init__(
        self,
        outbox: Outbox,
        senders: Mapping[str, Sender],
        terms: Terms,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        """Args: outbox; senders by channel; terms; clock."""
        self._outbox = outbox
        self._senders = senders
        self._terms = terms
        self._clock = clock

    def deliver(self, *, go_on: Callable[[], bool] = lambda: True) -> list[Sent]:
        """One round over what is due now.

        Args: go_on, asked before each message: a service that is stopping says no.

        Raises:
            StorageUnavailable: the store is away; what was claimed is tried again later.
        """
        sent = []
        for notification_id in self._outbox.due(self._clock(), limit=AT_ONCE):
            if not go_on():
                break
            now = self._clock()
            delivery = self._outbox.claim(
                notification_id,
                now=now,
                until=now + self._terms.timeout + _CLAIM_BEYOND_TIMEOUT,
                most_attempts=self._terms.most_attempts,
            )
            if delivery is not None:
                sent.append(self._attempt(delivery))
        return sent

    def _attempt(self, delivery: Delivery) -> Sent:
        sender = self._senders.get(delivery.channel)
        if sender is None:
            error: str | None = "the settings of this process do not have this channel"
        else:
            try:
                error = sender.send(delivery)
            except Exception as defect:  # noqa: BLE001 - one message must not hold up the others
                error = f"the channel has a defect ({type(defect).__name__})"
        if error is None:
            self._outbox.delivered(delivery, now=self._clock())
            return Sent(delivery=delivery, error=None, final=True)
        state = self._outbox.failed(
            delivery, error, now=self._clock(), most_attempts=self._terms.most_attempts
        )
        final = state is DeliveryState.FAILED
        if final:
            logs.warning("notification.failed", key=delivery.dedup_key, channel=delivery.channel)
        return Sent(delivery=delivery, error=error, final=final)


def dispatcher_of(
    settings: Settings, store: OperationalStore, *, clock: Callable[[], datetime]
) -> Dispatcher:
    """The dispatcher that these settings mean; it knows each channel that they configure."""
    timeout = settings.notify_timeout_seconds
    senders: dict[str, Sender] = {Channel.LOG.value: LogSender()}
    if settings.notify_webhook_url is not None:
        senders[Channel.WEBHOOK.value] = WebhookSender(
            settings.notify_webhook_url,
            allow_private=settings.notify_webhook_private,
            timeout_seconds=timeout,
        )
    if settings.notify_arguments:
        senders[Channel.COMMAND.value] = CommandSender(
            settings.notify_arguments, timeout_seconds=timeout, environ=os.environ
        )
    terms = Terms(timeout=timedelta(seconds=timeout), most_attempts=settings.notify_attempts)
    return Dispatcher(Outbox(store), senders, terms, clock=clock)


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels that a new message is queued for."""
    return tuple(map(Channel, settings.notification_channels))
