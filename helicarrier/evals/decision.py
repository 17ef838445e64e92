"""The decision behind the verdicts of a run: stored with them, read back to replay them.

It holds every number that the verdicts follow from and the digest of the samples, so that a replay
needs the store alone. Its JSON form is what the `metadata` of a run keeps under `decision`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields

import msgspec

from helicarrier import canonical
from helicarrier.canonical import JSONValue
from helicarrier.errors import VerificationFailed
from helicarrier.evals.enums import Gate, Policy, RateInterval
from helicarrier.evals.model import Decision, EvalRun, GateResult

KEY = "decision"
"""Where the metadata of a run keeps its decision."""


def as_json(decision: Decision) -> dict[str, JSONValue]:
    """The decision as plain JSON."""
    plain = {each.name: getattr(decision, each.name) for each in fields(decision)}
    plain |= {name: dict(plain[name]) for name in ("thresholds", "margins")}
    plain["slices"] = list(decision.slices)
    found: dict[str, JSONValue] = msgspec.to_builtins(plain)
    return found


class _Stored(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    thresholds: dict[Gate, float]
    margins: dict[Gate, float]
    policy: Policy
    rate_interval: RateInterval
    confidence: float
    min_n: int
    slices: tuple[str, ...]
    code_version: str
    samples_sha256: str
    baseline_run_id: str | None
    baseline_sha256: str | None


def of_run(run: EvalRun) -> Decision:
    """The decision that a stored run was judged by.

    Raises:
        VerificationFailed: the run holds none, or one that cannot be read.
    """
    return from_json(run.metadata.get(KEY), run.run_id)


def from_json(stored: object, run_id: str) -> Decision:
    """The opposite of `as_json`; `run_id` names the run in the error.

    Raises:
        VerificationFailed: it is no decision.
    """
    try:
        found = msgspec.convert(stored, _Stored)
    except msgspec.ValidationError as error:
        raise VerificationFailed(
            f"run {run_id} holds no decision that can be read: {error}",
            hint="Only runs of `helicarrier evals run` can be judged again.",
        ) from error
    return Decision(**msgspec.structs.asdict(found))


def verdict_json(row: GateResult) -> dict[str, JSONValue]:
    """A verdict as plain JSON, in the order of its columns."""
    found: dict[str, JSONValue] = msgspec.to_builtins(
        {name: getattr(row, name) for name in COLUMNS}
    )
    return found


def verdict_bytes(rows: Iterable[GateResult]) -> bytes:
    """The verdicts of a run as canonical bytes, one a line: what a replay has to reproduce."""
    return b"".join(canonical.canonical_bytes(verdict_json(row)) + b"\n" for row in rows)


def thresholds_json(thresholds: Mapping[Gate, float]) -> dict[str, float]:
    """Thresholds by name, for the run's own column."""
    return {gate.value: value for gate, value in thresholds.items()}


COLUMNS = (
    "run_id",
    "gate",
    "slice_key",
    "slice_value",
    "direction",
    "threshold",
    "value",
    "n",
    "ci_low",
    "ci_high",
    "method",
    "verdict",
    "reason",
    "samples_needed",
    "baseline_run_id",
    "delta",
    "delta_ci_low",
    "delta_ci_high",
)
"""The columns of a verdict in their order."""
