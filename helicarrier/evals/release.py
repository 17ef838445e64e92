"""The release decision as a line of the audit log: go or no-go on a judged run, and why.

Only a run whose every gate passes in every slice is a go. The line is written where a run is
judged, before any gate can hold something back, so that a no-go leaves its reasons as well.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from helicarrier.canonical import JSONValue, sha256
from helicarrier.evals.decision import verdict_bytes
from helicarrier.evals.enums import ALL, Verdict
from helicarrier.evals.evaluation import Evaluation
from helicarrier.evals.model import GateResult
from helicarrier.ledger import audit

ACTION = "release.decided"


class Outcome(StrEnum):
    """Whether a release may go out."""

    GO = "go"
    NO_GO = "no-go"


def outcome_of(found: Evaluation) -> Outcome:
    """Go when every gate passes; a run without verdicts is a no-go."""
    return Outcome.GO if found.passed else Outcome.NO_GO


def reasons(found: Evaluation) -> list[str]:
    """A line for each gate and slice that does not pass."""
    return [reason(row) for row in found.verdicts if row.verdict is not Verdict.PASS]


def reason(row: GateResult) -> str:
    """A verdict in a line: gate, slice, verdict and why."""
    where = "" if row.slice_key == ALL else f" ({row.slice_key} {row.slice_value})"
    return f"{row.gate}{where}: {row.verdict}: {row.reason}"


def record(connection: Connection, found: Evaluation, *, actor: str, now: datetime) -> None:
    """Write the decision about a judged run within the open transaction.

    Args: connection; found; actor, who decided; now.
    """
    told: list[JSONValue] = list(reasons(found))
    audit.record(
        connection,
        actor=actor,
        action=ACTION,
        subject=found.run.run_id,
        now=now,
        details={
            "outcome": outcome_of(found).value,
            "datasetRef": found.run.dataset_ref,
            "commitSha": found.run.commit_sha,
            "reasons": told,
            "verdictsSha256": sha256(verdict_bytes(found.verdicts)),
        },
    )
