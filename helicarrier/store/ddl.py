"""The words in which revisions of the operational store spell out their tables.

A revision says what a table was at its time and must say the same for ever, so it does not read the
contracts, which move on; and neither may these words change their meaning. Each column carries its
CHECKs, by the names that the contracts give them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from helicarrier.store.types import NewUuid

Column = sa.Column[Any]


def create(
    table: str,
    *columns: Column,
    key: tuple[str, ...],
    rules: dict[str, str] | None = None,
    constraints: tuple[sa.schema.SchemaItem, ...] = (),
    if_missing: bool = False,
) -> None:
    """A strict table with named constraints: the columns' own, `rules` and `constraints`.

    `if_missing` leaves one that is there as it is.
    """
    conditions = {name: sql for column in columns for name, sql in column.info.items()}
    checks = [
        sa.CheckConstraint(condition, name=f"ck_{table}_{name}")
        for name, condition in (conditions | (rules or {})).items()
    ]
    primary = sa.PrimaryKeyConstraint(*key, name=f"pk_{table}")
    op.create_table(
        table,
        *columns,
        primary,
        *checks,
        *constraints,
        if_not_exists=if_missing,
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def text(name: str, *, null: bool = False, default: str | None = None) -> Column:
    """Text, JSON documents included."""
    return sa.Column(name, sa.TEXT(), nullable=null, server_default=default)


def generated(name: str) -> Column:
    """A UUID as text that the database makes where none is given."""
    return sa.Column(name, sa.TEXT(), nullable=False, server_default=NewUuid())


def filled(name: str, *, default: str | None = None) -> Column:
    """Text that is not empty."""
    column = text(name, default=default)
    column.info[f"{name}_filled"] = f"{name} <> ''"
    return column


def choice(name: str, *values: str, null: bool = False, default: str | None = None) -> Column:
    """Text that is one of `values`. Not IN: SQLite would index the list anew for every row."""
    column = text(name, null=null, default=default)
    column.info[f"{name}_known"] = " OR ".join(f"{name} = '{value}'" for value in values)
    return column


def integer(name: str, *, null: bool = False, default: str | None = None) -> Column:
    """A whole number."""
    kind = sa.BIGINT().with_variant(sa.INTEGER(), "sqlite")
    return sa.Column(name, kind, nullable=null, server_default=default)


def count(name: str, *, null: bool = False, default: str | None = None) -> Column:
    """A whole number that cannot be negative."""
    column = integer(name, null=null, default=default)
    column.info[f"{name}_range"] = f"{name} >= 0"
    return column


def between(
    name: str, low: int, high: int, *, null: bool = False, default: str | None = None
) -> Column:
    """A whole number from `low` to `high`."""
    column = integer(name, null=null, default=default)
    column.info[f"{name}_range"] = f"{name} >= {low}"
    column.info[f"{name}_limit"] = f"{name} <= {high}"
    return column


def flag(name: str, *, null: bool = False, default: str | None = None) -> Column:
    """0 or 1."""
    return between(name, 0, 1, null=null, default=default)


def number(name: str, *, null: bool = False) -> Column:
    """A floating-point number."""
    kind: sa.types.TypeEngine[Any] = sa.DOUBLE_PRECISION().with_variant(sa.REAL(), "sqlite")
    return sa.Column(name, kind, nullable=null)


def score(name: str) -> Column:
    """An exact number from 0 to 1 with four decimal places."""
    kind: sa.types.TypeEngine[Any] = sa.NUMERIC(5, 4).with_variant(sa.REAL(), "sqlite")
    limits = {f"{name}_range": f"{name} >= 0", f"{name}_limit": f"{name} <= 1"}
    return sa.Column(name, kind, nullable=False, info=limits)


def money(name: str, *, null: bool = False) -> Column:
    """Exact dollars that cannot be negative: whole nano-dollars on SQLite."""
    kind: sa.types.TypeEngine[Any] = sa.NUMERIC(20, 9).with_variant(sa.INTEGER(), "sqlite")
    return sa.Column(name, kind, nullable=null, info={f"{name}_range": f"{name} >= 0"})


def share(name: str, *, null: bool = False) -> Column:
    """A floating-point number from 0 to 1."""
    column = number(name, null=null)
    column.info[f"{name}_range"] = f"{name} >= 0"
    column.info[f"{name}_limit"] = f"{name} <= 1"
    return column


def binary(name: str) -> Column:
    """Bytes as they are."""
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def instant(name: str, *, null: bool = False) -> Column:
    """A time in UTC: fixed-width text on SQLite."""
    kind = sa.TIMESTAMP(timezone=True).with_variant(sa.TEXT(), "sqlite")
    return sa.Column(name, kind, nullable=null)


def day(name: str) -> Column:
    """A UTC calendar day: ISO text on SQLite."""
    return sa.Column(name, sa.DATE().with_variant(sa.TEXT(), "sqlite"), nullable=False)


def foreign(
    table: str, column: str, parent: str, key: str, *, on_delete: str | None = None
) -> sa.ForeignKeyConstraint:
    """A reference to a row of another table."""
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [f"{parent}.{key}"], name=name, ondelete=on_delete)


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """No two rows with the same values."""
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")
