"""Daily subtotals: usage of each day as every filter by agent, model and task sees it.

The table is computed from the facts, so days that have aggregates are marked dirty: until their
refresh they are read from the ledger, as exact as ever.
"""

import sqlalchemy as sa
from alembic import op

from helicarrier.store import ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = "daily_subtotals_agg"
_SOURCES = ("provider_reported", "derived", "missing")
_CONFIDENCES = ("high", "medium", "low", "unknown")
PROVENANCE = {
    "token_source": _SOURCES,
    "token_confidence": _CONFIDENCES,
    "runtime_source": _SOURCES,
    "runtime_confidence": _CONFIDENCES,
    "cost_source": _SOURCES,
    "cost_confidence": _CONFIDENCES,
}
KEY = ("bucket_date", "agent_id", "model_id", "task_category")
COMMENTS = {
    "bucket_date": "UTC day.",
    "agent_id": "The agent; empty for all.",
    "model_id": "The call''s model, the session''s primary model; empty for all.",
    "task_category": "Kind of task; empty for all.",
    "runs_total": "Sessions that started on the day.",
    "calls_total": "Model calls on the day.",
    "runtime_ms_total": "Wall clock of the sessions counted in runs_total.",
    "total_tokens_total": "Prompt, cache read, cache writes, completion.",
    "cost_usd_total": "Known cost of the calls.",
    "cost_unknown_calls": "Calls without a known cost.",
    **{
        f"{column}_{value}": f"Calls whose {column} is {value}."
        for column, values in PROVENANCE.items()
        for value in values
    },
    "updated_at": "When the row was computed.",
    "run_id": "Run of the run store that wrote this row; `helicarrier lineage` explains it.",
}

_MARK = {
    "sqlite": """
INSERT INTO dirty_days (dataset, bucket_date, generation, marked_at, run_id)
SELECT 'daily_usage_agg', bucket_date, 1000000 * CAST(strftime('%s', 'now') AS INTEGER),
  strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'), 'migration-0010'
FROM (SELECT DISTINCT bucket_date FROM daily_usage_agg)
WHERE true
ON CONFLICT (dataset, bucket_date) DO UPDATE SET generation = dirty_days.generation + 1
""",
    "postgresql": """
INSERT INTO dirty_days (dataset, bucket_date, generation, marked_at, run_id)
SELECT 'daily_usage_agg', bucket_date, CAST(1000000 * EXTRACT(EPOCH FROM now()) AS BIGINT),
  now(), 'migration-0010'
FROM (SELECT DISTINCT bucket_date FROM daily_usage_agg) AS days
ON CONFLICT (dataset, bucket_date) DO UPDATE SET generation = dirty_days.generation + 1
""",
}


def upgrade() -> None:
    """Makes the table, and marks the days that it lacks."""
    dialect = op.get_context().dialect.name
    columns = [
        ddl.day("bucket_date"),
        *map(ddl.text, KEY[1:]),
        ddl.count("runs_total"),
        ddl.count("calls_total"),
        ddl.count("runtime_ms_total"),
        ddl.count("total_tokens_total"),
        ddl.money("cost_usd_total"),
        ddl.count("cost_unknown_calls"),
        *(ddl.count(f"{name}_{value}") for name, values in PROVENANCE.items() for value in values),
        ddl.instant("updated_at"),
        ddl.text("run_id"),
    ]
    conditions = {name: sql for column in columns for name, sql in column.info.items()} | {
        f"{name}_adds_up": f"calls_total = {' + '.join(f'{name}_{value}' for value in values)}"
        for name, values in PROVENANCE.items()
    }
    op.create_table(
        TABLE,
        *columns,
        sa.PrimaryKeyConstraint(*KEY, name=f"pk_{TABLE}"),
        *(
            sa.CheckConstraint(condition, name=f"ck_{TABLE}_{name}")
            for name, condition in conditions.items()
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(_MARK[dialect])
    if dialect == "postgresql":
        op.execute(
            f"COMMENT ON TABLE {TABLE} IS 'One row per UTC day, agent (or all), model (or all) "
            "and task category (or all).'"
        )
        for name, words in COMMENTS.items():
            op.execute(f"COMMENT ON COLUMN {TABLE}.{name} IS '{words}'")
