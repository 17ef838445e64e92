"""The service on each engine, for its pages."""

from tests.api.services import (
    client,
    ledger,
    migrated_postgres,
    migrated_sqlite,
    settings,
    sqlite_ledger,
)

__all__ = ["client", "ledger", "migrated_postgres", "migrated_sqlite", "settings", "sqlite_ledger"]
