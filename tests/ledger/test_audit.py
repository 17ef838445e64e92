"""The audit log: a line comes with the change it tells of, or not at all."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from helicarrier.ledger import audit
from helicarrier.ledger.tables import api_tokens, audit_log
from tests.ledger.stores import Ledger

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKEN = {"token_id": "t", "name": "n", "token_sha256": "0" * 64, "scope": "read", "created_at": NOW}


class _Broken(Exception):
    """The action fails."""


def test_a_line_tells_who_did_what_to_what(ledger: Ledger) -> None:
    """Details are canonical JSON."""
    with ledger.store.write() as connection:
        audit.record(
            connection,
            actor="cli",
            action="token.created",
            subject="t",
            now=NOW,
            details={"b": 1, "a": None},
            new_id=lambda: "id-1",
        )
    with ledger.store.read() as connection:
        line = connection.execute(select(audit_log)).one()
    assert tuple(line) == ("id-1", NOW, "cli", "token.created", "t", '{"a":null,"b":1}')


def test_a_line_of_an_action_that_failed_is_not_there(ledger: Ledger) -> None:
    """Both are one transaction."""

    def fail() -> None:
        with ledger.store.write() as connection:
            connection.execute(insert(api_tokens).values(TOKEN))
            audit.record(connection, actor="cli", action="token.created", subject="t", now=NOW)
            raise _Broken

    with pytest.raises(_Broken):
        fail()
    with ledger.store.read() as connection:
        assert connection.execute(select(audit_log)).all() == []
