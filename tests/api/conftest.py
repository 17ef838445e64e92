"""The service on each engine, and on the legacy store."""

from tests.api.services import (
    client,
    ledger,
    migrated_postgres,
    migrated_sqlite,
    settings,
    sqlite_ledger,
    v3_client,
)

__all__ = [
    "client",
    "ledger",
    "migrated_postgres",
    "migrated_sqlite",
    "settings",
    "sqlite_ledger",
    "v3_client",
]
