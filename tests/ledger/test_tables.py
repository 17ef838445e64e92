"""The database itself refuses what breaks the governance, whoever writes it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Table, delete, insert
from sqlalchemy.exc import IntegrityError

from helicarrier.ledger.tables import (
    CONTRACTS,
    api_tokens,
    dirty_days,
    import_files,
    import_reports,
    ingest_quarantine,
    ledger_totals,
    session_events,
    session_ledger,
    session_usage,
    usage_cost_history,
)
from tests.ledger.stores import Ledger

AT = datetime(2026, 10, 5, tzinfo=UTC)
BEFORE = datetime(2026, 10, 4, tzinfo=UTC)
Row = dict[str, object]

SESSION: Row = {
    "session_id": "s",
    "agent_id": "a",
    "model_id": "m",
    "task_category": "c",
    "status": "success",
    "started_at": AT,
    "ended_at": AT,
    "runtime_ms": 0,
    "source": "x",
    "source_uri": "/x",
    "idempotency_key": "k",
    "revision": 0,
    "ingested_at": AT,
    "run_id": "r",
}
EVENT: Row = {
    "event_id": "e",
    "session_id": "s",
    "source_uri": "/x",
    "source_line": 1,
    "run_id": "r",
    "seq": 0,
    "event_type": "message",
    "event_ts": AT,
    "payload_json": "{}",
}
USAGE: Row = {
    "usage_id": "u",
    "session_id": "s",
    "source_uri": "/x",
    "source_line": 1,
    "run_id": "r",
    "seq": 0,
    "occurred_at": AT,
    "provider": "p",
    "model_id": "m",
    "prompt_tokens": 1,
    "cache_read_tokens": 2,
    "cache_write_5m_tokens": 3,
    "cache_write_1h_tokens": 4,
    "completion_tokens": 5,
    "reasoning_tokens": 5,
    "total_tokens": 15,
    "price_context": None,
    "runtime_ms": 7,
    "cost_usd": Decimal("0.1"),
    "pricing_version": "v",
    "cost_source": "derived",
    "cost_confidence": "medium",
    "token_source": "provider_reported",
    "token_confidence": "high",
    "runtime_source": "provider_reported",
    "runtime_confidence": "high",
    "computed_at": AT,
}
HISTORY: Row = {
    "usage_id": "u",
    "seq": 0,
    "pricing_version": "v",
    "cost_usd": Decimal(1),
    "reason": "x",
    "run_id": "r",
    "computed_at": AT,
}
REPORT: Row = {
    "run_id": "r",
    "started_at": AT,
    "finished_at": AT,
    "outcome": "completed",
    "files": 1,
    "files_unchanged": 0,
    "records_read": 15,
    "records_written": 1,
    "records_duplicate": 2,
    "records_skipped": 3,
    "records_quarantined": 4,
    "records_deferred": 5,
    "bytes_read": 1,
    "report_json": "{}",
    "sessions_new": 1,
    "sessions_changed": 0,
    "calls_new": 1,
    "calls_changed": 0,
    "events_new": 1,
    "events_changed": 0,
}
FILE: Row = {
    "path": "/x",
    "reader": "x",
    "inode": 1,
    "size": 1,
    "mtime_ns": 1,
    "sha256": "x",
    "byte_offset": 1,
    "bad_lines": 0,
    "bad_in_a_row": 0,
    "line_offset": 1,
    "state": "complete",
    "reader_state": "{}",
    "run_id": "r",
    "imported_at": AT,
}
BAD_LINE: Row = {
    "source_uri": "/x",
    "source_line": 1,
    "sha256": "x",
    "raw": b"\xff\x00",
    "raw_bytes": 1,
    "error_code": "X",
    "error_message": "x",
    "first_seen": AT,
    "attempts": 1,
    "run_id": "r",
}
TOTALS: Row = {
    "bucket_date": AT.date(),
    "sessions": 1,
    "calls": 1,
    "total_tokens": 15,
    "cost_usd": Decimal(1),
    "cost_unknown_calls": 0,
    "updated_at": AT,
    "run_id": "r",
}
DIRTY: Row = {
    "dataset": "usage_facts",
    "bucket_date": date(2026, 10, 5),
    "generation": 1,
    "marked_at": AT,
    "run_id": "r",
}
TOKEN: Row = {
    "token_id": "t",
    "name": "n",
    "token_sha256": "x",
    "scope": "read",
    "created_at": AT,
}
VALID: list[tuple[Table, Row]] = [
    (session_ledger, SESSION),
    (session_events, EVENT),
    (session_usage, USAGE),
    (usage_cost_history, HISTORY),
    (import_reports, REPORT),
    (import_files, FILE),
    (ingest_quarantine, BAD_LINE),
    (dirty_days, DIRTY),
    (ledger_totals, TOTALS),
    (api_tokens, TOKEN),
]
MISSING: Row = {
    "cost_usd": None,
    "pricing_version": None,
    "cost_source": "missing",
    "cost_confidence": "unknown",
}
BREACHES: dict[str, tuple[Table, Row, Row]] = {
    "cost without version": (session_usage, USAGE, {"pricing_version": None}),
    "cost without source": (session_usage, USAGE, {"cost_source": "missing"}),
    "cost without confidence": (session_usage, USAGE, {"cost_confidence": "unknown"}),
    "zero for unknown": (session_usage, USAGE, MISSING | {"cost_usd": Decimal(0)}),
    "source without cost": (session_usage, USAGE, MISSING | {"cost_source": "derived"}),
    "confidence without cost": (session_usage, USAGE, MISSING | {"cost_confidence": "low"}),
    "reported without cost": (session_usage, USAGE, {"cost_usd": None}),
    "negative cost": (session_usage, USAGE, {"cost_usd": Decimal("-0.000000001")}),
    "total too large": (session_usage, USAGE, {"total_tokens": 16}),
    "total with reasoning": (session_usage, USAGE, {"total_tokens": 20}),
    "reasoning beyond completion": (session_usage, USAGE, {"reasoning_tokens": 6}),
    "runtime without source": (session_usage, USAGE, {"runtime_source": "missing"}),
    "source without runtime": (session_usage, USAGE, {"runtime_ms": None}),
    "session that ends before": (session_ledger, SESSION, {"ended_at": BEFORE}),
    "negative revision": (session_ledger, SESSION, {"revision": -1}),
    "history without version": (usage_cost_history, HISTORY, {"pricing_version": None}),
    "lost record": (import_reports, REPORT, {"records_read": 16}),
    "report that never ended": (import_reports, REPORT, {"finished_at": None}),
    "invented record": (import_reports, REPORT, {"records_deferred": 6}),
}
ENUMS = [
    (table, row, column)
    for table, row in VALID
    for contract in CONTRACTS
    if contract.name == table.name
    for column in contract.columns
    if column.values
]
BOUNDED = [
    (table, row, column)
    for table, row in VALID
    for contract in CONTRACTS
    if contract.name == table.name
    for column in contract.columns
    if column.at_least is not None and column.name in row and column.name != "cost_usd"
]
REQUIRED = [
    (table, row, column)
    for table, row in VALID
    for contract in CONTRACTS
    if contract.name == table.name
    for column in contract.columns
    if not column.nullable
]


def _insert(ledger: Ledger, table: Table, row: Row) -> None:
    """One row around the writer, beside the session it belongs to."""
    with ledger.store.write() as connection:
        if table in {session_usage, session_events}:
            connection.execute(insert(session_ledger).values(**SESSION))
        connection.execute(insert(table).values(**row))


def _id(value: object) -> str | None:
    return getattr(value, "name", None) or ("row" if isinstance(value, dict) else None)


@pytest.fixture(autouse=True)
def _no_tokens(ledger: Ledger) -> None:
    with ledger.store.write() as connection:
        connection.execute(delete(api_tokens))


@pytest.mark.parametrize(("table", "row"), VALID, ids=_id)
def test_a_row_that_obeys_the_rules_is_taken(table: Table, row: Row, ledger: Ledger) -> None:
    """And comes back as it went in, on either engine."""
    _insert(ledger, table, row)
    (found,) = ledger.rows(table)
    assert {name: found[name] for name in row} == row


@pytest.mark.parametrize(
    "changes", [MISSING, {"runtime_ms": None, "runtime_source": "missing"}], ids=["cost", "runtime"]
)
def test_a_value_that_is_unknown_everywhere_is_taken(changes: Row, ledger: Ledger) -> None:
    """Unknown is allowed, as long as it says so."""
    _insert(ledger, session_usage, USAGE | changes)
    assert len(ledger.rows(session_usage)) == 1


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_the_governance_is_refused(breach: str, ledger: Ledger) -> None:
    """By the database, with nothing written."""
    table, row, changes = BREACHES[breach]
    with pytest.raises(IntegrityError):
        _insert(ledger, table, row | changes)
    assert ledger.rows(table) == []


@pytest.mark.parametrize(("table", "row", "column"), ENUMS, ids=_id)
def test_a_word_outside_the_vocabulary_is_refused(
    table: Table, row: Row, column: object, ledger: Ledger
) -> None:
    """In every column that has one."""
    with pytest.raises(IntegrityError):
        _insert(ledger, table, row | {column.name: "surprise"})  # type: ignore[attr-defined]


@pytest.mark.parametrize(("table", "row", "column"), BOUNDED, ids=_id)
def test_a_negative_count_is_refused(
    table: Table, row: Row, column: object, ledger: Ledger
) -> None:
    """In every column that counts."""
    with pytest.raises(IntegrityError):
        _insert(ledger, table, row | {column.name: -1})  # type: ignore[attr-defined]


@pytest.mark.parametrize(("table", "row", "column"), REQUIRED, ids=_id)
def test_a_missing_value_is_refused(table: Table, row: Row, column: object, ledger: Ledger) -> None:
    """In every column that is not nullable."""
    with pytest.raises(IntegrityError):
        _insert(ledger, table, row | {column.name: None})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("table", "row"), [(session_usage, USAGE), (session_events, EVENT)], ids=_id
)
def test_a_row_of_no_session_is_refused(table: Table, row: Row, ledger: Ledger) -> None:
    """Calls and events have a session, which cannot be taken away from under them."""
    with pytest.raises(IntegrityError):
        _insert(ledger, table, row | {"session_id": "gone"})
    _insert(ledger, table, row)
    with pytest.raises(IntegrityError), ledger.store.write() as connection:
        connection.execute(delete(session_ledger))


@pytest.mark.parametrize(("table", "row"), VALID, ids=_id)
def test_a_key_is_taken_once(table: Table, row: Row, ledger: Ledger) -> None:
    """The second row with it is refused."""
    _insert(ledger, table, row)
    with pytest.raises(IntegrityError), ledger.store.write() as connection:
        connection.execute(insert(table).values(**row))


def test_an_idempotency_key_belongs_to_one_session(ledger: Ledger) -> None:
    """Also where two writers race for it."""
    _insert(ledger, session_ledger, SESSION)
    with pytest.raises(IntegrityError):
        _insert(ledger, session_ledger, SESSION | {"session_id": "other"})
