"""Advisory: the switch, signals, budgets and the cache; off, at 0%.

Only tables of its own: nothing that is there gets a column, an index, a trigger or a constraint,
and no key leads from one to another. What is left of an earlier installation stays.
"""

from alembic import op

from helicarrier.store.ddl import (
    between,
    choice,
    count,
    create,
    day,
    flag,
    generated,
    instant,
    score,
    text,
    unique,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INDEXES = (
    ("p3_advisory_signal", ("resume_id", "job_posting_id")),
    ("p3_advisory_signal", ("is_active",)),
    ("p3_advisory_budget", ("budget_day",)),
    ("p3_advisory_cache", ("signal_id",)),
)
SEED = """
    INSERT INTO p3_feature_state (feature_name, enabled, rollout_percent, updated_at)
    VALUES ('p3_advisory', 0, 0, '2026-01-01T00:00:00.000000Z')
    ON CONFLICT (feature_name) DO NOTHING
"""
COMMENTS = {
    "p3_feature_state": "One row per feature.",
    "p3_feature_state.feature_name": "Name of the feature; it also salts the rollout.",
    "p3_feature_state.enabled": "1 while it is on.",
    "p3_feature_state.rollout_percent": "Share of the subjects that have it.",
    "p3_feature_state.updated_at": "When it was last switched.",
    "p3_advisory_signal": "One row per computed signal.",
    "p3_advisory_signal.id": "Id of the signal (UUID).",
    "p3_advisory_signal.resume_id": "The resume (UUID).",
    "p3_advisory_signal.job_posting_id": "The job posting (UUID).",
    "p3_advisory_signal.signal_type": "What it is about.",
    "p3_advisory_signal.signal_payload": "Summary and details as one JSON object.",
    "p3_advisory_signal.confidence_score": "How far the signal can be trusted.",
    "p3_advisory_signal.model_version": "Version of the model that computed it.",
    "p3_advisory_signal.computed_at": "When it was computed.",
    "p3_advisory_signal.expires_at": "From when on it no longer holds.",
    "p3_advisory_signal.is_active": "0 once it has expired.",
    "p3_advisory_signal.created_at": "When it was stored.",
    "p3_advisory_budget": "One row per resume and day.",
    "p3_advisory_budget.id": "Id of the row (UUID).",
    "p3_advisory_budget.resume_id": "The resume (UUID).",
    "p3_advisory_budget.budget_day": "The UTC day.",
    "p3_advisory_budget.max_advisories": "How many signals may be computed on the day.",
    "p3_advisory_budget.used_advisories": "How many were.",
    "p3_advisory_budget.created_at": "When the first one was asked for.",
    "p3_advisory_cache": "One row per match result, kind of signal and version of the model.",
    "p3_advisory_cache.id": "Id of the row (UUID).",
    "p3_advisory_cache.cache_key": "Hash of the match result's id, the kind and the version.",
    "p3_advisory_cache.signal_id": "The newest signal of the key; one that is gone counts as none.",
    "p3_advisory_cache.created_at": "When it was stored.",
}


def upgrade() -> None:
    """Makes the tables and their indexes, and seeds the switch where it is not there."""
    create(
        "p3_feature_state",
        text("feature_name"),
        flag("enabled", default="0"),
        between("rollout_percent", 0, 100, default="0"),
        instant("updated_at"),
        key=("feature_name",),
        if_missing=True,
    )
    create(
        "p3_advisory_signal",
        generated("id"),
        text("resume_id"),
        text("job_posting_id"),
        choice(
            "signal_type",
            "timing_hint",
            "fit_stability",
            "confidence_adjustment",
            "opportunity_risk",
        ),
        text("signal_payload"),
        score("confidence_score"),
        text("model_version"),
        instant("computed_at"),
        instant("expires_at", null=True),
        flag("is_active", default="1"),
        instant("created_at"),
        key=("id",),
        if_missing=True,
    )
    create(
        "p3_advisory_budget",
        generated("id"),
        text("resume_id"),
        day("budget_day"),
        count("max_advisories"),
        count("used_advisories", default="0"),
        instant("created_at"),
        key=("id",),
        rules={"within_budget": "max_advisories >= used_advisories"},
        constraints=(unique("p3_advisory_budget", "resume_id", "budget_day"),),
        if_missing=True,
    )
    create(
        "p3_advisory_cache",
        generated("id"),
        text("cache_key"),
        text("signal_id"),
        instant("created_at"),
        key=("id",),
        constraints=(unique("p3_advisory_cache", "cache_key"),),
        if_missing=True,
    )
    for table, columns in INDEXES:
        name = f"ix_{table}_{'_'.join(columns)}"
        op.create_index(name, table, list(columns), if_not_exists=True)
    op.execute(SEED)
    if op.get_context().dialect.name == "postgresql":
        for name, words in COMMENTS.items():
            kind = "COLUMN" if "." in name else "TABLE"
            quoted = words.replace("'", "''")
            op.execute(f"COMMENT ON {kind} {name} IS '{quoted}'")
