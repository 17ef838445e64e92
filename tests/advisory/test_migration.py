"""The tables: as declared, beside everything else, off, and brought back whatever is missing."""

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from helicarrier.advisory.tables import CONTRACTS, PREFIX, TABLES, p3_feature_state
from helicarrier.errors import ErrorCode, NotReady
from helicarrier.store import migrate
from helicarrier.store.schema import METADATA
from helicarrier.store.versions import P3
from tests.advisory.areas import Area
from tests.store.test_schema_match import POSTGRES_FACTS


def facts(url: str, dialect: str) -> dict[str, object]:
    """What the database knows of the tables of the area."""
    engine = create_engine(url)
    found: dict[str, object] = {}
    with engine.connect() as connection:
        if dialect == "postgresql":
            for kind, sql in POSTGRES_FACTS.items():
                found |= {f"{kind} {n}": d for n, d in connection.execute(text(sql)) if PREFIX in n}
            comments = "SELECT objoid::regclass, objsubid, description FROM pg_description"
            for table, place, words in connection.execute(text(comments)):
                if str(table).startswith(PREFIX):
                    found[f"comment {table} {place}"] = words
        else:
            for table in TABLES:
                name = table.name
                found[name] = connection.exec_driver_sql(f"PRAGMA table_xinfo({name})").all()
                master = text("SELECT sql FROM sqlite_master WHERE name = :name")
                sql = connection.execute(master, {"name": name}).scalar_one()
                found[f"{name} rules"] = sorted(
                    re.findall(r"CONSTRAINT (\w+) (.+?),?\s*(?=\n)", sql)
                )
                found[f"{name} strict"] = sql.rstrip().endswith("STRICT")
                found[f"{name} indexes"] = sorted(
                    (str(index["name"]), tuple(index["column_names"]))
                    for index in inspect(connection).get_indexes(name)
                )
    engine.dispose()
    return found


def test_the_migrated_tables_are_the_declared_ones(area: Area, tmp_path: Path) -> None:
    """Columns, types, defaults, rules, indexes and comments, to the letter."""
    migrated = facts(area.url, area.store.dialect)
    declared_url = f"sqlite:///{tmp_path / 'declared.sqlite'}"
    if area.store.dialect == "postgresql":
        declared_url = area.url
    engine = create_engine(declared_url)
    with engine.begin() as connection:
        METADATA.drop_all(connection, tables=TABLES)
        METADATA.create_all(connection, tables=TABLES)
    engine.dispose()
    assert facts(declared_url, area.store.dialect) == migrated
    rules = {f"ck_{c.name}_{rule}" for c in CONTRACTS for rule in c.checks()}
    assert all(any(rule in repr(fact) for fact in migrated.items()) for rule in rules)


def test_it_is_seeded_off(area: Area) -> None:
    """One feature, off, for nobody."""
    (row,) = area.rows(p3_feature_state)
    assert (row["feature_name"], row["enabled"], row["rollout_percent"]) == ("p3_advisory", 0, 0)


def test_nothing_else_changes_by_it(area: Area) -> None:
    """The schema of every other table is the same before, between and after."""
    between = area.others()
    with_core_only = create_engine(area.url)
    with with_core_only.begin() as connection:
        for name in (*P3.guests, P3.version_table):
            connection.execute(text(f"DROP TABLE {name}"))
    with_core_only.dispose()
    assert not [line for line in area.lines() if "p3" in line]
    before = area.others()
    migrate.upgrade(area.url, Path("/nowhere"), environment=P3)
    assert before == between == area.others()
    assert len(before) > 10_000


@pytest.mark.parametrize("dropped", [P3.guests, P3.guests[:1], P3.guests[2:]], ids=len)
def test_tables_dropped_by_hand_come_back(area: Area, dropped: tuple[str, ...]) -> None:
    """The record of a revision counts only while all of its tables are there."""
    engine = create_engine(area.url)
    with engine.begin() as connection:
        for name in dropped:
            connection.execute(text(f"DROP TABLE {name}"))
    engine.dispose()
    assert migrate.readiness(area.url, environment=P3).code is ErrorCode.MIGRATION_PENDING
    assert migrate.readiness(area.url).ready
    result = migrate.upgrade(area.url, Path("/nowhere"), environment=P3)
    assert (result.previous, result.applied) == (None, P3.revisions)
    assert migrate.readiness(area.url, environment=P3).ready
    assert area.rows(p3_feature_state)[0]["enabled"] == 0


def test_the_tables_are_guests_of_a_store_that_is_ready(tmp_path: Path) -> None:
    """They do not make a store of their own."""
    with pytest.raises(NotReady) as refused:
        migrate.upgrade(f"sqlite:///{tmp_path / 'new.sqlite'}", tmp_path, environment=P3)
    assert refused.value.code is ErrorCode.MIGRATION_PENDING
    assert not list(tmp_path.iterdir())


def test_ids_are_made_where_none_are_given(area: Area) -> None:
    """A row written by hand gets a random UUID of version 4."""
    made = []
    engine = create_engine(area.url)
    with engine.begin() as connection:
        for key in ("a", "b"):
            sql = (
                "INSERT INTO p3_advisory_cache (cache_key, signal_id, created_at) "
                "VALUES (:key, 's', '2026-11-02T12:00:00.000000Z') RETURNING id"
            )
            made.append(connection.execute(text(sql), {"key": key}).scalar_one())
    engine.dispose()
    pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert all(re.fullmatch(pattern, one) for one in made)
    assert made[0] != made[1]


def test_the_script_for_psql_makes_the_same(area: Area) -> None:
    """Offline SQL is for Postgres."""
    if area.store.dialect == "sqlite":
        return
    migrated = area.lines()
    engine = create_engine(area.url)
    with engine.begin() as connection:
        for name in (*P3.guests, P3.version_table):
            connection.execute(text(f"DROP TABLE {name}"))
    raw = engine.raw_connection()
    raw.driver_connection.autocommit = True  # type: ignore[union-attr]
    raw.cursor().execute(migrate.offline_sql(environment=P3))
    raw.close()
    engine.dispose()
    assert area.lines() == migrated
