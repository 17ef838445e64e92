"""Re-pricing keeps every price that a call has had, on SQLite and on a real Postgres."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices.types import ClauseEquals, ClauseStartsWith, ModelInfo, ModelPrice, Provider
from sqlalchemy import select

from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.ledger.dirty import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.model import Batch, Call, Session, Winner
from helicarrier.ledger.tables import session_ledger, session_usage, usage_cost_history
from helicarrier.ledger.writer import LedgerWriter
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.parity import ledger_parity
from helicarrier.usage.repricing import PriceChange, reprice
from tests.ledger.stores import Ledger

DAY = date(2026, 10, 5)
NOW = datetime(2026, 10, 20, tzinfo=UTC)


def pricer(version: str, dollars_per_million: int | None) -> Pricer:
    """A list that sells `rocket` input at a price, or does not know it."""
    models = []
    if dollars_per_million is not None:
        price = ModelPrice(
            input_mtok=Decimal(dollars_per_million), output_mtok=Decimal(dollars_per_million)
        )
        models = [ModelInfo(id="rocket", match=ClauseEquals("rocket"), prices=price)]
    acme = Provider(
        id="acme",
        name="Acme",
        api_pattern="https://acme",
        model_match=ClauseStartsWith("rocket"),
        models=models,
    )
    return Pricer(PriceBook(providers=[acme], version=version))


def call(usage_id: str, *, at: str = "2026-10-05T12:00:00.000000Z", **facts: object) -> Call:
    """A call of a million input tokens."""
    values: dict[str, object] = {"prompt": 1_000_000, "provider": "acme", "model_id": "rocket"}
    return Call(
        usage_id=usage_id, session_id="s", line=1, seq=1, occurred_at=at, **(values | facts)
    )


@pytest.fixture
def store(ledger: Ledger) -> OperationalStore:
    """A ledger with one derived, one reported and one other-day call, priced by `acme@1`."""
    session = Session(
        session_id="s",
        agent_id="a",
        started_at="2026-10-05T11:00:00.000000Z",
        source="test",
        source_uri="file",
        idempotency_key="test:s",
    )
    batch = Batch(
        source_uri="file",
        winner=Winner.MOST_TOKENS,
        sessions=[session],
        calls=[
            call("derived"),
            call("reported", reported_cost=Decimal("0.5")),
            call("tomorrow", at="2026-10-06T00:00:00.000000Z"),
        ],
    )
    writer = LedgerWriter(
        run_id="import", now="2026-10-06T00:00:00.000000Z", pricer=pricer("acme@1", 2)
    )
    with ledger.store.write() as connection:
        writer.write(connection, [batch])
        connection.exec_driver_sql("DELETE FROM dirty_days")
    return ledger.store


def costs(store: OperationalStore) -> dict[str, tuple[Decimal | None, str | None]]:
    """Cost and price version of every call."""
    usage = session_usage.c
    with store.read() as connection:
        rows = connection.execute(select(usage.usage_id, usage.cost_usd, usage.pricing_version))
        return {row.usage_id: (row.cost_usd, row.pricing_version) for row in rows}


def history(store: OperationalStore) -> list[tuple[str, int, Decimal | None, str | None]]:
    """The price history in order."""
    table = usage_cost_history
    with store.read() as connection:
        rows = connection.execute(select(table).order_by(table.c.usage_id, table.c.seq))
        return [(row.usage_id, row.seq, row.cost_usd, row.pricing_version) for row in rows]


def test_new_price_moves_the_derived_cost_of_the_day(store: OperationalStore) -> None:
    """Only derived costs of the chosen day move, and the summary says by how much."""
    changes = reprice(store, [DAY], pricer=pricer("acme@2", 3), run_id="r", now=NOW)
    assert changes == [
        PriceChange(
            model_id="rocket",
            before_version="acme@1",
            after_version="acme@2",
            calls=1,
            before_usd=Decimal(2),
            after_usd=Decimal(3),
        )
    ]
    assert costs(store) == {
        "derived": (Decimal(3), "acme@2"),
        "reported": (Decimal("0.5"), "provider_native"),
        "tomorrow": (Decimal(2), "acme@1"),
    }


def test_the_session_keeps_the_sum_of_the_new_prices(store: OperationalStore) -> None:
    """2 dollars become 3 beside 0.5 and 2, and an unknown price leaves the sum of the others."""
    kept = select(session_ledger.c.known_cost_usd)
    for version, dollars, total in (("2", 3, "5.5"), ("3", None, "2.5"), ("4", 1, "3.5")):
        reprice(store, [DAY], pricer=pricer(f"acme@{version}", dollars), run_id="r", now=NOW)
        with store.read() as connection:
            assert connection.execute(kept).scalar_one() == Decimal(total)
        assert ledger_parity(store, None) == []


def test_first_price_is_never_lost(store: OperationalStore) -> None:
    """Two updates leave three prices, in order."""
    reprice(store, [DAY], pricer=pricer("acme@2", 3), run_id="r2", now=NOW)
    reprice(store, [DAY], pricer=pricer("acme@3", 4), run_id="r3", now=NOW)
    assert history(store) == [
        ("derived", 0, Decimal(2), "acme@1"),
        ("derived", 1, Decimal(3), "acme@2"),
        ("derived", 2, Decimal(4), "acme@3"),
    ]


def test_same_price_changes_nothing(store: OperationalStore) -> None:
    """A new list with the same price writes nothing and dirties nothing."""
    before = costs(store)
    assert reprice(store, [DAY], pricer=pricer("acme@2", 2), run_id="r", now=NOW) == []
    with store.read() as connection:
        assert dirty(connection, Dataset.DAILY_USAGE_AGG) == {}
    assert (costs(store), history(store)) == (before, [])


def test_repriced_day_is_dirty(store: OperationalStore) -> None:
    """The day's facts and aggregates are computed again."""
    reprice(store, [DAY], pricer=pricer("acme@2", 3), run_id="r", now=NOW)
    with store.read() as connection:
        marked = [set(dirty(connection, d)) for d in (Dataset.USAGE_FACTS, Dataset.SESSION_FACTS)]
    assert marked == [{DAY}, {DAY}]


def test_price_that_disappears_leaves_the_cost_unknown(store: OperationalStore) -> None:
    """Unknown is NULL and not zero, and the old price stays in the history."""
    reprice(store, [DAY], pricer=pricer("acme@2", None), run_id="r", now=NOW)
    assert costs(store)["derived"] == (None, None)
    assert history(store) == [("derived", 0, Decimal(2), "acme@1"), ("derived", 1, None, None)]
