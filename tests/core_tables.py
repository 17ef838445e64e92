"""Every table of the core schema, from the contracts of the areas that declare them."""

from sqlalchemy import Connection, Table

from helicarrier.alerts import tables as alert_tables
from helicarrier.evals import tables as eval_tables
from helicarrier.ledger import tables as ledger_tables
from helicarrier.matches import tables as match_tables
from helicarrier.notify import tables as notify_tables
from helicarrier.resolution import tables as resolution_tables
from helicarrier.store.schema import METADATA
from helicarrier.usage import tables as usage_tables

AREAS = (
    ledger_tables,
    usage_tables,
    alert_tables,
    notify_tables,
    eval_tables,
    resolution_tables,
    match_tables,
)
CONTRACTS = {contract.name: contract for area in AREAS for contract in area.CONTRACTS}
TABLES = [METADATA.tables[name] for name in sorted(CONTRACTS)]

_SEEDED = {"ai_provider_configs"}
_APPEND_ONLY = {"ai_decision_log"}
"""Only the owner on Postgres can empty them; a SQLite store is made anew for each test."""


def empty(connection: Connection) -> None:
    """Deletes every row but the seeds of the migrations, children before their parents."""
    declared = set[Table](TABLES)
    for table in reversed(METADATA.sorted_tables):
        if table in declared and table.name not in _SEEDED | _APPEND_ONLY:
            connection.execute(table.delete())
    if connection.dialect.name == "postgresql":
        for name in _APPEND_ONLY:
            connection.exec_driver_sql(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            connection.execute(METADATA.tables[name].delete())
            connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE TRIGGER USER")
