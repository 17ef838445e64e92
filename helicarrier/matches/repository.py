"""Match results in the operational store: stored once, read by day.

A stored result never changes: the same one again is a duplicate, another content under its id is a
conflict.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, Row, insert, select

from helicarrier.errors import Conflict
from helicarrier.matches.model import MatchResult
from helicarrier.matches.tables import analysis_results
from helicarrier.store.operational import OperationalStore

ROWS_AT_ONCE = 1_000
_C = analysis_results.c


def missing(connection: Connection, results: Sequence[MatchResult]) -> list[MatchResult]:
    """Those of at most `ROWS_AT_ONCE` results that are not stored yet.

    Raises:
        Conflict: one is stored with other content.
    """
    ids = [result.result_id for result in results]
    rows = connection.execute(select(analysis_results).where(_C.id.in_(ids)))
    stored = {row.id: _result(row) for row in rows}
    for result in results:
        if stored.get(result.result_id, result) != result:
            raise Conflict(
                f"the match result {result.result_id} is stored with other content",
                hint="A result never changes; give the new one an id of its own.",
            )
    return [result for result in results if result.result_id not in stored]


def add(connection: Connection, results: Sequence[MatchResult], *, run_id: str) -> None:
    """Store results that are missing."""
    if results:
        connection.execute(insert(analysis_results), [_row(one, run_id) for one in results])


def of_day(store: OperationalStore, day: date) -> Iterator[MatchResult]:
    """The results that were judged on a UTC day, by time and id.

    They come in short reads of `ROWS_AT_ONCE`, so that nobody waits for whoever takes long over
    them.

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be read.
    """
    first = datetime.combine(day, time(), UTC)
    inside = (_C.created_at >= first) & (_C.created_at < first + timedelta(days=1))
    query = select(analysis_results).where(inside).order_by(_C.created_at, _C.id)
    last: MatchResult | None = None
    while True:
        page = query.limit(ROWS_AT_ONCE)
        if last is not None:
            later = _C.created_at > last.created_at
            page = page.where(later | (_C.created_at == last.created_at) & (_C.id > last.result_id))
        with store.read() as connection:
            found = [_result(row) for row in connection.execute(page)]
        yield from found
        if len(found) < ROWS_AT_ONCE:
            return
        last = found[-1]


def _row(result: MatchResult, run_id: str) -> dict[str, object]:
    return {
        "id": result.result_id,
        "resume_id": result.resume_id,
        "job_posting_id": result.job_posting_id,
        "match_score": result.match_score,
        "qualifications_met": result.qualifications_met,
        "qualifications_missing": result.qualifications_missing,
        "provider": result.provider,
        "model": result.model,
        "created_at": result.created_at,
        "application_deadline": result.application_deadline,
        "run_id": run_id,
    }


def _result(row: Row[tuple[object, ...]]) -> MatchResult:
    return MatchResult(
        result_id=row.id,
        resume_id=row.resume_id,
        job_posting_id=row.job_posting_id,
        match_score=row.match_score,
        qualifications_met=row.qualifications_met,
        qualifications_missing=row.qualifications_missing,
        provider=row.provider,
        model=row.model,
        created_at=row.created_at,
        application_deadline=row.application_deadline,
    )
