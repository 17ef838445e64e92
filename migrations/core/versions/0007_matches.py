"""Match results: how well resumes fit job postings, as something else has judged it.

Nothing that was there is touched. The table is read by others and written by its import alone.
"""

import sqlalchemy as sa
from alembic import op

from helicarrier.store.ddl import count, create, filled, instant, text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "analysis_results"
COMMENTS = {
    "id": "Id that its producer gave it.",
    "resume_id": "The resume (UUID).",
    "job_posting_id": "The job posting (UUID).",
    "match_score": "How well they fit.",
    "qualifications_met": "Qualifications that the resume shows.",
    "qualifications_missing": "Qualifications that it does not show.",
    "provider": "Provider of the model that judged.",
    "model": "The model that judged.",
    "created_at": "When it was judged.",
    "application_deadline": "Until when one can apply; NULL: unknown.",
    "run_id": "Run of the run store that wrote this row; `helicarrier lineage` explains it.",
}


def upgrade() -> None:
    """Makes the table and its indexes."""
    real = sa.DOUBLE_PRECISION().with_variant(sa.REAL(), "sqlite")
    limits = {
        "match_score_range": "match_score >= 0",
        "match_score_limit": "match_score <= 100",
    }
    create(
        TABLE,
        filled("id"),
        filled("resume_id"),
        filled("job_posting_id"),
        sa.Column("match_score", real, nullable=False, info=limits),
        count("qualifications_met"),
        count("qualifications_missing"),
        filled("provider"),
        filled("model"),
        instant("created_at"),
        instant("application_deadline", null=True),
        text("run_id"),
        key=("id",),
    )
    op.create_index(f"ix_{TABLE}_created_at_id", TABLE, ["created_at", "id"])
    op.create_index(f"ix_{TABLE}_resume_id", TABLE, ["resume_id"])
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"COMMENT ON TABLE {TABLE} IS 'One row per analysis of a resume against a job posting.'"
        )
        for name, words in COMMENTS.items():
            op.execute(f"COMMENT ON COLUMN {TABLE}.{name} IS '{words}'")
