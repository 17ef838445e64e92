"""The script of a run on a real Postgres: two kinds of tables, twice without a change."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from helicarrier.evals import samples
from helicarrier.evals.decision import COLUMNS
from helicarrier.evals.evaluation import Evaluation, Origin, Rules, judge
from helicarrier.evals.ingest_sql import ingest_sql
from tests.evals.making import record
from tests.postgres import libpq

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
HOSTILE = "it's \\' \"x\" \N{ROCKET} %s :y"
RUN_ID = "0b8f4c1e-7a43-4b51-9a36-0c8e1a7f2d11"

TABLES = """
CREATE TABLE ai_eval_runs (
  run_id {uuid} PRIMARY KEY, run_type TEXT NOT NULL, triggered_by TEXT NOT NULL,
  commit_sha TEXT NOT NULL, dataset_ref TEXT NOT NULL, thresholds {json} NOT NULL,
  status TEXT NOT NULL, started_at TIMESTAMPTZ NOT NULL, finished_at TIMESTAMPTZ,
  metadata {json} NOT NULL);
CREATE TABLE ai_eval_samples (
  id {uuid} PRIMARY KEY, run_id {uuid} NOT NULL REFERENCES ai_eval_runs ON DELETE CASCADE,
  training_example_id {uuid}, record_id TEXT NOT NULL, request_id {uuid},
  requested_provider TEXT, selected_provider TEXT, route_strategy TEXT, fallback_used {flag},
  latency_ms {int}, schema_valid {flag} NOT NULL, patch_apply_success {flag} NOT NULL,
  edited_after_generate {flag} NOT NULL, published_within_7d {flag} NOT NULL,
  safety_html_tailwind_compliant {flag} NOT NULL, created_at TIMESTAMPTZ NOT NULL,
  metadata {json} NOT NULL);
CREATE TABLE ai_eval_gate_results (
  run_id {uuid} NOT NULL REFERENCES ai_eval_runs ON DELETE CASCADE, gate TEXT NOT NULL,
  slice_key TEXT NOT NULL, slice_value TEXT NOT NULL, direction TEXT NOT NULL,
  threshold DOUBLE PRECISION NOT NULL, value DOUBLE PRECISION, n {int} NOT NULL,
  ci_low DOUBLE PRECISION, ci_high DOUBLE PRECISION, method TEXT NOT NULL, verdict TEXT NOT NULL,
  reason TEXT NOT NULL, samples_needed {int}, baseline_run_id {uuid}, delta DOUBLE PRECISION,
  delta_ci_low DOUBLE PRECISION, delta_ci_high DOUBLE PRECISION,
  PRIMARY KEY (run_id, gate, slice_key, slice_value));
"""
FORMS = {
    "rich": {"uuid": "UUID", "json": "JSONB", "flag": "BOOLEAN", "int": "INTEGER"},
    "plain": {"uuid": "TEXT", "json": "TEXT", "flag": "BIGINT", "int": "BIGINT"},
}


@pytest.fixture
def judged() -> Evaluation:
    """A run whose texts would break out of a literal, with slices and missing values."""
    run = [
        record(
            n, tenant_id="it's \\' \"x\" \N{ROCKET} %s :y", latency_ms=None if n % 3 else 100 + n
        )
        for n in range(1_050)
    ]
    origin = Origin(
        run_id=RUN_ID,
        started_at=NOON,
        finished_at=NOON,
        code_version="test",
        triggered_by="o'brien; DROP TABLE ai_eval_runs; --",
    )
    return judge(run, Rules(slices=("tenant_id",)), origin)


@pytest.fixture(params=FORMS)
def remote(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[psycopg.Connection]:
    """Another database with the three tables."""
    with psycopg.connect(libpq(postgres_url), autocommit=True) as connection:
        connection.execute(TABLES.format(**FORMS[request.param]).encode())
        yield connection


def contents(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the three tables."""
    return {
        "runs": connection.execute("SELECT * FROM ai_eval_runs ORDER BY 1").fetchall(),
        "samples": connection.execute("SELECT * FROM ai_eval_samples ORDER BY 1").fetchall(),
        "verdicts": connection.execute(
            "SELECT * FROM ai_eval_gate_results ORDER BY 1, 2, 3, 4"
        ).fetchall(),
    }


def test_script_loads_a_run_and_changes_nothing_the_second_time(
    remote: psycopg.Connection, judged: Evaluation
) -> None:
    """Also after a row was changed there: what is there stays."""
    script = "\n".join(ingest_sql(judged)).encode()
    remote.execute(script)
    loaded = contents(remote)
    assert {name: len(rows) for name, rows in loaded.items()} == {
        "runs": 1, "samples": 1_050, "verdicts": len(judged.verdicts)
    }  # fmt: skip
    remote.execute("UPDATE ai_eval_runs SET triggered_by = 'somebody'")
    changed = contents(remote)
    remote.execute(script)
    assert contents(remote) == changed


def test_loaded_rows_are_those_of_the_run(remote: psycopg.Connection, judged: Evaluation) -> None:
    """Texts, missing values and doubles arrive exactly, verdicts to the last bit."""
    remote.execute("\n".join(ingest_sql(judged)).encode())
    query = sql.SQL("SELECT {} FROM ai_eval_gate_results").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    )
    rows = remote.execute(query).fetchall()
    expected = {
        tuple(getattr(row, name) for name in COLUMNS if name != "run_id") for row in judged.verdicts
    }
    assert {row[1:] for row in rows} == expected
    stored = remote.execute(
        "SELECT record_id, latency_ms, metadata, schema_valid FROM ai_eval_samples ORDER BY 1"
    ).fetchall()
    for (record_id, latency, metadata, valid), sample in zip(stored, judged.samples, strict=True):
        assert (record_id, latency, bool(valid)) == (
            sample.record.record_id, sample.record.latency_ms, True
        )  # fmt: skip
        parsed = metadata if isinstance(metadata, dict) else json.loads(metadata)
        assert parsed == samples.extras(sample.record)
    found = remote.execute("SELECT triggered_by, started_at FROM ai_eval_runs").fetchall()
    assert found == [(judged.run.triggered_by, NOON)]
