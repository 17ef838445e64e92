"""Checks of the ledger: sessions, events and calls keep their contracts.

Calls are where cost and provenance live, so a call without its source or a total that does not add
up stops whatever would be computed from it.
"""

from checks.factory import governance_check
from helicarrier.ledger.tables import SESSION_EVENTS, SESSION_LEDGER, SESSION_USAGE

CHECKS = [
    governance_check("session_ledger", SESSION_LEDGER, day="started_at"),
    governance_check("session_events", SESSION_EVENTS, day="event_ts"),
    governance_check("session_usage", SESSION_USAGE, day="occurred_at"),
]
