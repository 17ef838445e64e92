"""A store on each engine."""

from tests.ledger.stores import ledger, migrated_postgres, migrated_sqlite, sqlite_ledger

__all__ = ["ledger", "migrated_postgres", "migrated_sqlite", "sqlite_ledger"]
