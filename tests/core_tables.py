"""Every table of the core schema, from the contracts of the areas that declare them."""

from sqlalchemy import Connection

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
IN_ORDER = [table for table in METADATA.sorted_tables if table.name in CONTRACTS]
"""Parents before their children."""

SEEDED = {"ai_provider_configs"}
_APPEND_ONLY = {"ai_decision_log"}
"""Only the owner on Postgres can empty them; a SQLite store is made anew for each test."""


def empty(connection: Connection) -> None:
    """Deletes every row but the seeds of the migrations, children before their parents."""
    emptied = [
        table.name for table in reversed(IN_ORDER) if table.name not in SEEDED | _APPEND_ONLY
    ]
    if connection.dialect.name == "postgresql":
        # All of it on one journey: a test for each table would take longer than most tests.
        statements = [f"DELETE FROM {name}" for name in emptied]  # noqa: S608 - names of tables
        for name in sorted(_APPEND_ONLY):
            statements += [
                f"ALTER TABLE {name} DISABLE TRIGGER USER",
                f"DELETE FROM {name}",  # noqa: S608
                f"ALTER TABLE {name} ENABLE TRIGGER USER",
            ]
        connection.exec_driver_sql("; ".join(statements))
    else:
        for name in emptied:
            connection.execute(METADATA.tables[name].delete())
