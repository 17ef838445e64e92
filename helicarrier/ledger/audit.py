"""The audit log: one line for each action worth defending, in the action's own transaction.

Whoever changes something that a person may have to explain later (a token, a rule, a route, a
rollback) writes here who did it and to what, with the change or not at all.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, insert

from helicarrier.canonical import JSONValue, canonical_bytes
from helicarrier.ledger.tables import audit_log


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    details: Mapping[str, JSONValue] | None = None,
    new_id: Callable[[], object] = uuid4,
) -> None:
    """Add a line within the open transaction.

    Args:
        connection: of the transaction that does what is recorded.
        actor: who: a token's name, a command, a run.
        action: what, as `area.verb`: `token.revoked`.
        subject: to what: an id.
        now: when, aware.
        details: anything else; no secret, no payload.
        new_id: makes the id of the line.
    """
    connection.execute(
        insert(audit_log).values(
            audit_id=str(new_id()),
            occurred_at=now,
            actor=actor,
            action=action,
            subject=subject,
            details_json=canonical_bytes(dict(details or {})).decode(),
        )
    )
