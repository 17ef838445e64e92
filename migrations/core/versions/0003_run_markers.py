"""Run markers: what a run has committed, told in the transaction of its rows.

Rows and run store cannot commit together, so a run that died is judged by its markers. Teams keep
the run store in Postgres: it gets a schema of its own there, since other programs, Dagster among
them, have tables of the same names.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).resolve().parents[1] / "sql" / "0003_run_store.postgresql.sql"


def upgrade() -> None:
    """Make the table, and on Postgres the run store."""
    big = sa.BIGINT().with_variant(sa.INTEGER(), "sqlite")
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.TEXT(), "sqlite")
    op.create_table(
        "run_markers",
        sa.Column("run_id", sa.TEXT(), nullable=False),
        sa.Column("table_name", sa.TEXT(), nullable=False),
        sa.Column("partition_key", sa.TEXT(), nullable=False),
        sa.Column("row_count", big, nullable=False),
        sa.Column("marked_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "table_name", "partition_key", name="pk_run_markers"),
        sa.CheckConstraint("row_count >= 0", name="ck_run_markers_row_count_range"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        # Blank lines separate the statements.
        for statement in SCRIPT.read_text(encoding="utf-8").strip().split("\n\n"):
            op.execute(statement)
