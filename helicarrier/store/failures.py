"""Failures: what a driver reports, sorted into the project's errors by code, never by text.

Only what the surroundings do to a database becomes `StorageUnavailable`: a lock, a full disk, a
lost server, a damaged file. A refused row or a wrong statement is a defect of the caller and
passes unchanged. Drivers are recognized without importing them, since the light read path loads
only the one it needs.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from helicarrier.errors import ErrorCode, StorageUnavailable

_PRIMARY = 0xFF  # The lower byte of SQLite's extended code is the primary one.
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNAVAILABLE = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_FULL: "cannot grow: the disk or its size limit is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written",
    sqlite3.SQLITE_NOMEM: "ran out of memory",
    sqlite3.SQLITE_PERM: "may not be accessed",
    sqlite3.SQLITE_PROTOCOL: "is held by another process",
    sqlite3.SQLITE_READONLY: "is read-only",
}
_POSTGRES_BUSY = {"55P03", "40001", "40P01"}  # lock not available, serialization, deadlock


def busy(place: str) -> StorageUnavailable:
    """Somebody else held the store for longer than we wait."""
    return StorageUnavailable(
        f"{place} is busy: another process held it for too long",
        code=ErrorCode.STORAGE_BUSY,
        hint="Try again; if it lasts, look for another import, service or migration.",
    )


def not_a_database(place: str) -> StorageUnavailable:
    """The file is something else; nothing of it was changed."""
    return StorageUnavailable(
        f"{place} is not a database",
        code=ErrorCode.DB_PATH_INVALID,
        hint="Point HELICARRIER_DB_PATH at another file, or move this one away.",
    )


def storage_failure(error: BaseException, place: str) -> StorageUnavailable | None:
    """The failure of the surroundings behind a driver's error; None when it is not one.

    Args:
        error: what the driver raised, or SQLAlchemy's wrapper around it.
        place: the store in words, free of secrets.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_failure(cause, place)
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return _postgres_failure(cause, place)
    return None


@contextmanager
def as_storage_failures(place: str) -> Iterator[None]:
    """Turns the failures of the surroundings into `StorageUnavailable`, lets the rest pass."""
    try:
        yield
    except Exception as error:
        failure = storage_failure(error, place)
        if failure is None:
            raise
        raise failure from error


def _sqlite_failure(cause: sqlite3.Error, place: str) -> StorageUnavailable | None:
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY
    if code in _BUSY:
        return busy(place)
    if code == sqlite3.SQLITE_NOTADB:
        return not_a_database(place)
    if code in _UNAVAILABLE:
        return StorageUnavailable(
            f"{place} {_UNAVAILABLE[code]}",
            hint="`helicarrier doctor` looks at the folder, the disk and the file.",
        )
    return None


def _postgres_failure(cause: BaseException, place: str) -> StorageUnavailable:
    if getattr(cause, "sqlstate", None) in _POSTGRES_BUSY:
        return busy(place)
    return StorageUnavailable(
        f"{place} cannot be reached or has failed",
        hint="Check that the server runs and that HELICARRIER_DB_URL is right.",
    )
