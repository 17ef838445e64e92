"""Verification: queries that prove that the area stands apart, and that its rows keep its promises.

Each query lists what is wrong, or what is there; an operator can run it by hand, and the runbook
prints it. The underscore is a wildcard of LIKE, so it is always escaped: otherwise `p3x` would
count as a table of the area.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from helicarrier.store.query import Query, open_query
from helicarrier.store.versions import P3


class Presence(StrEnum):
    """Whether the tables are there."""

    INSTALLED = "installed"
    ABSENT = "absent"
    PARTIAL = "partial"


class Promise(StrEnum):
    """What is verified. The first five look at the schema, the others at the rows."""

    TABLES = "tables"
    RECORD = "record"
    FOREIGN_KEYS = "foreign_keys"
    COLUMNS = "columns"
    MENTIONS = "mentions"
    BUDGET = "budget"
    RANGE = "range"
    SWITCH = "switch"


ISOLATION = (
    Promise.TABLES,
    Promise.RECORD,
    Promise.FOREIGN_KEYS,
    Promise.COLUMNS,
    Promise.MENTIONS,
)

SCHEMA_QUERIES: Mapping[Promise, Mapping[str, str]] = {
    Promise.TABLES: {
        "sqlite": r"""
            SELECT name AS found FROM sqlite_master
            WHERE type = 'table' AND name LIKE 'p3\_%' ESCAPE '\' ORDER BY name
        """,
        "postgresql": r"""
            SELECT tablename AS found FROM pg_tables
            WHERE schemaname = current_schema() AND tablename LIKE 'p3\_%' ESCAPE '\'
            ORDER BY tablename
        """,
    },
    Promise.RECORD: {
        "sqlite": """
            SELECT name AS found FROM sqlite_master
            WHERE type = 'table' AND name = 'alembic_version_p3'
        """,
        "postgresql": """
            SELECT tablename AS found FROM pg_tables
            WHERE schemaname = current_schema() AND tablename = 'alembic_version_p3'
        """,
    },
    Promise.FOREIGN_KEYS: {
        "sqlite": r"""
            SELECT m.name || ' -> ' || k."table" AS found
            FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS k
            WHERE m.type = 'table'
              AND (m.name LIKE 'p3\_%' ESCAPE '\' OR k."table" LIKE 'p3\_%' ESCAPE '\')
            ORDER BY found
        """,
        "postgresql": r"""
            SELECT source.relname || ' -> ' || target.relname AS found
            FROM pg_constraint
            JOIN pg_class AS source ON source.oid = conrelid
            JOIN pg_class AS target ON target.oid = confrelid
            WHERE contype = 'f'
              AND (source.relname LIKE 'p3\_%' ESCAPE '\' OR target.relname LIKE 'p3\_%' ESCAPE '\')
            ORDER BY found
        """,
    },
    Promise.COLUMNS: {
        "sqlite": r"""
            SELECT m.name || '.' || c.name AS found
            FROM sqlite_master AS m, pragma_table_info(m.name) AS c
            WHERE m.type = 'table' AND m.name NOT LIKE 'p3\_%' ESCAPE '\'
              AND c.name LIKE '%p3\_%' ESCAPE '\'
            ORDER BY found
        """,
        "postgresql": r"""
            SELECT table_name || '.' || column_name AS found
            FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name NOT LIKE 'p3\_%' ESCAPE '\'
              AND column_name LIKE '%p3\_%' ESCAPE '\'
            ORDER BY found
        """,
    },
    Promise.MENTIONS: {
        "sqlite": r"""
            SELECT type || ' ' || name AS found FROM sqlite_master
            WHERE (sql LIKE '%p3\_%' ESCAPE '\' AND tbl_name <> 'alembic_version_p3'
                   AND tbl_name NOT LIKE 'p3\_%' ESCAPE '\')
               OR (type = 'trigger' AND tbl_name LIKE 'p3\_%' ESCAPE '\')
            ORDER BY found
        """,
        "postgresql": r"""
            SELECT kind || ' ' || name AS found
            FROM (
              SELECT 'constraint' AS kind, conname AS name, relname AS owner,
                     conname || pg_get_constraintdef(c.oid) AS definition
              FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = conrelid
              WHERE connamespace = current_schema()::regnamespace
              UNION ALL
              SELECT 'index', indexname, tablename, indexdef FROM pg_indexes
              WHERE schemaname = current_schema()
              UNION ALL
              SELECT 'view', viewname, viewname, definition FROM pg_views
              WHERE schemaname = current_schema()
              UNION ALL
              SELECT 'trigger', tgname, '', 'p3_'
              FROM pg_trigger JOIN pg_class AS t ON t.oid = tgrelid
              WHERE NOT tgisinternal AND (relname LIKE 'p3\_%' ESCAPE '\'
                OR pg_get_triggerdef(pg_trigger.oid) LIKE '%p3\_%' ESCAPE '\')
            ) AS things
            WHERE definition LIKE '%p3\_%' ESCAPE '\' AND owner NOT LIKE 'p3\_%' ESCAPE '\'
              AND owner <> 'alembic_version_p3'
            ORDER BY found
        """,
    },
}

ROW_QUERIES: Mapping[Promise, str] = {
    Promise.BUDGET: """
        SELECT resume_id AS found FROM p3_advisory_budget
        WHERE used_advisories > max_advisories OR used_advisories < 0 ORDER BY found LIMIT 100
    """,
    Promise.RANGE: """
        SELECT id AS found FROM p3_advisory_signal
        WHERE NOT (confidence_score >= 0 AND confidence_score <= 1) ORDER BY found LIMIT 100
    """,
    Promise.SWITCH: """
        SELECT s.id AS found FROM p3_advisory_signal AS s
        WHERE NOT EXISTS (
          SELECT 1 FROM p3_feature_state AS f
          WHERE f.feature_name = 'p3_advisory'
            AND ((f.enabled = 1 AND f.rollout_percent > 0) OR f.updated_at >= s.computed_at)
        )
        ORDER BY found LIMIT 100
    """,
}
"""Rows that break a promise. A signal that was computed after the switch went off breaks `switch`;
a decision takes its time before it reads the switch, so one under way does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one query found, beside what it should have found."""

    promise: Promise
    expected: tuple[str, ...]
    found: tuple[str, ...]
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings. `as_expected` is False where the tables are not as somebody wants them."""

    presence: Presence
    as_expected: bool
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether every promise holds."""
        return self.as_expected and all(finding.holds for finding in self.findings)


def verify(url: str, *, expect: Presence | None = None) -> Report:
    """Run every query on the store at `url`; without tables those of the rows are left out.

    Args: url; expect, how the tables should stand (None: all of them or none).

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be read.
    """
    with open_query(url) as query:
        there = _ask(query, SCHEMA_QUERIES[Promise.TABLES][query.dialect])
        presence = _presence(there)
        wanted = expect or presence
        findings = [_schema(query, promise, wanted) for promise in ISOLATION]
        if presence is Presence.INSTALLED:
            findings += [_rows(query, promise) for promise in ROW_QUERIES]
    settled = presence is not Presence.PARTIAL
    return Report(
        presence=presence,
        as_expected=settled and (expect is None or expect is presence),
        findings=tuple(findings),
    )


def _presence(there: tuple[str, ...]) -> Presence:
    if not there:
        return Presence.ABSENT
    return Presence.INSTALLED if set(P3.guests) <= set(there) else Presence.PARTIAL


def _schema(query: Query, promise: Promise, wanted: Presence) -> Finding:
    expected: tuple[str, ...] = ()
    if wanted is not Presence.ABSENT:
        expected = {
            Promise.TABLES: tuple(sorted(P3.guests)),
            Promise.RECORD: (P3.version_table,),
        }.get(promise, ())
    found = _ask(query, SCHEMA_QUERIES[promise][query.dialect])
    return Finding(promise=promise, expected=expected, found=found, holds=found == expected)


def _rows(query: Query, promise: Promise) -> Finding:
    found = _ask(query, ROW_QUERIES[promise])
    return Finding(promise=promise, expected=(), found=found, holds=not found)


def _ask(query: Query, sql: str) -> tuple[str, ...]:
    return tuple(str(row["found"]) for row in query.rows(sql))
