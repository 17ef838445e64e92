"""The script for a database of its own: it makes the tables, again and again."""

import psycopg
from sqlalchemy import create_engine, inspect, text

from helicarrier.resolution.schema_sql import schema_sql
from helicarrier.resolution.tables import CONTRACTS
from tests.ledger.stores import Ledger
from tests.postgres import libpq


def test_script_makes_the_tables_and_can_be_run_again(postgres_url: str) -> None:
    """Sent as psql sends a file; what stands in the log stays what it was."""
    script = "\n".join(schema_sql())
    with psycopg.connect(libpq(postgres_url), autocommit=True) as connection:
        for _ in range(2):
            connection.execute(script.encode())
    engine = create_engine(postgres_url)
    found = inspect(engine)
    assert set(found.get_table_names()) == {contract.name for contract in CONTRACTS}
    with engine.connect() as connection:
        names = connection.execute(text("SELECT indexname FROM pg_indexes")).scalars().all()
        triggers = connection.execute(text("SELECT tgname FROM pg_trigger")).scalars().all()
    engine.dispose()
    assert {"ix_mismatch_diff_id", "ix_resolution_policy_one_active"} <= set(names)
    assert {"mismatch_updated_at", "ai_decision_log_no_change"} <= set(triggers)


def test_embeddings_are_vectors_where_the_server_has_them(migrated_postgres: Ledger) -> None:
    """And arrays elsewhere: the column says which."""
    there = "SELECT COUNT(*) FROM pg_available_extensions WHERE name = 'vector'"
    kind = (
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'mismatch_pattern'::regclass AND attname = 'embedding'"
    )
    with migrated_postgres.store.read() as connection:
        has = connection.execute(text(there)).scalar_one()
        found = connection.execute(text(kind)).scalar_one()
    assert found == ("vector(1536)" if has else "text")
