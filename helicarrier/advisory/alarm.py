"""The alarm: people are told when too many computations of a day fail.

The message goes through the shared outbox, which is not a table of the area: it is written by
`notify`, through an ordinary session, and delivered like every other alert. A day is told once.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime

from helicarrier.advisory.counters import FAILURE_LIMIT, Attempts
from helicarrier.notify import outbox
from helicarrier.notify.model import Channel, Message
from helicarrier.store.operational import OperationalStore


def alarm(
    store: OperationalStore,
    attempts: Attempts,
    *,
    day: date,
    channels: Sequence[Channel],
    now: datetime,
    new_id: Callable[[], object] = uuid.uuid4,
) -> bool:
    """Queue a message where more attempts failed than may.

    Args: store, an ordinary one; attempts of a pass; day of the pass; channels; now; new_id.

    Returns: whether anything new was queued.

    Raises:
        StorageUnavailable: the store cannot be written.
    """
    if not attempts.alarming:
        return False
    message = Message(
        dedup_key=f"advisory:failures:{day.isoformat()}",
        kind="advisory.failures",
        subject=(
            f"{attempts.failed} of {attempts.attempted} computations of advice failed on {day}, "
            f"more than {FAILURE_LIMIT:.0%}"
        ),
        data={
            "day": day.isoformat(),
            "attempted": attempts.attempted,
            "failed": attempts.failed,
            "limit": FAILURE_LIMIT,
            "runbook": "docs/runbooks/advisory.md",
        },
    )
    with store.write() as connection:
        new = outbox.enqueue(connection, message, channels, now=now, new_id=lambda: str(new_id()))
    return new > 0
