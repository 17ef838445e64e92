"""The report of a run as one JSON object: every key is always there, unknown values are null.

`gates` says for each gate whether it passes in every slice, `verdicts` holds the rows behind it.
The file that `--output` writes also holds the samples, so that the run can be loaded elsewhere.
"""

from datetime import datetime

from helicarrier import times
from helicarrier.canonical import JSONValue
from helicarrier.evals import decision as decisions
from helicarrier.evals import samples
from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import ALL, Gate, Verdict
from helicarrier.evals.evaluation import Evaluation
from helicarrier.evals.model import EvalRun

KEYS = (
    "generated_at",
    "run_id",
    "record_count",
    "overall_pass",
    "policy",
    "metrics",
    "thresholds",
    "gates",
    "verdicts",
    "decision",
    "run",
)
"""What every report holds, in this order; `samples` and `baseline_samples` may follow."""


def report(
    found: Evaluation, *, generated_at: datetime, with_samples: bool = False
) -> dict[str, JSONValue]:
    """The report of an evaluation; times in UTC text, latencies in milliseconds."""
    overall = {row.gate: row for row in found.verdicts if row.slice_key == ALL}
    metrics: dict[str, JSONValue] = {
        MEASURES[gate].metric: overall[gate].value if gate in overall else None for gate in Gate
    }
    gates: dict[str, JSONValue] = {
        gate.value: gate in overall
        and all(row.verdict is Verdict.PASS for row in found.verdicts if row.gate is gate)
        for gate in Gate
    }
    decision = decisions.as_json(found.decision)
    body: dict[str, JSONValue] = {
        "generated_at": times.utc_text(generated_at),
        "run_id": found.run.run_id,
        "record_count": len(found.samples),
        "overall_pass": found.passed,
        "policy": found.decision.policy.value,
        "metrics": metrics,
        "thresholds": decision["thresholds"],
        "gates": gates,
        "verdicts": [decisions.verdict_json(row) for row in found.verdicts],
        "decision": decision,
        "run": run_json(found.run),
    }
    if with_samples:
        body["samples"] = [samples.as_json(sample.record) for sample in found.samples]
        before = [] if found.baseline is None else found.baseline.records
        body["baseline_samples"] = [samples.as_json(record) for record in before]
    return body


def run_json(run: EvalRun) -> dict[str, JSONValue]:
    """A run as plain JSON, by the names of its columns."""
    return {
        "run_id": run.run_id,
        "run_type": run.run_type.value,
        "triggered_by": run.triggered_by,
        "commit_sha": run.commit_sha,
        "dataset_ref": run.dataset_ref,
        "thresholds": dict(run.thresholds),
        "status": run.status.value,
        "started_at": times.utc_text(run.started_at),
        "finished_at": None if run.finished_at is None else times.utc_text(run.finished_at),
        "metadata": dict(run.metadata),
    }
