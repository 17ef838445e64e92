"""Recording: a judged run becomes rows, a line of the audit log and a marker, or nothing at all.

Who judges (the command, the asset) calls `record` with the run of the run store under which it
works. Everything is one transaction, so that there is no run without its decision and no decision
without its run. A go is only recorded when a replay of the samples gives the same verdicts byte by
byte and the database holds exactly what was judged.
"""

from collections.abc import Sequence
from datetime import datetime

from helicarrier.errors import VerificationFailed
from helicarrier.evals import release
from helicarrier.evals.evaluation import Evaluation, replay
from helicarrier.evals.sql_repository import is_stored, put
from helicarrier.evals.tables import AI_EVAL_GATE_RESULTS, AI_EVAL_RUNS, AI_EVAL_SAMPLES
from helicarrier.ledger import run_markers
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_model import Edge, Run

ASSET_KEY = AI_EVAL_RUNS.name
"""The run store's and Dagster's name for judging a run."""


def record(
    store: OperationalStore,
    found: Evaluation,
    run: Run,
    *,
    source: str,
    now: datetime,
    baseline: Evaluation | None = None,
) -> bool:
    """Store a judged run with its decision, and tell the run what was read and written.

    Args: store; found; run, in progress; source, the file of the records; now; baseline, the run
    it was held against, stored with it unless it is there.

    Returns: False when the run is stored already; nothing is written then.

    Raises:
        Conflict: the run id is taken by a run with other content.
        VerificationFailed: it passes, and judging again or reading back gives something else;
            nothing is written.
        StorageUnavailable: the store cannot be written.
    """
    is_go = release.outcome_of(found) is release.Outcome.GO
    if is_go and not replay(found).identical:
        raise _not_reproduced(found)
    written = [found] if baseline is None else [baseline, found]
    rows: dict[tuple[str, str], int] = {}
    with store.write() as connection:
        is_new = False
        for one in written:
            is_new = put(connection, one.run, one.samples, one.verdicts)
            if is_new:
                rows |= _rows(one)
        if is_new:
            if is_go and not is_stored(connection, found.run, found.samples, found.verdicts):
                raise _not_reproduced(found)
            release.record(connection, found, actor=f"run {run.run_id}", now=now)
        run_markers.mark(connection, run.run_id, rows, now=now, last=True)
    _tell(run, found, source, rows)
    return is_new


def _rows(found: Evaluation) -> dict[tuple[str, str], int]:
    """Rows by table and eval run."""
    counts: Sequence[tuple[str, int]] = (
        (AI_EVAL_RUNS.name, 1),
        (AI_EVAL_SAMPLES.name, len(found.samples)),
        (AI_EVAL_GATE_RESULTS.name, len(found.verdicts)),
    )
    return {(table, found.run.run_id): count for table, count in counts}


def _tell(run: Run, found: Evaluation, source: str, rows: dict[tuple[str, str], int]) -> None:
    digest, count = found.decision.samples_sha256, len(found.samples)
    run.reads(Edge(dataset="file", partition_key=source, fingerprint=digest, rows=count))
    for (table, partition), written in rows.items():
        run.writes(Edge(dataset=table, partition_key=partition, rows=written))
    run.note(evalRun=found.run.run_id, decision=release.outcome_of(found).value)
    run.rows_in, run.rows_out = count, sum(rows.values())


def _not_reproduced(found: Evaluation) -> VerificationFailed:
    return VerificationFailed(
        f"run {found.run.run_id} passes, and its replay does not give the same verdicts",
        hint="No go is recorded. Judge the records again; if it lasts, report the case.",
    )
