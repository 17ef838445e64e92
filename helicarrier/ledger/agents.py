"""Agents: who is in the ledger, and how each of them stands by its newest session.

The ids are found by skipping through the index on agent and start, so that the answer costs a few
look-ups for each agent however many sessions there are.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.tables import session_ledger
from helicarrier.store.operational import OperationalStore

AGENTS_LIMIT = 500
"""Agents in one answer."""

NEWEST = """
WITH RECURSIVE seen (agent_id) AS (
    SELECT MIN(agent_id) FROM session_ledger
    UNION ALL
    SELECT (SELECT MIN(l.agent_id) FROM session_ledger l WHERE l.agent_id > seen.agent_id)
    FROM seen
    WHERE seen.agent_id IS NOT NULL
)
SELECT
    (SELECT l.session_id FROM session_ledger l WHERE l.agent_id = seen.agent_id
     ORDER BY l.started_at DESC, l.session_id LIMIT 1) AS session_id
FROM seen
WHERE seen.agent_id IS NOT NULL
LIMIT :limit
"""
"""The newest session of each agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentActivity:
    """An agent by its newest session, and how many sessions of it run."""

    agent_id: str
    label: str | None
    newest: SessionStatus
    last_activity_at: datetime
    running: int


def activity(store: OperationalStore) -> list[AgentActivity]:
    """The agents of the ledger by id, at most `AGENTS_LIMIT`."""
    ledger = session_ledger.c
    running = session_ledger.alias()
    count = (
        select(func.count())
        .where(
            running.c.agent_id == ledger.agent_id,
            running.c.status == SessionStatus.RUNNING.value,
        )
        .scalar_subquery()
    )
    newest = text(NEWEST).bindparams(limit=AGENTS_LIMIT).columns(session_id=ledger.session_id.type)
    query = (
        select(session_ledger, count.label("running"))
        .where(ledger.session_id.in_(newest))
        .order_by(ledger.agent_id)
    )
    with store.read() as connection:
        return [
            AgentActivity(
                agent_id=row.agent_id,
                label=row.agent_label,
                newest=SessionStatus(row.status),
                last_activity_at=row.ended_at or row.started_at,
                running=row.running,
            )
            for row in connection.execute(query)
        ]
