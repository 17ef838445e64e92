"""Recording a judged run: rows, decision and marker together, and a go only when it is replayed."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from helicarrier.errors import ErrorCode, StorageUnavailable, VerificationFailed
from helicarrier.evals import recording, release, remote
from helicarrier.evals.enums import Verdict
from helicarrier.evals.evaluation import Evaluation, Origin, Rules, judge
from helicarrier.evals.release import Outcome
from helicarrier.evals.sql_repository import SqlEvalRepository
from helicarrier.evals.tables import ai_eval_runs
from helicarrier.ledger import run_markers
from helicarrier.ledger.tables import audit_log
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_model import Run
from tests.evals.making import records
from tests.ledger.stores import Ledger

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
RUN_ID = "0b8f4c1e-7a43-4b51-9a36-0c8e1a7f2d11"


def judged(count: int = 800, **changes: object) -> Evaluation:
    """A run in which nothing went wrong: enough samples for every gate."""
    run = records(count, bad=count if changes else 0, **changes)
    origin = Origin(run_id=RUN_ID, started_at=NOON, finished_at=NOON, code_version="test")
    return judge(run, Rules(), origin)


def run() -> Run:
    """A run of the run store in progress."""
    return Run(run_id="work", started_at=NOON)


def record(store: OperationalStore, found: Evaluation, work: Run) -> bool:
    """Record it at noon."""
    return recording.record(store, found, work, source="records.jsonl", now=NOON)


def count(store: OperationalStore) -> tuple[int, int]:
    """Eval runs, and decisions in the audit log."""
    decisions = select(func.count()).where(audit_log.c.action == release.ACTION)
    with store.read() as connection:
        return (
            connection.execute(select(func.count()).select_from(ai_eval_runs)).scalar_one(),
            connection.execute(decisions).scalar_one(),
        )


def test_run_decision_and_marker_are_there_together_and_once(store: OperationalStore) -> None:
    """A second time nothing is written; the run says what it read and wrote."""
    found, work = judged(), run()
    assert record(store, found, work)
    assert not record(store, found, run())
    assert count(store) == (1, 1)
    with store.read() as connection:
        assert release.decided(connection, RUN_ID) is Outcome.GO
        marked = run_markers.written(connection, "work")
    assert marked.complete
    rows = {"ai_eval_runs": 1, "ai_eval_samples": 800, "ai_eval_gate_results": 7}
    assert {edge.dataset: edge.rows for edge in marked.outputs} == rows
    assert {edge.dataset: edge.rows for edge in work.outputs} == rows
    (read,) = work.inputs
    assert (read.partition_key, read.fingerprint) == (
        "records.jsonl", found.decision.samples_sha256
    )  # fmt: skip


def test_go_that_a_replay_does_not_give_is_not_recorded(store: OperationalStore) -> None:
    """Verdicts that say pass where the samples do not leave no row at all."""
    found = judged(schema_valid=False)
    passing = [replace(row, verdict=Verdict.PASS) for row in found.verdicts]
    with pytest.raises(VerificationFailed):
        record(store, replace(found, verdicts=passing), run())
    assert count(store) == (0, 0)


def test_go_whose_samples_were_changed_is_not_recorded(store: OperationalStore) -> None:
    """The decision names the digest of what was judged."""
    found = judged()
    first = replace(found.samples[0], record=replace(found.samples[0].record, latency_ms=2))
    with pytest.raises(VerificationFailed):
        record(store, replace(found, samples=[first, *found.samples[1:]]), run())
    assert count(store) == (0, 0)


def test_no_go_is_recorded_with_its_reasons(store: OperationalStore) -> None:
    """It needs no replay: nothing goes out on it."""
    record(store, judged(schema_valid=False), run())
    query = select(audit_log.c.details_json).where(audit_log.c.action == release.ACTION)
    with store.read() as connection:
        assert release.decided(connection, RUN_ID) is Outcome.NO_GO
        told = json.loads(connection.execute(query).scalar_one())
    assert any(why.startswith("schema_valid_rate: fail") for why in told["reasons"])


def test_run_without_a_decision_on_record_is_a_no_go(store: OperationalStore) -> None:
    """A run that was only stored was not released, however well it did."""
    found = judged()
    SqlEvalRepository(store).save(found.run, found.samples, found.verdicts)
    with store.read() as connection:
        assert release.decided(connection, RUN_ID) is Outcome.NO_GO


def test_failure_of_the_audit_line_takes_the_rows_with_it(sqlite_ledger: Ledger) -> None:
    """One transaction: there is no run without its decision."""
    store = sqlite_ledger.store
    with store.write() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER closed BEFORE INSERT ON audit_log "
                "BEGIN SELECT RAISE(ABORT, 'the book is closed'); END"
            )
        )
    with pytest.raises(IntegrityError, match="the book is closed"):
        record(store, judged(), run())
    assert count(store) == (0, 0)


def test_run_is_loaded_into_the_remote_database_once(migrated_postgres: Ledger) -> None:
    """A second time nothing is new; the tables may be those of another installation."""
    migrated_postgres.wipe()
    found, url = judged(), migrated_postgres.store.url
    assert remote.ingest(url, found).rows == 808
    assert remote.ingest(url, found).rows == 0


def test_remote_database_without_the_tables_says_what_it_refused(postgres_url: str) -> None:
    """In the server's words, without the statement."""
    with pytest.raises(StorageUnavailable, match='"ai_eval_runs" does not exist'):
        remote.ingest(postgres_url, judged(40))


def test_remote_database_that_is_away_is_told_without_its_address() -> None:
    """The URL may hold a password."""
    url = "postgresql+psycopg://u:hunter2@127.0.0.1:1/none"
    with pytest.raises(StorageUnavailable) as caught:
        remote.ingest(url, judged(40))
    assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"
