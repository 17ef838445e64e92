"""Import totals: do the reports of all imports add up to what the ledger holds?

A session is never removed, so fewer sessions than were reported as new means that rows were lost.
Calls may be replaced by better ones (an envelope's new revision, a session's total by its calls),
so fewer of them prove nothing. More rows than were reported have come some other way: an import
that died before its report, or a producer that writes without one.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Table, func, select

from helicarrier.ingest.service import ASSET_KEY
from helicarrier.ledger.tables import import_reports, session_ledger, session_usage
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_store import RunStore


class _Rows(msgspec.Struct):
    new: int


class _Tables(msgspec.Struct):
    sessions: _Rows
    calls: _Rows


class _Report(msgspec.Struct):
    """The part of a stored report that counts here."""

    rows: _Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTotals:
    """Rows that imports reported as new, rows that are there, imports without a report."""

    sessions_reported: int
    sessions_stored: int
    calls_reported: int
    calls_stored: int
    imports: int
    imports_without_report: int

    @property
    def lost(self) -> int:
        """Sessions that were reported and are gone."""
        return max(0, self.sessions_reported - self.sessions_stored)

    @property
    def unreported(self) -> int:
        """Sessions and calls that no report speaks of."""
        sessions = self.sessions_stored - self.sessions_reported
        calls = self.calls_stored - self.calls_reported
        return max(0, sessions) + max(0, calls)


def import_totals(store: OperationalStore, runs: RunStore) -> ImportTotals:
    """Add up the reports and count the rows, in one snapshot of the store.

    Raises:
        NotReady: there is no store yet.
        StorageUnavailable: a store cannot be read.
    """
    started = {run.run_id for run in runs.runs_for(ASSET_KEY)}
    with store.read() as connection:
        reports = {
            row.run_id: msgspec.json.decode(row.report_json, type=_Report).rows
            for row in connection.execute(
                select(import_reports.c.run_id, import_reports.c.report_json)
            )
        }
        return ImportTotals(
            sessions_reported=sum(rows.sessions.new for rows in reports.values()),
            sessions_stored=_count(connection, session_ledger),
            calls_reported=sum(rows.calls.new for rows in reports.values()),
            calls_stored=_count(connection, session_usage),
            imports=len(reports),
            imports_without_report=len(started - reports.keys()),
        )


def _count(connection: Connection, table: Table) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count
