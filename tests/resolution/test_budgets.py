"""Budgets: nobody spends what is not there, also not together."""

import os
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection

from helicarrier.errors import Conflict, UsageError
from helicarrier.resolution.budgets import Amounts, Budgets, Reservation
from helicarrier.resolution.decision_enums import Operation
from helicarrier.resolution.enums import Environment
from helicarrier.store.operational import OperationalStore
from tests.ledger.stores import Ledger
from tests.resolution.deciding import DAY, NOW

ROOT = Path(__file__).parents[2]
LIMITS = Amounts(usd=Decimal(1), llm_calls=10, resolutions=5)
DEV = Environment.DEV
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"  # it would make every process compile everything


class Told:
    """Remembers what people were told."""

    def __init__(self) -> None:
        self.crossed: list[tuple[str, ...]] = []

    def __call__(
        self, connection: Connection, reservation: Reservation, crossed: tuple[str, ...]
    ) -> None:
        """See `Alarm`."""
        self.crossed.append(crossed)


@pytest.fixture
def told() -> Told:
    """What people were told."""
    return Told()


@pytest.fixture
def budgets(store: OperationalStore, told: Told) -> Budgets:
    """Budgets of a dollar, ten calls and five resolutions a day."""
    return Budgets(store, lambda _: LIMITS, alert_at=lambda _: 0.8, alarm=told)


def reservation(
    name: str, usd: str = "0.4", *, calls: int = 1, environment: Environment = DEV
) -> Reservation:
    """Something to set aside for."""
    return Reservation(
        reservation_id=name,
        environment=environment,
        operation=Operation.JUDGE,
        entity_id="one",
        amounts=Amounts(usd=Decimal(usd), llm_calls=calls),
        at=NOW,
        run_id="run",
    )


def test_what_does_not_fit_is_refused_with_the_budget_that_is_used_up(budgets: Budgets) -> None:
    """And nothing is written: the next smaller one still fits."""
    assert budgets.reserve(reservation("a")).granted
    assert budgets.reserve(reservation("b")).granted
    refused = budgets.reserve(reservation("c"))
    assert (refused.granted, refused.exhausted) == (False, ("usd",))
    assert refused.used == Amounts(usd=Decimal("0.8"), llm_calls=2)
    assert budgets.reserve(reservation("d", "0.2")).granted
    assert budgets.reserve(reservation("e", "0", calls=8)).exhausted == ("llm_calls",)
    assert budgets.used(DEV, NOW.date()) == Amounts(usd=Decimal(1), llm_calls=3)


def test_same_reservation_again_is_no_second_one(budgets: Budgets) -> None:
    """A worker that tries again does not pay twice."""
    for _ in range(3):
        assert budgets.reserve(reservation("a", "0.9")).granted
    assert budgets.used(DEV, NOW.date()).usd == Decimal("0.9")


def test_settling_gives_the_rest_back(budgets: Budgets) -> None:
    """Settled is what counts from then on, also where it was more."""
    budgets.reserve(reservation("a", "0.9"))
    spent = Amounts(usd=Decimal("0.1"), llm_calls=2)
    for _ in range(2):
        budgets.settle("a", spent, now=NOW)
    assert budgets.used(DEV, NOW.date()) == spent
    with pytest.raises(Conflict):
        budgets.settle("a", Amounts(usd=Decimal("0.2")), now=NOW)
    with pytest.raises(Conflict):
        budgets.release("a", now=NOW)
    budgets.reserve(reservation("b", "0.9"))
    budgets.settle("b", Amounts(usd=Decimal("1.5")), now=NOW)
    assert budgets.used(DEV, NOW.date()).usd == Decimal("1.6")
    assert budgets.reserve(reservation("c", "0.01")).exhausted == ("usd",)


def test_released_amounts_are_free_again(budgets: Budgets) -> None:
    """Nothing was spent, so all of it can be."""
    budgets.reserve(reservation("a", "1"))
    budgets.release("a", now=NOW)
    assert budgets.reserve(reservation("b", "1")).granted
    with pytest.raises(UsageError):
        budgets.release("nothing", now=NOW)


def test_environments_and_days_have_budgets_of_their_own(budgets: Budgets) -> None:
    """What dev spends does not stop prod."""
    budgets.reserve(reservation("a", "1"))
    assert budgets.reserve(reservation("b", "1", environment=Environment.PROD)).granted
    assert budgets.used(DEV, (NOW + DAY).date()) == Amounts()


def test_people_are_told_once_when_four_fifths_are_used(budgets: Budgets, told: Told) -> None:
    """At the reservation that passes the line, by budget."""
    budgets.reserve(reservation("a", "0.79"))
    budgets.reserve(reservation("b", "0.01"))
    budgets.reserve(reservation("c", "0.1", calls=6))
    budgets.reserve(reservation("d", "0.1"))
    assert told.crossed == [("usd",), ("llm_calls",)]


def test_trailing_windows_for_cost_spikes(budgets: Budgets) -> None:
    """What lies outside of the window does not count."""
    budgets.reserve(reservation("a", "0.3"))
    hour = timedelta(hours=1)
    assert budgets.spent_since(DEV, NOW, hour) == Decimal("0.3")
    assert budgets.spent_since(DEV, NOW + hour, hour) == 0
    assert budgets.spent_since(DEV, NOW - hour, DAY) == 0


def test_empty_budget_allows_nothing(store: OperationalStore) -> None:
    """A limit of zero is a limit."""
    none = Budgets(store, lambda _: Amounts(), alert_at=lambda _: 0.8, alarm=Told())
    assert none.reserve(reservation("a")).exhausted == ("usd", "llm_calls")


def test_eight_workers_cannot_overspend(ledger: Ledger) -> None:
    """Eight processes want 4.80 of the one dollar, in steps of 0.03: they get 33 steps."""
    kept = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    done = subprocess.run(
        [sys.executable, "-m", "tests.resolution.spend", ledger.url, "8"],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    granted = int(done.stdout)
    budgets = Budgets(ledger.store, lambda _: LIMITS, alert_at=lambda _: 1.0, alarm=Told())
    assert granted == 33
    assert budgets.used(DEV, NOW.date()).usd == Decimal("0.99")
