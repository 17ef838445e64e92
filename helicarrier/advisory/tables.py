"""The four advisory tables, which belong to no other: no foreign key leads in or out.

They have a migration environment of their own (`migrations/p3`), so that dropping them leaves every
other table as it is. Resumes and job postings are only named here.
"""

from sqlalchemy import DefaultClause, Index, UniqueConstraint

from helicarrier.advisory.enums import SignalType
from helicarrier.governance import columns as c
from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    NotBefore,
    TableContract,
    values_of,
)
from helicarrier.store.schema import table_of
from helicarrier.store.types import NewUuid

PREFIX = "p3_"
"""How the name of each of these tables begins, and of nothing else."""

FEATURE = "p3_advisory"
"""The feature whose switch and rollout the area obeys."""

P3_FEATURE_STATE = TableContract(
    name="p3_feature_state",
    grain="feature",
    primary_key=("feature_name",),
    columns=(
        c.text("feature_name", "Name of the feature; it also salts the rollout."),
        c.flag("enabled", "1 while it is on.", default=0),
        Column(
            name="rollout_percent",
            kind=ColumnKind.INTEGER,
            meaning="Share of the subjects that have it.",
            unit="%",
            at_least=0,
            at_most=100,
            default=0,
        ),
        c.instant("updated_at", "When it was last switched."),
    ),
)

P3_ADVISORY_SIGNAL = TableContract(
    name="p3_advisory_signal",
    grain="computed signal",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the signal (UUID)."),
        c.text("resume_id", "The resume (UUID)."),
        c.text("job_posting_id", "The job posting (UUID)."),
        c.choice("signal_type", values_of(SignalType), "What it is about."),
        Column(
            name="signal_payload",
            kind=ColumnKind.JSON,
            meaning="Summary and details as one JSON object.",
        ),
        Column(
            name="confidence_score",
            kind=ColumnKind.SCORE,
            meaning="How far the signal can be trusted.",
            at_least=0,
            at_most=1,
        ),
        c.text("model_version", "Version of the model that computed it."),
        c.instant("computed_at", "When it was computed."),
        c.instant("expires_at", "From when on it no longer holds.", nullable=True),
        c.flag("is_active", "0 once it has expired.", default=1),
        c.instant("created_at", "When it was stored."),
    ),
)

P3_ADVISORY_BUDGET = TableContract(
    name="p3_advisory_budget",
    grain="resume and day",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the row (UUID)."),
        c.text("resume_id", "The resume (UUID)."),
        c.day("budget_day", "The UTC day."),
        c.count("max_advisories", "How many signals may be computed on the day."),
        Column(
            name="used_advisories",
            kind=ColumnKind.INTEGER,
            meaning="How many were.",
            at_least=0,
            default=0,
        ),
        c.instant("created_at", "When the first one was asked for."),
    ),
    rules=(
        NotBefore(
            name="within_budget",
            earlier="used_advisories",
            later="max_advisories",
            remedy="Delete the row: the budget of the resume begins anew.",
        ),
    ),
)

P3_ADVISORY_CACHE = TableContract(
    name="p3_advisory_cache",
    grain="match result, kind of signal and version of the model",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the row (UUID)."),
        c.text("cache_key", "Hash of the match result's id, the kind and the version."),
        c.text("signal_id", "The newest signal of the key; one that is gone counts as none."),
        c.instant("created_at", "When it was stored."),
    ),
)

p3_feature_state = table_of(P3_FEATURE_STATE)
p3_advisory_signal = table_of(
    P3_ADVISORY_SIGNAL, Index(None, "resume_id", "job_posting_id"), Index(None, "is_active")
)
p3_advisory_budget = table_of(
    P3_ADVISORY_BUDGET, UniqueConstraint("resume_id", "budget_day"), Index(None, "budget_day")
)
p3_advisory_cache = table_of(
    P3_ADVISORY_CACHE, UniqueConstraint("cache_key"), Index(None, "signal_id")
)
for _table in (p3_advisory_signal, p3_advisory_budget, p3_advisory_cache):
    _table.c.id.server_default = DefaultClause(NewUuid())

CONTRACTS = (P3_FEATURE_STATE, P3_ADVISORY_SIGNAL, P3_ADVISORY_BUDGET, P3_ADVISORY_CACHE)
TABLES = (p3_feature_state, p3_advisory_signal, p3_advisory_budget, p3_advisory_cache)
