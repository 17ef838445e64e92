"""Runs that are judged, stored and judged again, on SQLite and on a real Postgres."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text, update

from helicarrier.errors import Conflict, InputRejected, VerificationFailed
from helicarrier.evals import evaluation
from helicarrier.evals.enums import RouteStrategy, RunStatus
from helicarrier.evals.evaluation import Baseline, Evaluation, Origin, Rules
from helicarrier.evals.ingest_sql import ingest_sql
from helicarrier.evals.model import EvalRun
from helicarrier.evals.report import report
from helicarrier.evals.sql_repository import SqlEvalRepository
from helicarrier.evals.tables import ai_eval_samples
from helicarrier.store.operational import OperationalStore
from tests.evals.making import record

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def run_id(number: int) -> str:
    """A UUID for each number."""
    return str(UUID(int=number))


def judged(number: int = 1, *, count: int = 40, baseline: int | None = None) -> Evaluation:
    """A run with everything in it: slices, labels, missing values, text of all kinds."""
    run = [
        record(
            n,
            schema_valid=n != 7,
            latency_ms=None if n % 5 else 1_000 + n * 13,
            fallback_used=None if n % 7 == 0 else n % 2 == 0,
            route_strategy=RouteStrategy.WEIGHTED if n % 2 else None,
            selected_provider="openai" if n % 3 else None,
            request_id=run_id(1_000 + n),
            item_id=f"it's \N{ROCKET} {n // 2}",
            slices={"locale": "de"} if n % 4 == 0 else {},
        )
        for n in range(count)
    ]
    origin = Origin(
        run_id=run_id(number),
        started_at=NOON + timedelta(minutes=number),
        finished_at=NOON + timedelta(minutes=number, microseconds=123_457),
        code_version="test",
    )
    before = None
    if baseline is not None:
        before = Baseline(run_id=run_id(baseline), records=[s.record for s in judged().samples])
    return evaluation.judge(run, Rules(slices=("locale", "selected_provider")), origin, before)


@pytest.fixture
def repository(store: OperationalStore) -> SqlEvalRepository:
    """The repository on it."""
    return SqlEvalRepository(store)


def save(repository: SqlEvalRepository, found: Evaluation) -> bool:
    """Store an evaluation."""
    return repository.save(found.run, found.samples, found.verdicts)


def test_run_comes_back_as_it_was_stored_and_is_judged_the_same(
    repository: SqlEvalRepository,
) -> None:
    """Run, samples and verdicts, with a baseline; the replay gives the stored bytes."""
    before, found = judged(), judged(2, count=37, baseline=1)
    assert save(repository, before)
    assert save(repository, found)
    run = repository.run(found.run.run_id)
    assert run == found.run
    loaded = evaluation.load(repository, found.run)
    assert loaded == found
    again = evaluation.replay(loaded)
    assert again.identical
    assert list(again.verdicts) == list(found.verdicts)


def test_storing_again_writes_nothing(repository: SqlEvalRepository) -> None:
    """The same run is known; another one under its id is a conflict."""
    found = judged()
    assert save(repository, found)
    assert not save(repository, found)
    other = replace(found.run, triggered_by="somebody else")
    with pytest.raises(Conflict):
        repository.save(other, found.samples, found.verdicts)
    with pytest.raises(Conflict):
        repository.save(found.run, found.samples[1:], found.verdicts)
    assert evaluation.load(repository, found.run) == found


def test_run_without_samples_ends_aborted_or_not_at_all(repository: SqlEvalRepository) -> None:
    """An empty evaluation is stored as aborted; passed and failed are refused."""
    empty = judged(count=0)
    assert empty.run.status is RunStatus.ABORTED
    assert save(repository, empty)
    for status in (RunStatus.PASSED, RunStatus.FAILED):
        with pytest.raises(InputRejected):
            repository.save(replace(empty.run, run_id=run_id(5), status=status), [], [])
    assert repository.run(run_id(5)) is None


def test_changed_samples_do_not_pass_for_those_that_were_judged(
    repository: SqlEvalRepository, store: OperationalStore
) -> None:
    """One flag turned by hand is seen before any verdict is given."""
    found = judged()
    save(repository, found)
    with store.write() as connection:
        connection.execute(
            update(ai_eval_samples)
            .where(ai_eval_samples.c.record_id == "r000003")
            .values(schema_valid=0)
        )
    with pytest.raises(VerificationFailed, match="not those that were judged"):
        evaluation.replay(evaluation.load(repository, found.run))


def test_run_without_a_decision_is_not_judged_again(repository: SqlEvalRepository) -> None:
    """Runs of other programs have verdicts of their own."""
    found = judged()
    bare: EvalRun = replace(found.run, metadata={})
    repository.save(bare, found.samples, found.verdicts)
    with pytest.raises(VerificationFailed, match="no decision"):
        evaluation.load(repository, bare)


def test_script_loads_what_the_repository_reads(
    repository: SqlEvalRepository, store: OperationalStore
) -> None:
    """The tables here are those that the script is for; twice is as good as once."""
    if store.dialect == "sqlite":
        pytest.skip("the script is for Postgres")
    found = judged()
    for _ in range(2):
        with store.write() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("\n".join(list(ingest_sql(found))[1:-1]))
    assert evaluation.replay(evaluation.load(repository, found.run)).identical
    assert evaluation.load(repository, found.run).samples == found.samples
    assert not save(repository, found)


def test_report_and_summary_view_speak_of_the_same_numbers(
    repository: SqlEvalRepository, store: OperationalStore
) -> None:
    """Rates and the percentile of the report are those that the database computes."""
    found = judged(count=203)
    save(repository, found)
    query = text("SELECT * FROM ai_eval_run_summary_v1 WHERE run_id = :run")
    with store.read() as connection:
        row = connection.execute(query, {"run": found.run.run_id}).mappings().one()
    body = report(found, generated_at=NOON)
    assert row["total_records"] == body["record_count"] == 203
    metrics = body["metrics"]
    assert isinstance(metrics, dict)
    for name, value in metrics.items():
        assert float(row[name]) == pytest.approx(value, abs=1e-9)
