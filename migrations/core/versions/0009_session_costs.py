"""Session costs: the known cost of each session beside it, and the orders of a list by amounts.

Whoever changes a call keeps the sum; what is there already is added up once, here. A list by cost
or by runtime then walks along an index.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ADD = """
ALTER TABLE session_ledger ADD COLUMN known_cost_usd {money}
CONSTRAINT ck_session_ledger_known_cost_usd_range CHECK (known_cost_usd >= 0)
"""
_FILL = """
UPDATE session_ledger SET known_cost_usd =
    (SELECT SUM(u.cost_usd) FROM session_usage u WHERE u.session_id = session_ledger.session_id)
"""


def upgrade() -> None:
    """Adds the column, fills it, and adds the indexes."""
    postgres = op.get_context().dialect.name == "postgresql"
    op.execute(_ADD.format(money="NUMERIC(20, 9)" if postgres else "INTEGER"))
    op.execute(_FILL)
    largest_first = "DESC NULLS LAST" if postgres else "DESC"
    for column in ("known_cost_usd", "runtime_ms"):
        op.execute(
            f"CREATE INDEX ix_session_ledger_{column} "
            f"ON session_ledger ({column} {largest_first}, session_id)"
        )
    if postgres:
        op.execute(
            "COMMENT ON COLUMN session_ledger.known_cost_usd IS 'Known cost of its calls, kept by "
            "whoever writes them; NULL while none is known.'"
        )
