"""Portable column types: one declaration, the right storage on SQLite and on Postgres.

STRICT tables on SQLite accept TEXT, INTEGER, REAL and BLOB only, so money becomes whole
nano-dollars there (NUMERIC(20,9) on Postgres), an instant the fixed-width UTC text (TIMESTAMPTZ)
and a day ISO text (DATE). Values in Python are the same on both: Decimal, aware datetime, date.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BIGINT,
    DATE,
    DOUBLE_PRECISION,
    INTEGER,
    NUMERIC,
    REAL,
    TEXT,
    TIMESTAMP,
    Dialect,
    LargeBinary,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from helicarrier import money, times
from helicarrier.governance.contract import ColumnKind

_SCORE_STEP = Decimal("0.0001")


class Money(TypeDecorator[Decimal]):
    """Exact dollars: INTEGER nano-dollars on SQLite, NUMERIC(20,9) on Postgres."""

    impl = NUMERIC(20, 9)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Decimal]:
        """SQLite has no exact decimal, so it stores the integer number of nano-dollars."""
        stored = INTEGER() if dialect.name == "sqlite" else NUMERIC(20, 9)
        return dialect.type_descriptor(stored)  # type: ignore[arg-type]

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Decimal dollars -> storage."""
        if value is None or dialect.name != "sqlite":
            return value
        return money.to_nanos(value)

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        """Storage -> Decimal dollars."""
        return money.from_storage(value)


class Score(TypeDecorator[Decimal]):
    """An exact number with four decimal places: NUMERIC(5,4) on Postgres, REAL on SQLite."""

    impl = NUMERIC(5, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Decimal]:
        """SQLite has no exact decimal; a double holds four places without loss."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(REAL())
        return dialect.type_descriptor(NUMERIC(5, 4))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | float | None:
        """Decimal -> storage."""
        return float(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(
        self, value: Decimal | float | None, dialect: Dialect
    ) -> Decimal | None:
        """Storage -> Decimal with four places."""
        return None if value is None else Decimal(str(value)).quantize(_SCORE_STEP)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time: fixed-width text on SQLite, TIMESTAMPTZ on Postgres."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """TEXT sorts as time does, because the form has a fixed width."""
        stored = TEXT() if dialect.name == "sqlite" else TIMESTAMP(timezone=True)
        return dialect.type_descriptor(stored)  # type: ignore[arg-type]

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Aware datetime -> storage; a naive one is refused."""
        if value is None:
            return None
        text = times.utc_text(value)
        return text if dialect.name == "sqlite" else value

    def process_result_value(
        self, value: datetime | str | None, dialect: Dialect
    ) -> datetime | None:
        """Storage -> aware UTC datetime."""
        match value:
            case None:
                return None
            case str():
                return times.parse(value)
            case _:
                return value.astimezone(UTC)


class Day(TypeDecorator[date]):
    """A calendar day: ISO text on SQLite, DATE on Postgres."""

    impl = DATE
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[date]:
        """ISO text sorts as days do."""
        stored = TEXT() if dialect.name == "sqlite" else DATE()
        return dialect.type_descriptor(stored)  # type: ignore[arg-type]

    def process_bind_param(self, value: date | None, dialect: Dialect) -> date | str | None:
        """A date -> storage."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.isoformat()

    def process_result_value(self, value: date | str | None, dialect: Dialect) -> date | None:
        """Storage -> date."""
        return date.fromisoformat(value) if isinstance(value, str) else value


def column_type(kind: ColumnKind) -> TypeEngine[Any]:
    """The storage type of a contract's column kind."""
    match kind:
        case ColumnKind.TEXT | ColumnKind.JSON:
            return TEXT()
        case ColumnKind.INTEGER:
            return BIGINT().with_variant(INTEGER(), "sqlite")
        case ColumnKind.REAL:
            return DOUBLE_PRECISION().with_variant(REAL(), "sqlite")
        case ColumnKind.SCORE:
            return Score()
        case ColumnKind.MONEY:
            return Money()
        case ColumnKind.TIMESTAMP:
            return Instant()
        case ColumnKind.DAY:
            return Day()
        case ColumnKind.BYTES:
            return LargeBinary()


class NewUuid(FunctionElement[str]):
    """A default that makes a random UUID as text in the database, for rows written by hand."""

    type = TEXT()
    inherit_cache = True


@compiles(NewUuid, "postgresql")
def _postgres_uuid(*_: object, **__: object) -> str:
    return "gen_random_uuid()::text"


@compiles(NewUuid, "sqlite")
def _sqlite_uuid(*_: object, **__: object) -> str:
    """Version 4: the two fixed digits stand where RFC 9562 puts them."""
    return (
        "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || "
        "substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || "
        "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))"
    )
