"""The outbox: messages are written down with what they tell of, and delivered afterwards.

A message is queued in the transaction of its cause, so there is no cause without its message and no
message without its cause. Delivery is claimed before it is tried: whoever dies in between leaves a
claim that runs out, and the message goes out again under the same key. So every message arrives at
least once, or ends as `failed` after a number of attempts, where it stays to be seen and retried.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier.errors import ErrorCode, UsageError
from helicarrier.notify.model import Channel, Delivery, Message
from helicarrier.notify.tables import DeliveryState, notifications
from helicarrier.store.operational import OperationalStore

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
_NEVER_ENDED = "no attempt came to an end"
_n = notifications.c


def enqueue(
    connection: Connection,
    message: Message,
    channels: Sequence[Channel],
    *,
    now: datetime,
    new_id: Callable[[], str],
) -> int:
    """Queue a message in the open transaction, once for each channel.

    A key that was queued before is not queued again.

    Returns: how many rows are new.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = 0
    for channel in channels:
        statement = dialect.insert(notifications).values(
            notification_id=new_id(),
            dedup_key=message.dedup_key,
            channel=channel.value,
            subject=message.subject,
            payload_json=message.body(now).decode(),
            state=DeliveryState.PENDING.value,
            attempts=0,
            created_at=now,
            next_attempt_at=None,
            delivered_at=None,
            last_error=None,
        )
        queued = statement.on_conflict_do_nothing(
            index_elements=[_n.dedup_key, _n.channel]
        ).returning(_n.notification_id)
        new += len(connection.execute(queued).all())
    return new


def post(
    store: OperationalStore,
    message: Message,
    channels: Sequence[Channel],
    *,
    now: datetime,
    new_id: Callable[[], str],
) -> int:
    """Queue a message whose cause is in no transaction of this store; see `enqueue`."""
    with store.write() as connection:
        return enqueue(connection, message, channels, now=now, new_id=new_id)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubled each time, an hour at most."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


class Outbox:
    """The queue as a dispatcher and an operator see it."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def due(self, now: datetime, *, limit: int) -> list[str]:
        """Ids of messages whose turn it is, oldest first."""
        query = (
            select(_n.notification_id)
            .where(_is_due(now))
            .order_by(_n.created_at, _n.notification_id)
            .limit(limit)
        )
        with self._store.read() as connection:
            return list(connection.execute(query).scalars())

    def claim(
        self, notification_id: str, *, now: datetime, until: datetime, most_attempts: int
    ) -> Delivery | None:
        """Take a message for one attempt; nobody else gets it before `until`.

        Returns: None when it is not due any more: somebody else has it, or its attempts are used
        up, which makes it `failed`.
        """
        mine = and_(_n.notification_id == notification_id, _is_due(now))
        with self._store.write() as connection:
            used_up = (
                update(notifications)
                .where(mine, _n.attempts >= most_attempts)
                .values(state=DeliveryState.FAILED.value, next_attempt_at=None)
                .returning(_n.last_error)
            )
            ended = connection.execute(used_up).one_or_none()
            if ended is not None:
                if ended.last_error is None:
                    _set(connection, notification_id, last_error=_NEVER_ENDED)
                return None
            claimed = connection.execute(
                update(notifications)
                .where(mine)
                .values(attempts=_n.attempts + 1, next_attempt_at=until)
                .returning(*notifications.columns)
            ).one_or_none()
        return None if claimed is None else _delivery(claimed)

    def delivered(self, delivery: Delivery, *, now: datetime) -> None:
        """The receiver has it."""
        with self._store.write() as connection:
            _set(
                connection,
                delivery.notification_id,
                state=DeliveryState.DELIVERED.value,
                delivered_at=now,
                next_attempt_at=None,
                last_error=None,
            )

    def failed(
        self, delivery: Delivery, error: str, *, now: datetime, most_attempts: int
    ) -> DeliveryState:
        """This attempt failed: it waits for the next one, or was the last.

        Returns: how it stands now.
        """
        last = delivery.attempts >= most_attempts
        state = DeliveryState.FAILED if last else DeliveryState.PENDING
        with self._store.write() as connection:
            _set(
                connection,
                delivery.notification_id,
                state=state.value,
                next_attempt_at=None if last else now + pause_after(delivery.attempts),
                last_error=error,
            )
        return state

    def retry(self, notification_id: str, *, dry_run: bool = False) -> None:
        """Give a failed message all its attempts again; a dry run only looks for it.

        Raises:
            UsageError: NOT_FOUND, no failed message has this id.
        """
        failed = and_(_n.notification_id == notification_id, _n.state == DeliveryState.FAILED.value)
        with self._store.write() as connection:
            found = connection.execute(select(_n.notification_id).where(failed)).all()
            if found and not dry_run:
                connection.execute(
                    update(notifications)
                    .where(failed)
                    .values(state=DeliveryState.PENDING.value, attempts=0, next_attempt_at=None)
                )
        if not found:
            raise UsageError(
                "no failed message has this id",
                code=ErrorCode.NOT_FOUND,
                hint="`helicarrier alerts outbox --state failed` lists them.",
            )

    def counts(self) -> dict[DeliveryState, int]:
        """How many messages stand where."""
        query = select(_n.state, func.count()).group_by(_n.state)
        with self._store.read() as connection:
            return {DeliveryState(state): count for state, count in connection.execute(query)}

    def rows(self, *, state: DeliveryState | None = None, limit: int = 100) -> list[Row[Any]]:
        """Messages as they are stored, newest first."""
        query = (
            select(notifications).order_by(_n.created_at.desc(), _n.notification_id).limit(limit)
        )
        if state is not None:
            query = query.where(_n.state == state.value)
        with self._store.read() as connection:
            return list(connection.execute(query))


def _is_due(now: datetime) -> ColumnElement[bool]:
    """A message that was never tried has no time, so no clock can hold it back."""
    return and_(
        _n.state == DeliveryState.PENDING.value,
        or_(_n.next_attempt_at.is_(None), _n.next_attempt_at <= now),
    )


def _set(connection: Connection, notification_id: str, **values: object) -> None:
    """Change a message that has not arrived yet."""
    connection.execute(
        update(notifications)
        .where(_n.notification_id == notification_id, _n.state != DeliveryState.DELIVERED.value)
        .values(**values)
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        notification_id=row.notification_id,
        dedup_key=row.dedup_key,
        channel=row.channel,
        subject=row.subject,
        body=row.payload_json.encode(),
        attempts=row.attempts,
    )
