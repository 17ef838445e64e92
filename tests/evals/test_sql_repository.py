"""The contract of `EvalRepository`, and the summary view, on SQLite and on Postgres."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from helicarrier.errors import Conflict, InputRejected
from helicarrier.evals.enums import (
    Direction,
    Gate,
    Method,
    RouteStrategy,
    RunStatus,
    RunType,
    Verdict,
)
from helicarrier.evals.model import EvalRecord, EvalRun, EvalSample, GateResult
from helicarrier.evals.samples import sample_id
from helicarrier.evals.sql_repository import SqlEvalRepository
from helicarrier.store.operational import OperationalStore

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
RUN = EvalRun(
    run_id=str(UUID(int=1)),
    run_type=RunType.OFFLINE,
    triggered_by="test",
    commit_sha="0" * 40,
    dataset_ref="set@1",
    thresholds={"schema_valid_rate": 0.99},
    status=RunStatus.FAILED,
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=1),
    metadata={"note": "n"},
)
RECORD = EvalRecord(
    record_id="r-1",
    schema_valid=True,
    patch_apply_success=False,
    edited_after_generate=True,
    published_within_7d=False,
    safety_html_tailwind_compliant=True,
)
FULL = replace(
    RECORD,
    record_id="R-2",
    fallback_used=True,
    latency_ms=1_200,
    requested_provider="custom",
    selected_provider="openai",
    route_strategy=RouteStrategy.FALLBACK,
    request_id=str(UUID(int=2)),
    tenant_id="t",
    model_id="m",
    item_id="i",
    slices={"lang": "de"},
)
VERDICT = GateResult(
    run_id=RUN.run_id,
    gate=Gate.P95_LATENCY_MS_MAX,
    direction=Direction.MAX,
    threshold=45_000,
    value=None,
    n=0,
    ci_low=None,
    ci_high=None,
    method=Method.NONE,
    verdict=Verdict.INCONCLUSIVE,
    reason="no latency",
)


def sample(record: EvalRecord, run: EvalRun = RUN) -> EvalSample:
    """A record as a sample of a run."""
    return EvalSample(
        sample_id=sample_id(run.run_id, record.record_id),
        run_id=run.run_id,
        record=record,
        created_at=NOW,
    )


@pytest.fixture
def repository(store: OperationalStore) -> SqlEvalRepository:
    """An empty repository."""
    return SqlEvalRepository(store)


def test_a_run_comes_out_as_it_went_in(repository: SqlEvalRepository) -> None:
    """Also what a record did not say."""
    verdicts = [
        replace(VERDICT, slice_key="selected_provider", slice_value="openai", n=3),
        replace(VERDICT, gate=Gate.SCHEMA_VALID_RATE, value=0.5, ci_low=0.1, samples_needed=9),
        VERDICT,
    ]
    assert repository.save(RUN, [sample(RECORD), sample(FULL)], verdicts)
    assert repository.run(RUN.run_id) == RUN
    assert repository.runs() == [RUN]
    assert repository.records(RUN.run_id) == [FULL, RECORD]
    assert repository.samples(RUN.run_id) == [sample(FULL), sample(RECORD)]
    assert repository.verdicts(RUN.run_id) == [verdicts[1], VERDICT, verdicts[0]]


def test_saving_a_run_again_writes_nothing(repository: SqlEvalRepository) -> None:
    """The same is known; other content under its id is a conflict."""
    assert repository.save(RUN, [sample(RECORD)], [VERDICT])
    assert not repository.save(RUN, [sample(RECORD)], [VERDICT])
    for samples, verdicts in (
        ([sample(FULL)], [VERDICT]),
        ([sample(RECORD)], []),
        ([sample(replace(RECORD, schema_valid=False))], [VERDICT]),
    ):
        with pytest.raises(Conflict):
            repository.save(RUN, samples, verdicts)
    assert repository.records(RUN.run_id) == [RECORD]


def test_a_run_that_passed_or_failed_has_samples(repository: SqlEvalRepository) -> None:
    """Without any it is aborted, which is stored."""
    with pytest.raises(InputRejected):
        repository.save(RUN, [], [])
    assert repository.save(replace(RUN, status=RunStatus.ABORTED), [], [VERDICT])


def test_what_is_not_there_is_not_there(repository: SqlEvalRepository) -> None:
    """No run, no samples, no verdicts."""
    assert repository.run("x") is None
    assert repository.samples("x") == repository.verdicts("x") == repository.runs() == []


def test_the_newest_run_comes_first(repository: SqlEvalRepository) -> None:
    """By start, then by id."""
    runs = [
        replace(RUN, run_id=str(UUID(int=number)), started_at=NOW - timedelta(days=day))
        for number, day in ((1, 1), (2, 0), (3, 1))
    ]
    for run in runs:
        repository.save(run, [sample(RECORD, run)], [])
    assert [run.run_id for run in repository.runs()] == [runs[i].run_id for i in (1, 2, 0)]
    assert repository.runs(limit=1) == [runs[1]]


def test_the_failing_gates_are_one_statement(
    repository: SqlEvalRepository, store: OperationalStore
) -> None:
    """As an operator would type it."""
    passed = replace(VERDICT, gate=Gate.SCHEMA_VALID_RATE, verdict=Verdict.PASS, value=1.0)
    repository.save(RUN, [sample(RECORD)], [VERDICT, passed])
    statement = "SELECT gate FROM ai_eval_gate_results WHERE run_id = :run AND verdict <> 'pass'"
    with store.read() as connection:
        found = connection.execute(text(statement), {"run": RUN.run_id}).scalars().all()
    assert found == ["p95_latency_ms_max"]


@pytest.mark.parametrize("seed", range(6))
def test_the_summary_is_that_of_the_samples(
    repository: SqlEvalRepository, store: OperationalStore, seed: int
) -> None:
    """Rates and the interpolated 95th percentile within 0.001, unmeasured ones left out."""
    made = random.Random(seed)
    size = [1, 2, 21, 100, 137, 300][seed]
    records = [
        replace(
            RECORD,
            record_id=f"r-{number}",
            schema_valid=made.random() < 0.9,
            published_within_7d=made.random() < 0.2,
            fallback_used=made.choice([True, False, None]),
            latency_ms=made.choice([None, made.randrange(60_000)]),
        )
        for number in range(size)
    ]
    repository.save(RUN, [sample(record) for record in records], [])
    with store.read() as connection:
        (row,) = connection.execute(text("SELECT * FROM ai_eval_run_summary_v1")).mappings()
    fallbacks = [r.fallback_used for r in records if r.fallback_used is not None]
    latencies = [r.latency_ms for r in records if r.latency_ms is not None]
    expected = {
        "total_records": size,
        "schema_valid_rate": np.mean([r.schema_valid for r in records]),
        "patch_apply_success": 0,
        "edit_after_generate_rate": 1,
        "publish_conversion_proxy": np.mean([r.published_within_7d for r in records]),
        "fallback_rate": np.mean(fallbacks) if fallbacks else None,
        "p95_latency_ms": np.percentile(latencies, 95) if latencies else None,
    }
    for name, value in expected.items():
        assert row[name] == (None if value is None else pytest.approx(value, abs=1e-3)), name


def test_a_run_without_samples_has_an_empty_summary(
    repository: SqlEvalRepository, store: OperationalStore
) -> None:
    """No data is neither zero nor one."""
    repository.save(replace(RUN, status=RunStatus.ABORTED), [], [])
    with store.read() as connection:
        (row,) = connection.execute(text("SELECT * FROM ai_eval_run_summary_v1")).mappings()
    assert row["total_records"] == 0
    assert [row[name] for name in ("schema_valid_rate", "p95_latency_ms")] == [None, None]


PROVIDER = (
    "INSERT INTO ai_provider_configs (id, provider, created_at, updated_at{names})"
    " VALUES ('x', 'other', '{now}', '{now}'{values})"
)
EXAMPLE = (
    "INSERT INTO ai_training_examples (id, source, prompt, provider, created_at{names})"
    " VALUES ('x', '{source}', 'p', 'a', '{now}'{values})"
)


@pytest.mark.parametrize(
    ("statement", "source", "names", "values"),
    [
        (PROVIDER, "", ", timeout_ms", ", 999"),
        (PROVIDER, "", ", timeout_ms", ", 180001"),
        (PROVIDER, "", ", max_retries", ", 4"),
        (PROVIDER, "", ", weight", ", -1"),
        (PROVIDER, "", ", environment", ", 'test'"),
        (PROVIDER, "", ", is_default", ", 1"),
        (PROVIDER, "", ", enabled", ", 2"),
        (PROVIDER, "", ", prompt_template_version", ", ''"),
        (EXAMPLE, "generation", "", ""),
        (EXAMPLE, "save", ", fallback_used", ", 1"),
        (EXAMPLE, "save", ", fallback_provider", ", 'b'"),
        (EXAMPLE, "save", ", latency_ms", ", 300001"),
        (EXAMPLE, "save", ", route_strategy", ", 'guess'"),
        (EXAMPLE, "save", ", session_id", ", 'nobody'"),
        (EXAMPLE, "dream", "", ""),
    ],
)
def test_the_database_refuses_what_breaks_a_rule(
    store: OperationalStore, statement: str, source: str, names: str, values: str
) -> None:
    """Whoever writes; without the break the same row is taken."""
    now = "2026-11-01T12:00:00.000000Z"
    good = statement.format(names="", values="", now=now, source="save")
    bad = statement.format(names=names, values=values, now=now, source=source)
    with store.write() as connection:
        connection.execute(text(good))
        connection.execute(text("DELETE FROM ai_provider_configs WHERE id = 'x'"))
        connection.execute(text("DELETE FROM ai_training_examples WHERE id = 'x'"))
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(text(bad))


def test_samples_and_verdicts_go_with_their_run(
    repository: SqlEvalRepository, store: OperationalStore
) -> None:
    """The database does it."""
    repository.save(RUN, [sample(RECORD)], [VERDICT])
    with store.write() as connection:
        connection.execute(text("DELETE FROM ai_eval_runs"))
    assert repository.samples(RUN.run_id) == repository.verdicts(RUN.run_id) == []
