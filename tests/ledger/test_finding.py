"""Finding: the ways to a page, for rare words and for common ones, give the same page."""

import itertools
from datetime import UTC, datetime

import pytest
from sqlalchemy import ColumnElement

from helicarrier.ledger import finding
from helicarrier.ledger.model import Batch, Session, Winner
from helicarrier.ledger.tables import session_ledger
from helicarrier.store.fulltext import search_condition
from tests.ledger.stores import Ledger

COLUMNS = session_ledger.c
FILTERS: tuple[tuple[ColumnElement[bool], ...], ...] = (
    (),
    (COLUMNS.agent_id == "agent-1",),
    (COLUMNS.started_at >= datetime(2026, 10, 5, tzinfo=UTC), COLUMNS.agent_id == "agent-0"),
)
ORDERS = (
    (COLUMNS.started_at.desc(), COLUMNS.session_id),
    (COLUMNS.runtime_ms.desc().nulls_last(), COLUMNS.session_id),
)
PAGES = ((5, 0), (5, 5), (100, 20))
WORDS = ("mend", "mend bridge", "aqueduct", "nowhere", "...")


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Sixty sessions that all hold one word, a third of them a second one and four a third."""
    sessions = [
        Session(
            session_id=f"s-{n:02}",
            agent_id=f"agent-{n % 3}",
            task_title=f"Mend the {'aqueduct' if n % 15 == 0 else 'bridge' if n % 3 else 'gate'}",
            started_at=f"2026-10-{1 + n % 28:02}T{n % 24:02}:00:00.000000Z",
            ended_at=f"2026-10-{1 + n % 28:02}T{n % 24:02}:{n:02}:00.000000Z" if n % 4 else None,
            source="test",
            source_uri="file",
            idempotency_key=f"test:{n}",
        )
        for n in range(60)
    ]
    ledger.write(Batch(source_uri="file", winner=Winner.MOST_TOKENS, sessions=sessions))
    return ledger


@pytest.mark.parametrize("typed", WORDS)
def test_every_way_to_a_page_gives_the_same_page(
    filled: Ledger, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collected, looked up one by one or found by the words: total and order are the same."""
    search = search_condition(filled.store.dialect, typed)
    for filters, order, (limit, offset) in itertools.product(FILTERS, ORDERS, PAGES):
        found = set()
        for many, most_lookups in ((10**6, 0), (0, 0), (0, 10**6)):
            monkeypatch.setattr(finding, "_is_common", lambda *_, walk=not many: walk)
            wanted = finding.Wanted(
                filters=filters,
                search=search,
                order=order,
                ordered_by_index=order is ORDERS[0] or not filters,
                limit=limit,
                offset=offset,
                many=many,
                most_lookups=most_lookups,
            )
            with filled.store.read() as connection:
                total, ids = finding.find(connection, wanted)
            found.add((total, tuple(ids)))
        ((total, ids),) = found
        assert len(ids) == max(0, min(limit, total - offset))
        if typed == "mend" and not filters:
            assert total == 60
