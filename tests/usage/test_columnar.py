"""Reading stored rows for an audit: whole tables of any area, day by day."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from checks.audit import stored_rows
from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import TableContract
from helicarrier.governance.frames import validate
from helicarrier.ledger.tables import SESSION_EVENTS, SESSION_LEDGER, SESSION_USAGE
from helicarrier.times import days
from helicarrier.usage.columnar import midnight
from helicarrier.usage.tables import (
    DAILY_PROVENANCE_AGG,
    DAILY_SUBTOTALS_AGG,
    DAILY_USAGE_AGG,
    MODEL_PERF_AGG,
)
from tests.usage.conftest import DAY, NOW, Usage, instant

NEXT = DAY + timedelta(days=1)


def stored(usage: Usage, contract: TableContract, column: str, first: date, last: date) -> pa.Table:
    """The rows of these days as an audit reads them."""
    return pa.concat_tables(stored_rows(usage.ledger.store, contract, column, days(first, last)))


def test_midnight_is_the_first_instant_of_the_day() -> None:
    """In UTC, and aware of it."""
    assert midnight(DAY) == datetime(2026, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("contract", "column"),
    [
        (SESSION_LEDGER, "started_at"),
        (SESSION_USAGE, "occurred_at"),
        (DAILY_USAGE_AGG, "bucket_date"),
        (DAILY_PROVENANCE_AGG, "bucket_date"),
        (DAILY_SUBTOTALS_AGG, "bucket_date"),
        (MODEL_PERF_AGG, "window_end"),
    ],
    ids=lambda value: value.name if isinstance(value, TableContract) else value,
)
def test_stored_rows_keep_their_contract(
    usage: Usage, contract: TableContract, column: str
) -> None:
    """Whatever the area: money, instants and days come back in the declared types."""
    usage.session("a", usage.call(), usage.call(cost=None, provider="nobody"))
    usage.session("b", usage.call(at=instant(NEXT)), at=instant(NEXT, 1), runtime_ms=None)
    usage.refresh(days(DAY, NOW.date()))
    table = stored(usage, contract, column, DAY, NEXT)
    assert table.num_rows > 1
    assert table.schema == arrow_schema(contract)
    assert validate(contract, table).breaches == ()


@pytest.mark.parametrize(("first", "last", "names"), [(DAY, DAY, ["a"]), (DAY, NEXT, ["a", "b"])])
def test_days_are_included_at_both_ends(
    usage: Usage, first: date, last: date, names: list[str]
) -> None:
    """The last microsecond of the last day belongs to it."""
    usage.session("a", at="2026-10-05T00:00:00.000000Z")
    usage.session("b", at="2026-10-06T23:59:59.999999Z")
    usage.session("c", at="2026-10-07T00:00:00.000000Z")
    table = stored(usage, SESSION_LEDGER, "started_at", first, last)
    assert table.column("session_id").to_pylist() == names


def test_no_rows_are_no_batch(usage: Usage) -> None:
    """A quiet day has nothing to look at."""
    rows = stored_rows(usage.ledger.store, SESSION_EVENTS, "event_ts", [DAY])
    assert sum(batch.num_rows for batch in rows) == 0
