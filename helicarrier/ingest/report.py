"""The import report: every source record is accounted for, in one of five ways.

`read = written + duplicate + skipped + quarantined + deferred` holds always; the database checks
it, too. The report is stored in `import_reports` and as JSON beside the database.
"""

from dataclasses import dataclass, field

from helicarrier.ledger.enums import ImportOutcome
from helicarrier.ledger.outcomes import Tally


@dataclass(slots=True, kw_only=True)
class Records:
    """Counts of source records: lines or envelopes."""

    read: int = 0
    written: int = 0
    duplicate: int = 0
    skipped: int = 0
    quarantined: int = 0
    deferred: int = 0

    def add(self, other: "Records") -> None:
        """Add other counts to these."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileError:
    """A file that could not be imported: nothing of this read of it was kept."""

    path: str
    code: str
    message: str


@dataclass(slots=True, kw_only=True)
class Progress:
    """What a part of an import did; parts add up to the report."""

    records: Records = field(default_factory=Records)
    rows: Tally = field(default_factory=Tally)
    files_read: int = 0
    files_unchanged: int = 0
    files_ignored: int = 0
    bytes_read: int = 0
    errors: list[FileError] = field(default_factory=list)

    def add(self, other: "Progress") -> None:
        """Add another part to this one."""
        self.records.add(other.records)
        self.rows.add(other.rows)
        self.files_read += other.files_read
        self.files_unchanged += other.files_unchanged
        self.files_ignored += other.files_ignored
        self.bytes_read += other.bytes_read
        self.errors += other.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The whole import. `seconds` is wall clock; times are canonical UTC text."""

    run_id: str
    started_at: str
    finished_at: str
    seconds: float
    dry_run: bool
    progress: Progress
    failure: str | None = None
    """Why the import broke off; it then reports what it had committed by that time."""

    @property
    def outcome(self) -> ImportOutcome:
        """Completed, rejected when a file was refused as a whole, failed when it broke off."""
        if self.failure is not None:
            return ImportOutcome.FAILED
        return ImportOutcome.REJECTED if self.progress.errors else ImportOutcome.COMPLETED

    def as_json(self) -> dict[str, object]:
        """The wire form; `sessions` and `calls` are rows that came into being or changed."""
        records, rows = self.progress.records, self.progress.rows
        return {
            "runId": self.run_id,
            "outcome": self.outcome.value,
            "failure": self.failure,
            "dryRun": self.dry_run,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "seconds": round(self.seconds, 3),
            "bytes": self.progress.bytes_read,
            "files": {
                "read": self.progress.files_read,
                "unchanged": self.progress.files_unchanged,
                "ignored": self.progress.files_ignored,
                "rejected": len(self.progress.errors),
            },
            "read": records.read,
            "written": records.written,
            "duplicate": records.duplicate,
            "skipped": records.skipped,
            "quarantined": records.quarantined,
            "deferred": records.deferred,
            "errors": [
                {"path": error.path, "code": error.code, "message": error.message}
                for error in sorted(self.progress.errors, key=lambda e: (e.path, e.code))
            ],
            "sessions": rows.sessions_new + rows.sessions_changed,
            "calls": rows.calls_new + rows.calls_changed,
            "events": rows.events_new + rows.events_changed,
            "rows": {
                "sessions": {"new": rows.sessions_new, "changed": rows.sessions_changed},
                "calls": {"new": rows.calls_new, "changed": rows.calls_changed},
                "events": {"new": rows.events_new, "changed": rows.events_changed},
            },
        }
