"""The outbox: messages to deliver at least once, each under a key that receivers can drop by."""

from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint

from helicarrier.governance import columns as c
from helicarrier.governance.contract import Column, ColumnKind, TableContract, values_of
from helicarrier.store.schema import table_of


class DeliveryState(StrEnum):
    """Where a notification stands on its way out."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


NOTIFICATIONS = TableContract(
    name="notifications",
    grain="message to deliver",
    primary_key=("notification_id",),
    columns=(
        c.text("notification_id", "Id of the message."),
        c.text("dedup_key", "The receiver drops a second message with the same key."),
        c.text("channel", "Where it goes."),
        c.text("subject", "One line for people."),
        Column(name="payload_json", kind=ColumnKind.JSON, meaning="The message as JSON."),
        c.choice("state", values_of(DeliveryState), "Where it stands."),
        c.count("attempts", "How often delivery was tried."),
        c.instant("created_at", "When it was queued."),
        c.instant("next_attempt_at", "When it is tried next.", nullable=True),
        c.instant("delivered_at", "When it arrived.", nullable=True),
        c.text("last_error", "Why the last attempt failed.", nullable=True),
    ),
)

notifications = table_of(
    NOTIFICATIONS, UniqueConstraint("dedup_key", "channel"), Index(None, "state", "next_attempt_at")
)

CONTRACTS = (NOTIFICATIONS,)
