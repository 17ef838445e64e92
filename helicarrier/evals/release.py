"""The release decision as a line of the audit log: go or no-go on a judged run, and why.

Only a run whose every gate passes in every slice is a go. The line is written where a run is
judged, before any gate can hold something back, so that a no-go leaves its reasons as well.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import Connection, select

from helicarrier.canonical import JSONValue, sha256
from helicarrier.evals.decision import verdict_bytes
from helicarrier.evals.enums import ALL, Verdict
from helicarrier.evals.evaluation import Evaluation
from helicarrier.evals.model import GateResult
from helicarrier.ledger import audit
from helicarrier.ledger.tables import audit_log

ACTION = "release.decided"


class Outcome(StrEnum):
    """Whether a release may go out."""

    GO = "go"
    NO_GO = "no-go"


class _Details(msgspec.Struct, frozen=True):
    outcome: Outcome


WHY = {
    Outcome.GO: "every gate passes in every slice",
    Outcome.NO_GO: "no decision about this run is on record",
}
"""What is said where no verdict gives a reason."""


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


def decided(connection: Connection, run_id: str) -> Outcome:
    """What was decided about a run when it was judged; a no-go where nothing is on record."""
    query = (
        select(audit_log.c.details_json)
        .where(audit_log.c.action == ACTION, audit_log.c.subject == run_id)
        .order_by(audit_log.c.occurred_at.desc(), audit_log.c.audit_id.desc())
    )
    details = connection.execute(query.limit(1)).scalar_one_or_none()
    if details is None:
        return Outcome.NO_GO
    return msgspec.json.decode(details, type=_Details).outcome


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
