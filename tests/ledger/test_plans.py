"""Plans: every filter of the ledger, and every pair of them, is answered by way of an index."""

import itertools
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event

from helicarrier.ledger.enums import SessionStatus
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


def statements(ledger: Ledger, wanted: SessionFilter) -> list[tuple[str, object]]:
    """The statements that find a page, with their parameters."""
    seen: list[tuple[str, object]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        SqlLedgerRepository(ledger.store).find(wanted, sort=SessionSort.NEWEST, limit=50, offset=0)
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
    total, page, _ = statements(ledger, wanted)
    by_index = "SEARCH session_ledger" if ledger.store.dialect == "sqlite" else "Index Cond"
    for one in (total, page):
        found = plan(ledger, *one)
        assert by_index in found, found
        assert "SCAN session_ledger" not in found.replace("SCAN session_ledger USING", ""), found
        assert "Seq Scan" not in found, found
