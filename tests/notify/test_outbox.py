"""The outbox on both engines: queued with its cause, delivered at least once, or visibly failed."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from helicarrier.errors import UsageError
from helicarrier.notify.dispatcher import Dispatcher, Terms
from helicarrier.notify.model import Channel, Delivery, Message
from helicarrier.notify.outbox import FIRST_PAUSE, LONGEST_PAUSE, Outbox, enqueue, pause_after
from helicarrier.notify.tables import DeliveryState, notifications
from tests.ledger.stores import Ledger

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MESSAGE = Message(dedup_key="k", kind="test.said", subject="something", data={"n": 1.5})
numbers = count()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """The time."""
        return self.now


class Receiver:
    """Takes messages, or says what is wrong."""

    def __init__(self, *errors: str | None) -> None:
        self.errors = list(errors)
        self.got: list[Delivery] = []

    def send(self, delivery: Delivery) -> str | None:
        """Take it, unless an error is left."""
        self.got.append(delivery)
        return self.errors.pop(0) if self.errors else None


class Dies:
    """Gets the message and takes the process with it."""

    def send(self, delivery: Delivery) -> str | None:
        """As a kill would."""
        raise KeyboardInterrupt


def put(
    ledger: Ledger, message: Message = MESSAGE, channels: tuple[Channel, ...] = (Channel.LOG,)
) -> int:
    """Queue a message in a transaction of its own."""
    with ledger.store.write() as connection:
        return enqueue(connection, message, channels, now=NOON, new_id=lambda: str(next(numbers)))


def dispatcher(ledger: Ledger, sender: object, clock: Clock, attempts: int = 3) -> Dispatcher:
    """A dispatcher of the log channel alone."""
    terms = Terms(timeout=timedelta(seconds=10), most_attempts=attempts)
    return Dispatcher(Outbox(ledger.store), {"log": sender}, terms, clock=clock)  # type: ignore[dict-item]


def test_a_message_is_delivered_once_and_not_again(ledger: Ledger) -> None:
    """The row says when."""
    put(ledger)
    receiver, clock = Receiver(), Clock()
    for _ in range(2):
        dispatcher(ledger, receiver, clock).deliver()
    (got,) = receiver.got
    assert got.body == (
        b'{"createdAt":"2026-10-05T12:00:00.000000Z","data":{"n":1.5},"key":"k",'
        b'"kind":"test.said","subject":"something"}'
    )
    row = ledger.row(notifications)
    assert (row["state"], row["delivered_at"], row["attempts"]) == ("delivered", NOON, 1)


def test_a_key_is_queued_once_for_each_channel(ledger: Ledger) -> None:
    """Saying the same thing again adds nothing."""
    assert put(ledger, channels=(Channel.LOG, Channel.WEBHOOK)) == 2
    assert put(ledger, channels=(Channel.LOG, Channel.WEBHOOK, Channel.COMMAND)) == 1
    assert len(ledger.rows(notifications)) == 3


def test_a_message_whose_cause_is_rolled_back_is_not_queued(ledger: Ledger) -> None:
    """They share a transaction."""

    def fail() -> None:
        with ledger.store.write() as connection:
            enqueue(connection, MESSAGE, [Channel.LOG], now=NOON, new_id=lambda: "x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ledger.rows(notifications) == []


def test_who_dies_in_delivery_leaves_a_claim_that_runs_out(ledger: Ledger) -> None:
    """Nobody else takes the message before, and afterwards it goes out under the same key."""
    put(ledger)
    receiver, clock = Receiver(), Clock()
    with pytest.raises(KeyboardInterrupt):
        dispatcher(ledger, Dies(), clock).deliver()
    assert dispatcher(ledger, receiver, clock).deliver() == []
    clock.now += timedelta(seconds=40)
    (sent,) = dispatcher(ledger, receiver, clock).deliver()
    assert (sent.delivery.dedup_key, sent.delivery.attempts, sent.error) == ("k", 2, None)


def test_who_always_dies_ends_as_failed(ledger: Ledger) -> None:
    """Also when no attempt ever came to an end; the reason says so."""
    put(ledger)
    clock = Clock()
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            dispatcher(ledger, Dies(), clock).deliver()
        clock.now += timedelta(seconds=40)
    assert dispatcher(ledger, Receiver(), clock).deliver() == []
    row = ledger.row(notifications)
    assert (row["state"], row["last_error"]) == ("failed", "no attempt came to an end")


def test_a_failure_is_tried_again_after_ever_longer_pauses_and_then_stays(ledger: Ledger) -> None:
    """The last attempt makes it `failed`; a retry gives all attempts again."""
    put(ledger)
    receiver, clock = Receiver("no", "no", "never"), Clock()
    for attempt in range(1, 4):
        (sent,) = dispatcher(ledger, receiver, clock).deliver()
        assert (sent.delivery.attempts, sent.final) == (attempt, attempt == 3)
        assert dispatcher(ledger, receiver, clock).deliver() == []
        clock.now += pause_after(attempt)
    row = ledger.row(notifications)
    assert (row["state"], row["last_error"]) == (DeliveryState.FAILED.value, "never")
    assert dispatcher(ledger, receiver, clock).deliver() == []
    Outbox(ledger.store).retry(str(row["notification_id"]))
    (sent,) = dispatcher(ledger, receiver, clock).deliver()
    assert sent.error is None
    assert ledger.row(notifications)["last_error"] is None


def test_only_a_failed_message_can_be_retried(ledger: Ledger) -> None:
    """Anything else is an error with a code."""
    put(ledger)
    with pytest.raises(UsageError, match="no failed message"):
        Outbox(ledger.store).retry(str(ledger.row(notifications)["notification_id"]))


def test_of_many_dispatchers_one_gets_a_message(ledger: Ledger) -> None:
    """The claim is taken under the store's lock."""
    put(ledger)
    outbox = Outbox(ledger.store)
    (due,) = outbox.due(NOON, limit=10)
    until = NOON + timedelta(seconds=40)
    claims = [outbox.claim(due, now=NOON, until=until, most_attempts=3) for _ in range(2)]
    assert [claim is None for claim in claims] == [False, True]


def test_a_clock_that_jumped_back_does_not_hold_a_new_message(ledger: Ledger) -> None:
    """What was never tried is due at any time."""
    put(ledger)
    clock = Clock()
    clock.now -= timedelta(days=1)
    (sent,) = dispatcher(ledger, Receiver(), clock).deliver()
    assert sent.error is None


def test_a_channel_that_this_process_does_not_have_fails_visibly(ledger: Ledger) -> None:
    """It is tried again: another process may have it."""
    put(ledger, channels=(Channel.WEBHOOK,))
    (sent,) = dispatcher(ledger, Receiver(), Clock()).deliver()
    assert sent.error == "the settings of this process do not have this channel"
    assert ledger.row(notifications)["state"] == "pending"


def test_a_channel_with_a_defect_holds_up_nobody(ledger: Ledger) -> None:
    """Its message is tried again like any other that was not taken."""
    put(ledger)

    class Broken:
        def send(self, delivery: Delivery) -> str | None:
            raise UnicodeError

    (sent,) = dispatcher(ledger, Broken(), Clock()).deliver()
    assert sent.error == "the channel has a defect (UnicodeError)"


def test_a_service_that_stops_takes_no_further_message(ledger: Ledger) -> None:
    """What it has not claimed is left to others."""
    for key in "abc":
        put(ledger, Message(dedup_key=key, kind="k", subject=key, data={}))
    receiver = Receiver()
    dispatcher(ledger, receiver, Clock()).deliver(go_on=lambda: len(receiver.got) < 2)
    states = sorted(str(row["state"]) for row in ledger.rows(notifications))
    assert states == ["delivered", "delivered", "pending"]


def test_pauses_double_up_to_an_hour() -> None:
    """However many attempts there were."""
    assert [pause_after(n) / FIRST_PAUSE for n in (1, 2, 3)] == [1, 2, 4]
    assert pause_after(10_000) == LONGEST_PAUSE
