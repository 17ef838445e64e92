"""Budgets: amounts are set aside before they are spent, and settled afterwards, in the database.

Whether there is enough is asked and written in one transaction that takes its turn (SQLite: the one
writer; Postgres: a lock for the environment and day), so workers cannot overspend together. What
was set aside and never settled counts in full until its UTC day is over: money that may have been
spent is not spent again. What was really spent is written down even where it is more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, func, insert, select, text, update

from helicarrier.errors import Conflict, ErrorCode, UsageError
from helicarrier.resolution.decision_enums import Operation, ReservationState
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.tables import resolution_budget
from helicarrier.store.operational import OperationalStore

_b = resolution_budget.c
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Dollars, model calls and resolutions."""

    usd: Decimal = Decimal(0)
    llm_calls: int = 0
    resolutions: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        """Both together."""
        return Amounts(
            usd=self.usd + other.usd,
            llm_calls=self.llm_calls + other.llm_calls,
            resolutions=self.resolutions + other.resolutions,
        )

    def shares(self, limits: "Amounts") -> dict[str, float]:
        """Budget -> the share of it that this is; of nothing anything is all."""
        pairs = {
            "usd": (self.usd, limits.usd),
            "llm_calls": (Decimal(self.llm_calls), Decimal(limits.llm_calls)),
            "resolutions": (Decimal(self.resolutions), Decimal(limits.resolutions)),
        }
        return {
            name: float(used / limit) if limit else float(used > 0)
            for name, (used, limit) in pairs.items()
        }

    def beyond(self, limits: "Amounts") -> tuple[str, ...]:
        """The budgets that this does not fit into."""
        over = {
            "usd": self.usd > limits.usd,
            "llm_calls": self.llm_calls > limits.llm_calls,
            "resolutions": self.resolutions > limits.resolutions,
        }
        return tuple(name for name, is_over in over.items() if is_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Amounts set aside for an operation on something; the id makes it one."""

    reservation_id: str
    environment: Environment
    operation: Operation
    entity_id: str
    amounts: Amounts
    at: datetime
    run_id: str

    @property
    def day(self) -> date:
        """The UTC day whose budget it uses."""
        return self.at.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether amounts were set aside: `exhausted` names the budgets that had no room.

    `used` is what the day holds now. `crossed` names the budgets that passed the alert with this.
    """

    exhausted: tuple[str, ...]
    used: Amounts
    crossed: tuple[str, ...] = ()

    @property
    def granted(self) -> bool:
        """Whether to go on."""
        return not self.exhausted


class Alarm(Protocol):
    """Tells people that a budget is nearly used, in the transaction that uses it."""

    def __call__(
        self, connection: Connection, reservation: Reservation, crossed: tuple[str, ...]
    ) -> None:
        """Args: connection of the transaction; the reservation; the budgets that it passed."""
        ...


class Budgets:
    """Reservations in the operational store."""

    def __init__(
        self,
        store: OperationalStore,
        limits: Callable[[Environment], Amounts],
        *,
        alert_at: Callable[[Environment], float],
        alarm: Alarm,
    ) -> None:
        """Args: store; limits and alert_at of an environment, as they are now; alarm."""
        self._store = store
        self._limits = limits
        self._alert_at = alert_at
        self._alarm = alarm

    def reserve(self, reservation: Reservation) -> Answer:
        """Set amounts aside where all of them fit; the same reservation again is no second one."""
        environment, day = reservation.environment, reservation.day
        limits, alert_at = self._limits(environment), self._alert_at(environment)
        with self._store.write() as connection:
            _take_turn(connection, environment, day)
            before = _used(connection, _of_day(environment, day))
            key = _b.id == reservation.reservation_id
            if connection.execute(select(_b.id).where(key)).one_or_none() is not None:
                return Answer(exhausted=(), used=before)
            after = before + reservation.amounts
            if exhausted := after.beyond(limits):
                return Answer(exhausted=exhausted, used=before)
            connection.execute(insert(resolution_budget).values(_row(reservation)))
            then, now = before.shares(limits), after.shares(limits)
            crossed = tuple(name for name in now if then[name] < alert_at <= now[name])
            if crossed:
                self._alarm(connection, reservation, crossed)
            return Answer(exhausted=(), used=after, crossed=crossed)

    def settle(self, reservation_id: str, spent: Amounts, *, now: datetime) -> None:
        """Write down what was really spent; the same again is no change.

        Raises:
            UsageError: NOT_FOUND.
            Conflict: it is settled with other amounts, or released.
        """
        self._close(reservation_id, ReservationState.SETTLED, spent, now)

    def release(self, reservation_id: str, *, now: datetime) -> None:
        """Give everything back: nothing was spent.

        Raises:
            UsageError: NOT_FOUND.
            Conflict: it is settled.
        """
        self._close(reservation_id, ReservationState.RELEASED, Amounts(), now)

    def used(self, environment: Environment, day: date) -> Amounts:
        """What is spent or set aside of a day."""
        with self._store.read() as connection:
            return _used(connection, _of_day(environment, day))

    def spent_since(self, environment: Environment, now: datetime, back: timedelta) -> Decimal:
        """Dollars that were spent or set aside in a trailing window."""
        recent = (_b.environment == environment.value) & (_b.created_at > now - back)
        with self._store.read() as connection:
            return _used(connection, recent & (_b.created_at <= now)).usd

    def _close(
        self, reservation_id: str, state: ReservationState, spent: Amounts, now: datetime
    ) -> None:
        values = {
            "state": state.value,
            "cost_settled_usd": spent.usd,
            "llm_calls_settled": spent.llm_calls,
            "resolutions_settled": spent.resolutions,
        }
        key = _b.id == reservation_id
        mine = key & (_b.state == ReservationState.RESERVED.value)
        with self._store.write() as connection:
            closed = update(resolution_budget).where(mine).values(**values, settled_at=now)
            if connection.execute(closed).rowcount == 1:
                return
            row = connection.execute(select(resolution_budget).where(key)).one_or_none()
            if row is None:
                raise UsageError(
                    f"there is no reservation {reservation_id}", code=ErrorCode.NOT_FOUND
                )
            if any(getattr(row, name) != value for name, value in values.items()):
                raise Conflict(f"the reservation {reservation_id} is {row.state} otherwise")


def _take_turn(connection: Connection, environment: Environment, day: date) -> None:
    """On SQLite the transaction has its turn from its start."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"name": f"resolution_budget {environment} {day}"})


def _of_day(environment: Environment, day: date) -> ColumnElement[bool]:
    return (_b.environment == environment.value) & (_b.budget_day == day)


def _used(connection: Connection, which: ColumnElement[bool]) -> Amounts:
    query = select(
        func.sum(func.coalesce(_b.cost_settled_usd, _b.cost_reserved_usd)).label("usd"),
        func.sum(func.coalesce(_b.llm_calls_settled, _b.llm_calls_reserved)).label("calls"),
        func.sum(func.coalesce(_b.resolutions_settled, _b.resolutions_reserved)).label("done"),
    ).where(which)
    row = connection.execute(query).one()
    return Amounts(
        usd=row.usd or Decimal(0), llm_calls=int(row.calls or 0), resolutions=int(row.done or 0)
    )


def _row(reservation: Reservation) -> dict[str, object]:
    return {
        "id": reservation.reservation_id,
        "environment": reservation.environment.value,
        "budget_day": reservation.day,
        "operation": reservation.operation.value,
        "entity_id": reservation.entity_id,
        "state": ReservationState.RESERVED.value,
        "cost_reserved_usd": reservation.amounts.usd,
        "llm_calls_reserved": reservation.amounts.llm_calls,
        "resolutions_reserved": reservation.amounts.resolutions,
        "created_at": reservation.at,
        "run_id": reservation.run_id,
    }
