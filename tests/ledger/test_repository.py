"""The contract of `LedgerRepository`, on SQLite and on a real Postgres."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Batch, Call, Event, Session, Winner
from helicarrier.ledger.repository import (
    LedgerRepository,
    SessionFilter,
    SessionSort,
    SqlLedgerRepository,
)
from helicarrier.ledger.writer import LedgerWriter
from tests.ledger.stores import Ledger

NOW = "2026-10-20T00:00:00.000000Z"


def session(name: str, hour: int, **facts: object) -> Session:
    """A session that ran for `hour` minutes from that hour on."""
    values: dict[str, object] = {
        "agent_id": "triage",
        "model_id": "claude-sonnet-4-5",
        "source": "test",
        "source_uri": "file",
        "started_at": f"2026-10-05T{hour:02d}:00:00.000000Z",
        "ended_at": f"2026-10-05T{hour:02d}:{hour:02d}:00.000000Z",
    }
    return Session(session_id=name, idempotency_key=f"log:{name}", **(values | facts))


def call(name: str, owner: str, cost: str | None, line: int) -> Call:
    """A call of one token with a reported cost, or of a model without a price."""
    return Call(
        usage_id=name,
        session_id=owner,
        line=line,
        seq=line,
        occurred_at="2026-10-05T08:00:00.000000Z",
        provider="acme",
        model_id="claude-sonnet-4-5" if cost else "nobody-knows-it",
        prompt=10,
        reported_cost=Decimal(cost) if cost else None,
    )


BATCH = Batch(
    source_uri="file",
    winner=Winner.MOST_TOKENS,
    sessions=[
        session("first", 8, task_title="Refund for order 77", task_text="wants a refund"),
        session(
            "second", 9, status=SessionStatus.FAILED, task_title='Say "hello" to claude-sonnet'
        ),
        session("third", 10, agent_id="extractor", task_title="Invoice 12"),
    ],
    calls=[
        call("c1", "first", "2.5", 1),
        call("c2", "first", "1.5", 2),
        call("c3", "second", "9", 3),
        call("c4", "third", None, 4),
    ],
    events=[
        Event("first/1", "first", 1, 1, EventType.MESSAGE, "2026-10-05T08:00:00.000000Z", "{}")
    ],
)


@pytest.fixture
def repository(ledger: Ledger) -> LedgerRepository:
    """Three sessions of two agents on each kind of store."""
    repository = SqlLedgerRepository(ledger.store)
    repository.write([BATCH], LedgerWriter(run_id="run", now=NOW, pricer=ledger.pricer))
    return repository


def names(
    repository: LedgerRepository,
    wanted: SessionFilter,
    sort: SessionSort = SessionSort.NEWEST,
    limit: int = 10,
    offset: int = 0,
) -> list[str]:
    """Ids of the sessions of a page."""
    page = repository.find(wanted, sort=sort, limit=limit, offset=offset)
    return [row.session_id for row in page.rows]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(SessionFilter(), ["third", "second", "first"], id="all"),
        pytest.param(SessionFilter(agent_id="triage"), ["second", "first"], id="agent"),
        pytest.param(SessionFilter(status=SessionStatus.FAILED), ["second"], id="status"),
        pytest.param(SessionFilter(model_id="nobody-knows-it"), ["third"], id="primary-model"),
        pytest.param(
            SessionFilter(since=datetime(2026, 10, 5, 9, tzinfo=UTC)),
            ["third", "second"],
            id="since",
        ),
        pytest.param(
            SessionFilter(until=datetime(2026, 10, 5, 9, tzinfo=UTC)), ["first"], id="until"
        ),
        pytest.param(SessionFilter(search="REFUND order"), ["first"], id="search"),
        pytest.param(SessionFilter(search="claude-sonnet"), ["second"], id="search-hyphen"),
        pytest.param(SessionFilter(search='"hello'), ["second"], id="search-quote"),
        pytest.param(SessionFilter(search="refund", agent_id="extractor"), [], id="nothing"),
    ],
)
def test_sessions_are_found(
    repository: LedgerRepository, wanted: SessionFilter, expected: list[str]
) -> None:
    """Filters narrow alone and together; what is typed is text."""
    assert names(repository, wanted) == expected


def test_sessions_are_sorted(repository: LedgerRepository) -> None:
    """By runtime and by cost, unknown cost last."""
    assert names(repository, SessionFilter(), SessionSort.RUNTIME) == ["third", "second", "first"]
    assert names(repository, SessionFilter(), SessionSort.COST) == ["second", "first", "third"]


def test_pages_do_not_overlap(repository: LedgerRepository) -> None:
    """Two pages give all sessions once, and each the number of all."""
    pages = [names(repository, SessionFilter(), limit=2, offset=offset) for offset in (0, 2)]
    total = repository.find(SessionFilter(), sort=SessionSort.NEWEST, limit=1, offset=0).total
    assert (pages, total) == ([["third", "second"], ["first"]], 3)


def test_session_comes_with_its_calls_and_events(repository: LedgerRepository) -> None:
    """Everything of a session, in order, with what defends each cost."""
    found = repository.get("first")
    assert found is not None
    assert [(c.usage_id, c.cost_usd, c.pricing_version) for c in found.calls] == [
        ("c1", Decimal("2.5"), "provider_native"),
        ("c2", Decimal("1.5"), "provider_native"),
    ]
    assert [event.event_id for event in found.events] == ["first/1"]
    assert (found.summary.cost_usd, found.summary.calls, found.summary.task_text) == (
        Decimal(4),
        2,
        "wants a refund",
    )


def test_unknown_cost_of_a_call_leaves_the_session_unknown(repository: LedgerRepository) -> None:
    """Unknown is not zero."""
    found = repository.get("third")
    assert found is not None
    assert (found.summary.cost_usd, found.summary.unknown_cost_calls) == (None, 1)


def test_session_that_is_not_there_is_none(repository: LedgerRepository) -> None:
    """No error for an id that nobody knows."""
    assert repository.get("nobody") is None
