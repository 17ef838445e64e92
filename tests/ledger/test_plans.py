"""Plans: every filter of the ledger, and every pair of them, is answered by way of an index."""

import itertools
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event

from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.model import Batch, Session, Winner
from helicarrier.ledger.repository import SessionFilter, SessionSort, SqlLedgerRepository
from tests.ledger.stores import Ledger

FILTERS: dict[str, object] = {
    "agent_id": "a",
    "status": SessionStatus.FAILED,
    "model_id": "m",
    "since": datetime(2026, 10, 1, tzinfo=UTC),
    "until": datetime(2026, 11, 1, tzinfo=UTC),
    "search": "bridge",
}
CHOICES = [chosen for size in (1, 2) for chosen in itertools.combinations(FILTERS, size)]


def statements(
    ledger: Ledger, wanted: SessionFilter, sort: SessionSort = SessionSort.NEWEST
) -> list[tuple[str, object]]:
    """The statements that find a page, with their parameters."""
    seen: list[tuple[str, object]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        SqlLedgerRepository(ledger.store).find(wanted, sort=sort, limit=50, offset=0)
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    return [(statement, params) for statement, params in seen if "SELECT" in statement]


def plan(ledger: Ledger, statement: str, parameters: object) -> str:
    """How the database would answer; Postgres is told to prefer an index on an empty table, too."""
    with ledger.store.read() as connection:
        if ledger.store.dialect == "sqlite":
            explained = "EXPLAIN QUERY PLAN " + statement
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            explained = "EXPLAIN " + statement
        rows = connection.exec_driver_sql(explained, parameters)  # type: ignore[call-overload]
        return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("chosen", CHOICES, ids="+".join)
def test_a_filter_is_answered_by_way_of_an_index(ledger: Ledger, chosen: tuple[str, ...]) -> None:
    """Neither the page nor its total reads every session."""
    wanted = SessionFilter(**{name: FILTERS[name] for name in chosen})  # type: ignore[arg-type]
    by_index = "SEARCH session_ledger" if ledger.store.dialect == "sqlite" else "Index Cond"
    found = [one for one in statements(ledger, wanted) if "session_usage" not in one[0]]
    questions = [one for one in found if "session_ledger.client_run_id" not in one[0]]
    assert len(questions) >= 2
    for one in questions:
        how = plan(ledger, *one)
        if "FROM session_ledger" in one[0]:
            assert by_index in how, how
        assert "SCAN session_ledger" not in how.replace("SCAN session_ledger USING", ""), how
        assert "Seq Scan" not in how, how


@pytest.mark.parametrize("sort", SessionSort)
def test_a_list_of_everything_walks_along_the_index_of_its_order(
    ledger: Ledger, sort: SessionSort
) -> None:
    """The sessions are not put in order to show the first fifty; only equal starts are."""
    page = statements(ledger, SessionFilter(), sort)[1]
    how = plan(ledger, *page)
    index = {
        SessionSort.NEWEST: "ix_session_ledger_started_at",
        SessionSort.RUNTIME: "ix_session_ledger_runtime_ms",
        SessionSort.COST: "ix_session_ledger_known_cost_usd",
    }[sort]
    assert index in how, how
    assert "TEMP B-TREE FOR ORDER BY" not in how, how
    assert "\nSort" not in f"\n{how}".replace("->", ""), how


def test_the_calls_of_a_page_are_found_by_their_sessions(ledger: Ledger) -> None:
    """What a page adds up are the calls of its sessions, by index."""
    session = Session(
        session_id="s",
        agent_id="a",
        started_at="2026-10-05T11:00:00.000000Z",
        source="test",
        source_uri="file",
        idempotency_key="test:s",
    )
    ledger.write(Batch(source_uri="file", winner=Winner.MOST_TOKENS, sessions=[session]))
    (calls,) = [one for one in statements(ledger, SessionFilter()) if "session_usage" in one[0]]
    assert "ix_session_usage_session_id_seq" in plan(ledger, *calls)
