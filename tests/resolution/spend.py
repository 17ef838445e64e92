"""Processes that set aside what they can get, at the same time: `spend.py URL WORKERS`.

It prints how many of all their tries were granted.
"""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from multiprocessing import get_context

from helicarrier.resolution.budgets import Amounts, Budgets, Reservation
from helicarrier.resolution.decision_enums import Operation
from helicarrier.resolution.enums import Environment
from helicarrier.store.operational import OperationalStore

TRIES = 20
LIMITS = Amounts(usd=Decimal(1), llm_calls=1_000, resolutions=1_000)


def spend(url: str, worker: int) -> int:
    """Try, and say how often it worked."""
    store = OperationalStore(url)
    budgets = Budgets(store, lambda _: LIMITS, alert_at=lambda _: 0.8, alarm=lambda *_: None)
    answers = [
        budgets.reserve(
            Reservation(
                reservation_id=f"{worker}-{number}",
                environment=Environment.DEV,
                operation=Operation.JUDGE,
                entity_id="one",
                amounts=Amounts(usd=Decimal("0.03"), llm_calls=1),
                at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
                run_id="run",
            )
        )
        for number in range(TRIES)
    ]
    store.close()
    return sum(answer.granted for answer in answers)


def main(url: str, workers: str) -> None:
    """All workers at once, each a process with connections of its own."""
    numbers = range(int(workers))
    with get_context("fork").Pool(len(numbers)) as pool:
        sys.stdout.write(str(sum(pool.map(partial(spend, url), numbers, chunksize=1))))


if __name__ == "__main__":
    main(*sys.argv[1:])
