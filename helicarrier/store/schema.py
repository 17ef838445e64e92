"""SQLAlchemy tables made from contracts, all on one shared metadata.

Each area declares its tables with `table_of` in its own `tables.py`. Constraint names follow one
convention, so that migrations and error messages can name them.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, MetaData, PrimaryKeyConstraint, Table
from sqlalchemy.sql.schema import SchemaItem

from helicarrier.governance.contract import TableContract
from helicarrier.store.types import column_type

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table_of(contract: TableContract, *extras: SchemaItem, rowid: bool = True) -> Table:
    """The table of a contract; `extras` are its foreign keys, unique constraints and indexes.

    `rowid=False` stores a SQLite table inside its primary key: one copy of the key instead of two,
    and rows of a common key prefix lie together.
    """
    columns: list[Column[Any]] = [
        Column(
            column.name,
            column_type(column.kind),
            nullable=column.nullable,
            server_default=None if column.default is None else str(column.default),
            comment=column.meaning,
        )
        for column in contract.columns
    ]
    checks = [CheckConstraint(sql, name=name) for name, sql in contract.checks().items()]
    return Table(
        contract.name,
        METADATA,
        *columns,
        PrimaryKeyConstraint(*contract.primary_key),
        *checks,
        *extras,
        sqlite_strict=True,
        sqlite_with_rowid=rowid,
        comment=f"One row per {contract.grain}.",
    )
