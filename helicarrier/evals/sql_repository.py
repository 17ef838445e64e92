"""`EvalRepository` on SQLite and Postgres.

A run goes in with its samples and verdicts in one transaction, and comes out as it went in: what a
record did not say is NULL or missing in its metadata, never false or zero.
"""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Insert, Row, RowMapping, insert, select

from helicarrier.canonical import JSONValue, canonical_bytes
from helicarrier.errors import Conflict, InputRejected
from helicarrier.evals import samples as forms
from helicarrier.evals.enums import (
    Direction,
    Gate,
    Method,
    RunStatus,
    RunType,
    Verdict,
)
from helicarrier.evals.gates import in_order
from helicarrier.evals.model import EvalRecord, EvalRun, EvalSample, GateResult
from helicarrier.evals.tables import ai_eval_gate_results, ai_eval_runs, ai_eval_samples
from helicarrier.store.operational import OperationalStore

_OUTCOMES = (
    "schema_valid",
    "patch_apply_success",
    "edited_after_generate",
    "published_within_7d",
    "safety_html_tailwind_compliant",
)
_TEXTS = ("request_id", "requested_provider", "selected_provider")
_VERDICT_PLAIN = (
    "run_id",
    "slice_key",
    "slice_value",
    "threshold",
    "value",
    "n",
    "ci_low",
    "ci_high",
    "reason",
    "samples_needed",
    "baseline_run_id",
    "delta",
    "delta_ci_low",
    "delta_ci_high",
)
_AT_ONCE = 1_000


class SqlEvalRepository:
    """Eval runs in the operational store."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def save(
        self, run: EvalRun, samples: Sequence[EvalSample], verdicts: Sequence[GateResult]
    ) -> bool:
        """See `EvalRepository.save`."""
        with self._store.write() as connection:
            return put(connection, run, samples, verdicts)

    def run(self, run_id: str) -> EvalRun | None:
        """See `EvalRepository.run`."""
        with self._store.read() as connection:
            return _run(connection, run_id)

    def runs(self, *, limit: int = 50) -> list[EvalRun]:
        """See `EvalRepository.runs`."""
        columns = ai_eval_runs.c
        query = select(ai_eval_runs).order_by(columns.started_at.desc(), columns.run_id.desc())
        with self._store.read() as connection:
            return [_run_of(row) for row in connection.execute(query.limit(limit))]

    def samples(self, run_id: str) -> list[EvalSample]:
        """See `EvalRepository.samples`."""
        with self._store.read() as connection:
            return _samples(connection, run_id)

    def records(self, run_id: str) -> list[EvalRecord]:
        """See `EvalRepository.records`."""
        return [sample.record for sample in self.samples(run_id)]

    def verdicts(self, run_id: str) -> list[GateResult]:
        """See `EvalRepository.verdicts`."""
        with self._store.read() as connection:
            return _verdicts(connection, run_id)


def put(
    connection: Connection,
    run: EvalRun,
    samples: Sequence[EvalSample],
    verdicts: Sequence[GateResult],
) -> bool:
    """Store a run within the open transaction; else as `EvalRepository.save`."""
    if run.status in {RunStatus.PASSED, RunStatus.FAILED} and not samples:
        raise InputRejected(
            "an eval run that passed or failed needs at least one sample",
            hint="A run without samples ends as aborted.",
        )
    if is_stored(connection, run, samples, verdicts):
        return False
    connection.execute(insert(ai_eval_runs).values(_run_row(run)))
    _insert(connection, insert(ai_eval_samples), [_sample_row(one) for one in samples])
    _insert(connection, insert(ai_eval_gate_results), [_verdict_row(one) for one in verdicts])
    return True


def is_stored(
    connection: Connection,
    run: EvalRun,
    samples: Sequence[EvalSample],
    verdicts: Sequence[GateResult],
) -> bool:
    """Whether the run is there already.

    Raises:
        Conflict: it is, with other content.
    """
    there = _run(connection, run.run_id)
    if there is None:
        return False
    same = (
        there == run
        and _samples(connection, run.run_id) == sorted(samples, key=lambda s: s.record.record_id)
        and {*_verdicts(connection, run.run_id)} == {*verdicts}
    )
    if not same:
        raise Conflict(
            f"the eval run {run.run_id} is stored with other content",
            hint="Give the run an id of its own.",
        )
    return True


def _insert(connection: Connection, statement: Insert, rows: list[dict[str, object]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(statement, rows[start : start + _AT_ONCE])


def _run(connection: Connection, run_id: str) -> EvalRun | None:
    query = select(ai_eval_runs).where(ai_eval_runs.c.run_id == run_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _run_of(row)


def _samples(connection: Connection, run_id: str) -> list[EvalSample]:
    query = select(ai_eval_samples).where(ai_eval_samples.c.run_id == run_id)
    found = [_sample_of(row) for row in connection.execute(query).mappings()]
    # Sorted here: databases differ in how they order texts.
    return sorted(found, key=lambda sample: sample.record.record_id)


def _verdicts(connection: Connection, run_id: str) -> list[GateResult]:
    query = select(ai_eval_gate_results).where(ai_eval_gate_results.c.run_id == run_id)
    return in_order([_verdict_of(row) for row in connection.execute(query).mappings()])


def _run_row(run: EvalRun) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "run_type": run.run_type.value,
        "triggered_by": run.triggered_by,
        "commit_sha": run.commit_sha,
        "dataset_ref": run.dataset_ref,
        "thresholds": _text(dict(run.thresholds)),
        "status": run.status.value,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "metadata": _text(dict(run.metadata)),
    }


def _run_of(row: Row[tuple[object, ...]]) -> EvalRun:
    return EvalRun(
        run_id=row.run_id,
        run_type=RunType(row.run_type),
        triggered_by=row.triggered_by,
        commit_sha=row.commit_sha,
        dataset_ref=row.dataset_ref,
        thresholds=json.loads(row.thresholds),
        status=RunStatus(row.status),
        started_at=row.started_at,
        finished_at=row.finished_at,
        metadata=json.loads(row.metadata),
    )


def _sample_row(sample: EvalSample) -> dict[str, object]:
    record = sample.record
    return {
        "id": sample.sample_id,
        "run_id": sample.run_id,
        "training_example_id": sample.training_example_id,
        "record_id": record.record_id,
        "route_strategy": None if record.route_strategy is None else record.route_strategy.value,
        "fallback_used": None if record.fallback_used is None else int(record.fallback_used),
        "latency_ms": record.latency_ms,
        "created_at": sample.created_at,
        "metadata": _text(forms.extras(record)),
        **{name: getattr(record, name) for name in _TEXTS},
        **{name: int(getattr(record, name)) for name in _OUTCOMES},
    }


def _sample_of(row: RowMapping) -> EvalSample:
    columns = {str(name): value for name, value in row.items()}
    return EvalSample(
        sample_id=row["id"],
        run_id=row["run_id"],
        training_example_id=row["training_example_id"],
        record=forms.from_columns(columns, json.loads(row["metadata"])),
        created_at=row["created_at"],
    )


def _verdict_row(verdict: GateResult) -> dict[str, object]:
    return {
        "gate": verdict.gate.value,
        "direction": verdict.direction.value,
        "method": verdict.method.value,
        "verdict": verdict.verdict.value,
        **{name: getattr(verdict, name) for name in _VERDICT_PLAIN},
    }


def _verdict_of(row: RowMapping) -> GateResult:
    return GateResult(
        gate=Gate(row["gate"]),
        direction=Direction(row["direction"]),
        method=Method(row["method"]),
        verdict=Verdict(row["verdict"]),
        **{name: row[name] for name in _VERDICT_PLAIN},
    )


def _text(value: Mapping[str, JSONValue]) -> str:
    return canonical_bytes(dict(value)).decode()
