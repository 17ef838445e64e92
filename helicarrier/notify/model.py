"""Messages and channels: what an area hands to the outbox, and what a channel gets to deliver."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from helicarrier import times
from helicarrier.canonical import JSONValue, canonical_bytes


class Channel(StrEnum):
    """The ways out."""

    LOG = "log"
    WEBHOOK = "webhook"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that people should know.

    `dedup_key` is the same for the same thing, however often it is said; `kind` is `area.what`,
    `data` what there is to know, without secrets.
    """

    dedup_key: str
    kind: str
    subject: str
    data: Mapping[str, JSONValue]

    def body(self, now: datetime) -> bytes:
        """The JSON document that is delivered: the same bytes at every attempt."""
        return canonical_bytes(
            {
                "key": self.dedup_key,
                "kind": self.kind,
                "subject": self.subject,
                "createdAt": times.utc_text(now),
                "data": dict(self.data),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way through one channel. `attempts` counts this one."""

    notification_id: str
    dedup_key: str
    channel: str
    subject: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How an attempt ended: `error` is None where the receiver has the message."""

    delivery: Delivery
    error: str | None
    final: bool
