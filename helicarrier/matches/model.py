"""A match result as the areas above see it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """One analysis of a resume against a job posting.

    `resume_id` and `job_posting_id` are UUIDs as lower-case text, `match_score` is from 0 to 100,
    the qualifications are counts, `application_deadline` is None where nobody knows it.
    """

    result_id: str
    resume_id: str
    job_posting_id: str
    match_score: float
    qualifications_met: int
    qualifications_missing: int
    provider: str
    model: str
    created_at: datetime
    application_deadline: datetime | None = None
