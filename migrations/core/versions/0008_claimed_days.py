"""Claimed days: the generation of a dirty day that a refresh last began with.

A write leaves a mark alone that no refresh has looked at, so most writes touch no mark at all. No
refresh has begun with the marks that are there: 0 says so.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ADD = """
ALTER TABLE dirty_days ADD COLUMN seen_generation {integer} DEFAULT '0' NOT NULL
CONSTRAINT ck_dirty_days_seen_generation_range CHECK (seen_generation >= 0)
"""


def upgrade() -> None:
    """Adds the column."""
    postgres = op.get_context().dialect.name == "postgresql"
    op.execute(_ADD.format(integer="BIGINT" if postgres else "INTEGER"))
    if postgres:
        op.execute(
            "COMMENT ON COLUMN dirty_days.seen_generation IS "
            "'Generation that a refresh last began with.'"
        )
        op.execute(
            "COMMENT ON COLUMN dirty_days.generation IS "
            "'Grows when the day changes after a refresh has looked at it.'"
        )
