"""The table of match results, which only the import writes."""

from sqlalchemy import Index

from helicarrier.governance import columns as c
from helicarrier.governance.contract import Column, ColumnKind, TableContract
from helicarrier.store.schema import table_of

MAX_SCORE = 100


def _filled(name: str, meaning: str) -> Column:
    return Column(name=name, kind=ColumnKind.TEXT, meaning=meaning, filled=True)


ANALYSIS_RESULTS = TableContract(
    name="analysis_results",
    grain="analysis of a resume against a job posting",
    primary_key=("id",),
    columns=(
        _filled("id", "Id that its producer gave it."),
        _filled("resume_id", "The resume (UUID)."),
        _filled("job_posting_id", "The job posting (UUID)."),
        Column(
            name="match_score",
            kind=ColumnKind.REAL,
            meaning="How well they fit.",
            at_least=0,
            at_most=MAX_SCORE,
        ),
        c.count("qualifications_met", "Qualifications that the resume shows."),
        c.count("qualifications_missing", "Qualifications that it does not show."),
        _filled("provider", "Provider of the model that judged."),
        _filled("model", "The model that judged."),
        c.instant("created_at", "When it was judged."),
        c.instant(
            "application_deadline",
            "Until when one can apply; NULL: unknown.",
            nullable=True,
        ),
        c.run_id(),
    ),
)

analysis_results = table_of(
    ANALYSIS_RESULTS, Index(None, "created_at", "id"), Index(None, "resume_id")
)

CONTRACTS = (ANALYSIS_RESULTS,)
