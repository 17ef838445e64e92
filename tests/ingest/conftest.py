"""The ledger on each engine, to import into."""

from tests.ledger.stores import ledger, migrated_postgres, migrated_sqlite, sqlite_ledger

__all__ = ["ledger", "migrated_postgres", "migrated_sqlite", "sqlite_ledger"]
