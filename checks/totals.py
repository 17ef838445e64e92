"""Import totals: is everything in the ledger that was written to it, and does a report tell of it?

Whoever writes to the ledger keeps running totals of each day in the same transaction. Rows that
were lost, changed or added past the writers make a difference, to the token and the nano-dollar.
Imports are asked for only where everything is looked at: the list of their runs grows for ever.
"""

from dataclasses import dataclass

from sqlalchemy import func, select

from helicarrier.ingest.service import ASSET_KEY
from helicarrier.ledger.enums import ImportOutcome
from helicarrier.ledger.tables import import_reports
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_model import RunStatus
from helicarrier.store.run_store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Reports by how their imports ended, and completed imports that have no report any more."""

    outcomes: dict[str, int]
    without_report: int


def count_imports(store: OperationalStore, runs: RunStore | None) -> Imports:
    """Count the reports; with `runs` also the imports that should have one.

    Raises:
        NotReady: there is no store yet.
        StorageUnavailable: a store cannot be read.
    """
    # An import that failed before its report was opened has written nothing.
    ended = {
        run.run_id
        for run in (runs.runs_for(ASSET_KEY) if runs is not None else [])
        if run.status is RunStatus.COMPLETED
    }
    query = select(import_reports.c.outcome, func.count().label("reports")).group_by(
        import_reports.c.outcome
    )
    with store.read() as connection:
        counts = {row.outcome: row.reports for row in connection.execute(query)}
        if ended:
            ended.difference_update(connection.execute(select(import_reports.c.run_id)).scalars())
    return Imports(
        outcomes={outcome.value: counts.get(outcome.value, 0) for outcome in ImportOutcome},
        without_report=len(ended),
    )
