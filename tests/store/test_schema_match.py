"""A migrated store has the schema that the contracts declare, to the letter, on both engines."""

import re

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from helicarrier.store.addresses import SqliteFile, parse_address
from helicarrier.store.schema import METADATA
from tests.core_tables import CONTRACTS, TABLES

OWN_TO_MIGRATIONS = {
    "helicarrier_core_version",
    "ix_session_ledger_search",
    "ai_eval_run_summary_v1",
    "mismatch_pattern.embedding",  # a vector where the server has pgvector
}

POSTGRES_FACTS = {
    "columns": """
        SELECT table_name || '.' || column_name,
          ordinal_position || ' ' || data_type || ' ' || COALESCE(numeric_precision, 0) || ' '
          || COALESCE(numeric_scale, 0) || ' ' || is_nullable || ' ' || COALESCE(column_default, '')
        FROM information_schema.columns WHERE table_schema = current_schema()
    """,
    "constraints": """
        SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f', 'p', 'u')
    """,
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
}
# A rebuilt table lists its columns in the order of the contract, so that is compared, too.

Facts = dict[str, dict[str, str]]


def postgres_facts(connection: Connection) -> Facts:
    """Everything Postgres knows about the tables, by kind and name."""
    return {
        kind: {
            name: definition
            for name, definition in connection.execute(text(sql))
            if not any(own in name for own in OWN_TO_MIGRATIONS)
        }
        for kind, sql in POSTGRES_FACTS.items()
    }


def sqlite_facts(connection: Connection) -> Facts:
    """Everything SQLite knows about the tables, by kind and name."""
    facts: Facts = {"columns": {}, "forms": {}, "constraints": {}, "indexes": {}}
    for _, table, kind, _, rowless, strict in connection.exec_driver_sql("PRAGMA table_list"):
        if kind != "table" or table not in CONTRACTS:
            continue
        facts["forms"][table] = f"without rowid {rowless}, strict {strict}"
        for column in connection.exec_driver_sql(f"PRAGMA table_xinfo({table})"):
            facts["columns"][f"{table}.{column[1]}"] = str(tuple(column))
        sql = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
        ).scalar_one()
        for name, definition in re.findall(r"CONSTRAINT (\w+) (.+?),?\s*(?=\n)", sql):
            facts["constraints"][name] = definition
        for _, name, _, origin, _ in connection.exec_driver_sql(f"PRAGMA index_list({table})"):
            if origin == "c":
                sql = connection.exec_driver_sql(
                    "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (name,)
                )
                facts["indexes"][name] = str(sql.scalar_one())
    return facts


def facts_of(url: str) -> Facts:
    """The schema of the store at `url`."""
    engine = create_engine(url)
    with engine.connect() as connection:
        read = sqlite_facts if engine.dialect.name == "sqlite" else postgres_facts
        facts = read(connection)
    engine.dispose()
    return facts


def declare(url: str) -> str:
    """Makes the tables straight from the contracts, in place of what is there; returns the URL."""
    address = parse_address(url)
    if isinstance(address, SqliteFile):
        url = f"sqlite:///{address.path.with_name('declared.sqlite')}"
    engine = create_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        METADATA.create_all(connection, tables=TABLES)
    engine.dispose()
    return url


def test_the_migrated_schema_is_the_declared_one(migrated_url: str) -> None:
    """Columns, types, nullability, defaults, keys, rules, indexes, STRICT and WITHOUT ROWID."""
    migrated = facts_of(migrated_url)
    declared = facts_of(declare(migrated_url))
    for kind, facts in declared.items():
        assert migrated[kind] == facts
    rules = {f"ck_{name}_{rule}" for name, c in CONTRACTS.items() for rule in c.checks()}
    assert rules <= {name.rpartition(".")[2] for name in declared["constraints"]}
    assert {name.split(".")[0] for name in declared["columns"]} == set(CONTRACTS)


def test_no_table_is_left_over_from_the_migration(migrated_url: str) -> None:
    """What was set aside is gone."""
    engine = create_engine(migrated_url)
    tables = set(inspect(engine).get_table_names())
    engine.dispose()
    search = {name for name in tables if name.startswith("session_search")}
    assert tables - search - OWN_TO_MIGRATIONS == set(CONTRACTS)


def test_postgres_shows_the_meaning_of_each_column(migrated_postgres_url: str) -> None:
    """A person in psql reads what a column holds."""
    engine = create_engine(migrated_postgres_url)
    sql = "SELECT COUNT(*) FROM pg_description WHERE objoid = CAST(:name AS regclass)"
    with engine.connect() as connection:
        counts = {
            name: connection.execute(text(sql), {"name": name}).scalar_one() for name in CONTRACTS
        }
    engine.dispose()
    assert counts == {name: len(c.columns) + 1 for name, c in CONTRACTS.items()}


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_every_declared_table_stands_on_the_shared_metadata(name: str) -> None:
    """Otherwise the comparison would not see it."""
    assert name in METADATA.tables
