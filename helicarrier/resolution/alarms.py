"""Who is told when a budget is nearly used: whom the outbox reaches, once a day and budget.

The message is queued in the transaction that used the budget.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from helicarrier.notify.model import Channel, Message
from helicarrier.notify.outbox import enqueue
from helicarrier.resolution.budgets import Alarm, Reservation


def budget_alarm(
    channels: Sequence[Channel],
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], object],
) -> Alarm:
    """An alarm through these channels."""

    def alarm(connection: Connection, reservation: Reservation, crossed: tuple[str, ...]) -> None:
        environment, day = reservation.environment, reservation.day
        for budget in crossed:
            message = Message(
                dedup_key=f"resolution.budget:{environment}:{day}:{budget}",
                kind="resolution.budget_alert",
                subject=f"resolution in {environment}: the budget {budget} of {day} is nearly used",
                data={"environment": environment.value, "day": str(day), "budget": budget},
            )
            enqueue(connection, message, channels, now=clock(), new_id=lambda: str(new_id()))

    return alarm
