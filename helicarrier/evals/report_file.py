"""Report files: a run with its samples as one document that can be read back and judged again.

A file is taken as strictly as eval records are, and only where its samples have the digest that
its decision names: a report that was edited is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from helicarrier import times
from helicarrier.canonical import JSONValue
from helicarrier.errors import HelicarrierError, InputRejected, StorageUnavailable
from helicarrier.evals import decision as decisions
from helicarrier.evals import samples
from helicarrier.evals.enums import RunStatus, RunType
from helicarrier.evals.evaluation import Baseline, Evaluation, replay
from helicarrier.evals.model import EvalRecord, EvalRun, EvalSample, GateResult
from helicarrier.evals.readers.native import record_of

Instant = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]


class _Run(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    run_id: str
    run_type: RunType
    triggered_by: str
    commit_sha: str
    dataset_ref: str
    thresholds: dict[str, float]
    status: RunStatus
    started_at: Instant
    finished_at: Instant
    metadata: dict[str, object]


class _Report(msgspec.Struct, kw_only=True):
    run: _Run
    verdicts: list[GateResult]
    samples: list[dict[str, object]]
    baseline_samples: list[dict[str, object]]


def write_report(path: Path, body: Mapping[str, JSONValue]) -> None:
    """Write a report, with sorted keys and one line for each value.

    Raises:
        StorageUnavailable: the file cannot be written.
    """
    text = json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageUnavailable(
            f"{path} cannot be written: {error.strerror}", hint="Name a file in an existing folder."
        ) from error


def read_report(path: Path) -> Evaluation:
    """The run that a report file holds, as it was judged.

    Raises:
        InputRejected: the file is missing, no report with samples, or its samples or verdicts are
            not those that its decision gives.
    """
    try:
        body = path.read_bytes()
        found = msgspec.json.decode(body, type=_Report)
        evaluation = _evaluation(found)
        again = replay(evaluation)
    except OSError as error:
        raise InputRejected(f"{path} cannot be read: {error.strerror}") from error
    except HelicarrierError as error:
        raise _refused(path, error.message) from error
    except ValueError as error:
        raise _refused(path, str(error)) from error
    if not again.identical:
        raise _refused(path, "its verdicts are not those that its samples give")
    return evaluation


def is_report(path: Path) -> bool:
    """Whether a file begins as a report does."""
    try:
        with path.open("rb") as file:
            return b'"baseline_samples"' in file.read(64)
    except OSError:
        return False


def _refused(path: Path, reason: str) -> InputRejected:
    return InputRejected(
        f"{path} is refused as a report: {reason}",
        hint="Give a file that `helicarrier evals run --output` wrote, as it was written.",
    )


def _evaluation(found: _Report) -> Evaluation:
    given = found.run
    decision = decisions.from_json(given.metadata.get(decisions.KEY), given.run_id)
    started, finished = times.parse(given.started_at), times.parse(given.finished_at)
    metadata: dict[str, JSONValue] = msgspec.to_builtins(given.metadata)
    run = EvalRun(
        run_id=given.run_id,
        run_type=given.run_type,
        triggered_by=given.triggered_by,
        commit_sha=given.commit_sha,
        dataset_ref=given.dataset_ref,
        thresholds=given.thresholds,
        status=given.status,
        started_at=started,
        finished_at=finished,
        metadata=metadata,
    )
    before = None
    if decision.baseline_run_id is not None:
        records = [_record(each) for each in found.baseline_samples]
        before = Baseline(run_id=decision.baseline_run_id, records=records)
    stored = [
        EvalSample(
            sample_id=samples.sample_id(run.run_id, record.record_id),
            run_id=run.run_id,
            record=record,
            created_at=started,
        )
        for record in map(_record, found.samples)
    ]
    return Evaluation(
        run=run, decision=decision, samples=stored, verdicts=found.verdicts, baseline=before
    )


def _record(sample: Mapping[str, object]) -> EvalRecord:
    return record_of(msgspec.json.encode(sample))
