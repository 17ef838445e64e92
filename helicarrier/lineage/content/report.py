"""The report of a content import: every record is accounted for, in one of four ways.

`read = written + duplicate + skipped + refused` holds always. A record is a Markdown file or a
line; skipped are files without front matter and empty lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from helicarrier.lineage.content.enums import Outcome
from helicarrier.lineage.content.model import Refusal

NAMED = 100
"""Refusals that a report names; all of them are in the store."""


@dataclass(slots=True, kw_only=True)
class ContentCounts:
    """Counts of records by what became of them, and of the rows that were written."""

    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    rows: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("documents", "messages", "annotations"), 0)
    )

    @property
    def read(self) -> int:
        """All records."""
        return sum(self.outcomes.values())

    @property
    def rows_written(self) -> int:
        """All rows."""
        return sum(self.rows.values())

    def add(self, outcome: Outcome, table: str | None = None) -> None:
        """Count one record, and its row where one was written."""
        self.outcomes[outcome] += 1
        if outcome is Outcome.WRITTEN and table is not None:
            self.rows[table] += 1

    def as_json(self) -> dict[str, int]:
        """The wire form of the records."""
        return {"read": self.read} | {kind.value: n for kind, n in self.outcomes.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRecord:
    """A refusal without its bytes; ordered by file and line."""

    uri: str
    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentReport:
    """The whole import. `seconds` is wall clock; times are canonical UTC text."""

    run_id: str
    started_at: str
    finished_at: str
    seconds: float
    dry_run: bool
    files: int
    counts: ContentCounts
    refused: tuple[RefusedRecord, ...]

    @property
    def outcome(self) -> str:
        """`completed`, or `rejected` when a record was refused."""
        return "rejected" if self.counts.outcomes[Outcome.REFUSED] else "completed"

    def as_json(self) -> dict[str, object]:
        """The wire form; `rows` are those that were written, by table."""
        return {
            "runId": self.run_id,
            "outcome": self.outcome,
            "dryRun": self.dry_run,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "seconds": round(self.seconds, 3),
            "files": self.files,
            **self.counts.as_json(),
            "rows": dict(self.counts.rows),
            "refusals": [
                {"path": one.uri, "line": one.line, "code": one.code, "message": one.message}
                for one in self.refused
            ],
        }


def named(refusals: Iterable[Refusal]) -> tuple[RefusedRecord, ...]:
    """The refusals that a report names, in the order of their places."""
    found = sorted((one.uri, one.line, one.code.value, one.message) for one in refusals)
    return tuple(
        RefusedRecord(uri=uri, line=line, code=code, message=message)
        for uri, line, code, message in found[:NAMED]
    )
