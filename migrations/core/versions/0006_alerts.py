"""Alerts: whom was told of what and when, suppressions of whole rules, sessions by their end.

A state remembers when each severity was last told, since a repeat is only a repeat of the same
severity, and since when it fires. Columns are added at the end: no table is rebuilt. Sessions are
judged in the window in which they ended, so an index finds them by that time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = (
    ("alert_rules", "suppressed_until", "End of an operator's suppression of the whole rule."),
    ("alert_state", "triggered_at", "Since when it fires; NULL while the status is ok."),
    ("alert_state", "warning_notified_at", "When somebody was last told of a warning."),
    ("alert_state", "critical_notified_at", "When somebody was last told of a critical value."),
)


def upgrade() -> None:
    """Adds four times and an index."""
    for table, name, meaning in COLUMNS:
        instant = sa.TIMESTAMP(timezone=True).with_variant(sa.TEXT(), "sqlite")
        op.add_column(table, sa.Column(name, instant, nullable=True, comment=meaning))
    op.create_index(
        "ix_session_ledger_ended_at_started_at", "session_ledger", ["ended_at", "started_at"]
    )
