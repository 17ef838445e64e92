"""Addresses: the store's URL, parsed once into the SQLite file or the Postgres database it means.

The light read path must not import SQLAlchemy, so the two accepted forms are read here. Every
message names a store by its `place`, which never holds a password.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from helicarrier.errors import ErrorCode, UsageError

Dialect = Literal["sqlite", "postgresql"]

_SQLITE = "sqlite:///"
_POSTGRES = "postgresql+psycopg://"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteFile:
    """A database in one file; `path` is absolute."""

    url: str
    path: Path

    @property
    def place(self) -> str:
        """The store in words."""
        return f"the SQLite file {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDatabase:
    """A database on a server; `conninfo` is the URL as libpq reads it."""

    url: str
    conninfo: str
    name: str
    place: str


Address = SqliteFile | PostgresDatabase


def parse_address(url: str) -> Address:
    """`sqlite:///PATH` or `postgresql+psycopg://...` -> the store it names.

    Raises:
        UsageError: another form, or a database in memory, which would forget everything.
    """
    if url.startswith(_SQLITE):
        named = url.removeprefix(_SQLITE)
        if named and not named.startswith((":memory:", "file:")):
            return SqliteFile(url=url, path=Path(named).absolute())
    if url.startswith(_POSTGRES):
        return _postgres(url)
    raise UsageError(
        "the database URL cannot be used: expected sqlite:///PATH or postgresql+psycopg://...",
        code=ErrorCode.SETTING_INVALID,
        hint="Set HELICARRIER_DB_PATH to a file or HELICARRIER_DB_URL to a database.",
    )


def dialect_of(address: Address) -> Dialect:
    """The SQL dialect that is spoken at the address."""
    match address:
        case SqliteFile():
            return "sqlite"
        case PostgresDatabase():
            return "postgresql"


def _postgres(url: str) -> PostgresDatabase:
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    host = parts.hostname or options.get("host", ["localhost"])[0]
    name = unquote(parts.path.lstrip("/")) or options.get("dbname", ["postgres"])[0]
    return PostgresDatabase(
        url=url,
        conninfo="postgresql://" + url.removeprefix(_POSTGRES),
        name=name,
        place=f"the Postgres database {name} at {host}",
    )
