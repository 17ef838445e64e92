"""From records to a run with its verdicts, and from a stored run to the same verdicts again.

The edges bring the clock, the ids and the version of the code; what is in here is reproducible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from helicarrier.canonical import JSONValue
from helicarrier.errors import VerificationFailed
from helicarrier.evals import decision as decisions
from helicarrier.evals import samples
from helicarrier.evals.enums import Gate, Policy, RateInterval, RunStatus, RunType
from helicarrier.evals.frame import frame_of
from helicarrier.evals.gates import evaluate, passes
from helicarrier.evals.model import (
    DEFAULT_CONFIDENCE,
    DEFAULT_MARGINS,
    DEFAULT_MIN_N,
    DEFAULT_THRESHOLDS,
    Decision,
    EvalRecord,
    EvalRun,
    EvalSample,
    GateResult,
)
from helicarrier.evals.repository import EvalRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a run is to be judged: the part of a decision that a person chooses."""

    thresholds: Mapping[Gate, float] = field(default_factory=lambda: DEFAULT_THRESHOLDS)
    margins: Mapping[Gate, float] = field(default_factory=lambda: DEFAULT_MARGINS)
    policy: Policy = Policy.INTERVAL
    rate_interval: RateInterval = RateInterval.WILSON
    confidence: float = DEFAULT_CONFIDENCE
    min_n: int = DEFAULT_MIN_N
    slices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a run comes from: who asked for it, about which code and data, when."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    code_version: str
    run_type: RunType = RunType.OFFLINE
    triggered_by: str = "unknown"
    commit_sha: str = "unknown"
    dataset_ref: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The run to hold a new one against."""

    run_id: str
    records: Sequence[EvalRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A run that has been judged, whole."""

    run: EvalRun
    decision: Decision
    samples: Sequence[EvalSample]
    verdicts: Sequence[GateResult]
    baseline: Baseline | None = None

    @property
    def passed(self) -> bool:
        """Whether every gate passes in every slice."""
        return passes(self.verdicts)


def judge(
    records: Sequence[EvalRecord], rules: Rules, origin: Origin, baseline: Baseline | None = None
) -> Evaluation:
    """Judge records by the rules.

    A run without samples ends `aborted`; an inconclusive one ends `failed`, and its verdicts tell
    the difference.
    """
    ordered = sorted(records, key=lambda record: record.record_id)
    decision = Decision(
        thresholds=rules.thresholds,
        margins=rules.margins,
        policy=rules.policy,
        rate_interval=rules.rate_interval,
        confidence=rules.confidence,
        min_n=rules.min_n,
        slices=tuple(sorted(set(rules.slices))),
        code_version=origin.code_version,
        samples_sha256=samples.digest(ordered),
        baseline_run_id=None if baseline is None else baseline.run_id,
        baseline_sha256=None if baseline is None else samples.digest(baseline.records),
    )
    verdicts = _verdicts(origin.run_id, ordered, decision, baseline)
    metadata: dict[str, JSONValue] = {decisions.KEY: decisions.as_json(decision)}
    run = EvalRun(
        run_id=origin.run_id,
        run_type=origin.run_type,
        triggered_by=origin.triggered_by,
        commit_sha=origin.commit_sha,
        dataset_ref=origin.dataset_ref,
        thresholds=decisions.thresholds_json(rules.thresholds),
        status=_status(ordered, verdicts),
        started_at=origin.started_at,
        finished_at=origin.finished_at,
        metadata=metadata,
    )
    stored = [
        EvalSample(
            sample_id=samples.sample_id(run.run_id, record.record_id),
            run_id=run.run_id,
            record=record,
            created_at=origin.started_at,
        )
        for record in ordered
    ]
    return Evaluation(
        run=run, decision=decision, samples=stored, verdicts=verdicts, baseline=baseline
    )


def _verdicts(
    run_id: str,
    records: Sequence[EvalRecord],
    decision: Decision,
    baseline: Baseline | None,
) -> list[GateResult]:
    before = None if baseline is None else frame_of(baseline.records)
    return evaluate(run_id, frame_of(records), decision, before)


def _status(records: Sequence[EvalRecord], verdicts: Sequence[GateResult]) -> RunStatus:
    if not records:
        return RunStatus.ABORTED
    return RunStatus.PASSED if passes(verdicts) else RunStatus.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The verdicts of a run as they are stored and as they come out again."""

    run: EvalRun
    decision: Decision
    stored: Sequence[GateResult]
    verdicts: Sequence[GateResult]

    @property
    def identical(self) -> bool:
        """Whether they are the same, byte by byte."""
        return decisions.verdict_bytes(self.stored) == decisions.verdict_bytes(self.verdicts)


def replay(found: Evaluation) -> Replay:
    """Judge a run again from its samples.

    Raises:
        VerificationFailed: the samples of the run or of its baseline are not those it was judged
            on, or the decision names a baseline that is not there.
    """
    decision = found.decision
    records = [sample.record for sample in found.samples]
    _require_unchanged(found.run.run_id, records, decision.samples_sha256)
    if decision.baseline_run_id is not None:
        before = found.baseline.records if found.baseline else []
        _require_unchanged(decision.baseline_run_id, before, decision.baseline_sha256)
    return Replay(
        run=found.run,
        decision=decision,
        stored=found.verdicts,
        verdicts=_verdicts(found.run.run_id, records, decision, found.baseline),
    )


def load(repository: EvalRepository, run: EvalRun) -> Evaluation:
    """A stored run with all that belongs to it.

    Raises:
        VerificationFailed: it holds no decision.
    """
    decision, before = decisions.of_run(run), None
    if decision.baseline_run_id is not None:
        records = repository.records(decision.baseline_run_id)
        before = Baseline(run_id=decision.baseline_run_id, records=records)
    return Evaluation(
        run=run,
        decision=decision,
        samples=repository.samples(run.run_id),
        verdicts=repository.verdicts(run.run_id),
        baseline=before,
    )


def _require_unchanged(run_id: str, records: Sequence[EvalRecord], expected: str | None) -> None:
    if samples.digest(records) != expected:
        raise VerificationFailed(
            f"the samples of run {run_id} are not those that were judged",
            hint="Restore a backup: samples were changed, added or removed afterwards.",
        )
