"""Verification of the content store: does everything that is stored keep what was promised?

Each finding is one promise over one table or type of document: rows keep the rules of their
contract, versions are whole, nothing is orphaned, JSON is JSON, the file has the declared
constraints, and these refuse what they should. Where there are no rows a promise about rows is
neither kept nor broken, and the report says so.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from helicarrier.governance.contract import ColumnKind, TableContract
from helicarrier.governance.frames import remedies_of
from helicarrier.lineage.content.enums import DocType
from helicarrier.lineage.content.sound import SOUND
from helicarrier.lineage.content.tables import (
    ANNOTATIONS,
    CARRIED_OVER,
    CONTENT_QUARANTINE,
    DOCUMENTS,
    MESSAGES,
    TABLES,
)
from helicarrier.store.duckdb_probes import definitions, run_probes
from helicarrier.store.duckdb_schema import WarehouseTable, breaking_rows, declared, facts
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PARENT_MISSING = """
SELECT COUNT(*) FROM annotations WHERE parent_id NOT IN (SELECT id FROM documents)
"""
_PARENT_TYPE_WRONG = """
SELECT COUNT(*) FROM annotations JOIN documents ON documents.id = annotations.parent_id
WHERE (parent_type = 'post') <> (doc_type = 'post')
"""
_KEYS = "SELECT COUNT(DISTINCT doc_key) FROM documents"
_GAPS = """
SELECT COUNT(*) FROM (
  SELECT doc_key FROM documents GROUP BY doc_key
  HAVING MIN(version) <> 1 OR MAX(version) <> COUNT(*)
)
"""


class State(StrEnum):
    """How a promise stands."""

    KEPT = "kept"
    BROKEN = "broken"
    NO_DATA = "no data"


class Promise(StrEnum):
    """What is verified."""

    RULES = "rules"
    VERSIONS = "versions"
    JSON = "json"
    ORPHANS = "orphans"
    CONSTRAINTS = "constraints"
    PROBES = "probes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One promise over `subject` (a table, or a type of document).

    `checked` counts rows, constraints or probes; `failing` those that break the promise; `detail`
    names the rules that are broken.
    """

    promise: Promise
    table: str
    subject: str
    checked: int
    failing: int
    detail: str = ""
    remedy: str = ""

    @property
    def state(self) -> State:
        """Kept, broken, or nothing to judge by."""
        if self.failing:
            return State.BROKEN
        return State.KEPT if self.checked else State.NO_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The report. `refused` counts the records in quarantine, which break nothing."""

    findings: tuple[Finding, ...]
    refused: int

    @property
    def state(self) -> State:
        """Broken where any promise is; no data where there is no row at all."""
        if any(finding.state is State.BROKEN for finding in self.findings):
            return State.BROKEN
        rows = (f.checked for f in self.findings if f.promise is Promise.RULES)
        return State.KEPT if any(rows) else State.NO_DATA

    def as_json(self) -> dict[str, object]:
        """The wire form."""
        return {
            "state": self.state.value,
            "refused": self.refused,
            "findings": [
                {
                    "promise": finding.promise.value,
                    "table": finding.table,
                    "subject": finding.subject,
                    "state": finding.state.value,
                    "checked": finding.checked,
                    "failing": finding.failing,
                    "detail": finding.detail,
                    "remedy": finding.remedy,
                }
                for finding in self.findings
            ],
        }


def verify(warehouse: WarehouseStore, known_runs: Collection[str]) -> Verification:
    """Verify everything, in one read of the file.

    Args: warehouse, the owner of the file; known_runs, the ids in the run store.

    Raises:
        NotReady: there is no file yet, or it is of another version.
        StorageUnavailable: it cannot be read.
    """
    with warehouse.read() as connection:
        made = definitions(connection)
        found = [
            *_rules(connection),
            _versions(connection),
            *_json(connection),
            *orphans(connection, known_runs),
            *constraints(connection, TABLES),
        ]
        refused = _count(connection, "SELECT COUNT(*) FROM content_quarantine")
    return Verification(findings=(*found, *probed(made, TABLES)), refused=refused)


def orphans(connection: "DuckDBPyConnection", known_runs: Collection[str]) -> list[Finding]:
    """Rows whose run or document is not there; one finding for each table."""
    return [
        Finding(
            promise=Promise.ORPHANS,
            table=contract.name,
            subject=contract.name,
            checked=_count(connection, f"SELECT COUNT(*) FROM {contract.name}"),  # noqa: S608 - a name of the program
            failing=sum(broken.values()),
            detail=_counted(broken),
            remedy="Restore a copy of the warehouse file from before the rows were lost.",
        )
        for contract in (DOCUMENTS, MESSAGES, ANNOTATIONS)
        for broken in ({name: n for name, n in _orphaned(connection, contract, known_runs) if n},)
    ]


def constraints(
    connection: "DuckDBPyConnection", tables: Iterable[WarehouseTable]
) -> list[Finding]:
    """The columns, constraints and indexes of the file against the declared ones."""
    tables = list(tables)
    here, wanted = facts(connection, tables), declared(tables)
    findings = []
    for table in tables:
        own = {fact for fact in wanted if fact[0] == table.name}
        wrong = {fact for fact in here ^ wanted if fact[0] == table.name}
        findings.append(
            Finding(
                promise=Promise.CONSTRAINTS,
                table=table.name,
                subject=table.name,
                checked=len(own),
                failing=len(wrong),
                detail="; ".join(sorted(f"{kind} {name}" for _, kind, name, _ in wrong)),
                remedy="Somebody changed the table by hand: restore a copy, or rebuild it.",
            )
        )
    return findings


def probed(made: dict[str, str], tables: Iterable[WarehouseTable]) -> list[Finding]:
    """Whether the tables of the file, whose definitions are `made`, refuse what they should."""
    tables = [table for table in tables if table.name in made]
    results = run_probes(made, tables, SOUND)
    return [
        Finding(
            promise=Promise.PROBES,
            table=table.name,
            subject=table.name,
            checked=len(own),
            failing=len(taken),
            detail="; ".join(f"{result.probe.rule}: {result.answer}" for result in taken),
            remedy="The constraint does not hold: rebuild the table as declared.",
        )
        for table in tables
        for own in ([result for result in results if result.probe.table == table.name],)
        for taken in ([result for result in own if not result.refused],)
    ]


def _rules(connection: "DuckDBPyConnection") -> Iterator[Finding]:
    for doc_type in DocType:
        where = f"doc_type = '{doc_type.value}'"
        yield _kept(connection, DOCUMENTS, doc_type.value, where)
    known = ", ".join(f"'{doc_type.value}'" for doc_type in DocType)
    other = _kept(connection, DOCUMENTS, "other", f"doc_type IS NULL OR doc_type NOT IN ({known})")
    if other.checked:
        yield other
    for contract in (MESSAGES, ANNOTATIONS, CONTENT_QUARANTINE):
        yield _kept(connection, contract, contract.name, "TRUE")


def _kept(
    connection: "DuckDBPyConnection", contract: TableContract, subject: str, where: str
) -> Finding:
    rows, broken = breaking_rows(connection, contract, where)
    remedies = remedies_of(contract)
    return Finding(
        promise=Promise.RULES,
        table=contract.name,
        subject=subject,
        checked=rows,
        failing=sum(broken.values()),
        detail=_counted(broken),
        remedy=" ".join(dict.fromkeys(remedies[rule] for rule in broken)),
    )


def _versions(connection: "DuckDBPyConnection") -> Finding:
    """Versions count from 1 without gaps, so that no version was lost in between."""
    return Finding(
        promise=Promise.VERSIONS,
        table=DOCUMENTS.name,
        subject=DOCUMENTS.name,
        checked=_count(connection, _KEYS),
        failing=_count(connection, _GAPS),
        remedy="A version is missing: restore a copy of the warehouse file.",
    )


def _json(connection: "DuckDBPyConnection") -> Iterator[Finding]:
    for contract in (DOCUMENTS, MESSAGES):
        shapes = {
            column.name: "ARRAY" if column.default == "[]" else "OBJECT"
            for column in contract.columns
            if column.kind is ColumnKind.JSON
        }
        tests = ", ".join(
            f"COUNT(*) FILTER (WHERE json_type(CASE WHEN json_valid({name}) THEN {name} END) "
            f"IS DISTINCT FROM '{shape}')"
            for name, shape in shapes.items()
        )
        query = f"SELECT COUNT(*), {tests} FROM {contract.name}"  # noqa: S608 - the contract's
        total, *broken = connection.execute(query).fetchall()[0]
        found = {name: int(n) for name, n in zip(shapes, broken, strict=True) if n}
        yield Finding(
            promise=Promise.JSON,
            table=contract.name,
            subject=contract.name,
            checked=int(total),
            failing=sum(found.values()),
            detail=_counted(found),
            remedy="The column must hold a JSON list or object: import the source again.",
        )


def _orphaned(
    connection: "DuckDBPyConnection", contract: TableContract, known_runs: Collection[str]
) -> Iterator[tuple[str, int]]:
    query = f"SELECT run_id, COUNT(*) FROM {contract.name} GROUP BY run_id"  # noqa: S608 - a name of the program
    by_run = connection.execute(query).fetchall()
    unknown = (n for run, n in by_run if run not in known_runs and run != CARRIED_OVER)
    yield "run_unknown", sum(unknown)
    if contract is ANNOTATIONS:
        yield "parent_missing", _count(connection, _PARENT_MISSING)
        yield "parent_type_wrong", _count(connection, _PARENT_TYPE_WRONG)


def _count(connection: "DuckDBPyConnection", query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _counted(broken: dict[str, int]) -> str:
    return ", ".join(f"{rule} ({n})" for rule, n in broken.items())
