"""The SQLite file: is there one, may there be one, and how it is opened.

A wrong path must give the same answer every time and leave nothing behind, so the path is judged
before SQLite sees it and SQLite is never allowed to create a file by itself: only a migration
makes one, readable by its owner alone.

A process that closes a file gives up every lock it has on it, those of its SQLite connections
included, whoever opened it. Others would then take the log of a running writer for a leftover and
remove it, with what was committed. So the file is only looked into while no connection is open.
"""

import os
import sqlite3
import stat
import threading
from collections import Counter
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable
from helicarrier.store.addresses import SqliteFile
from helicarrier.store.failures import not_a_database

BUSY_TIMEOUT_SECONDS = 5.0
_MAGIC = b"SQLite format 3\x00"
_Identity = tuple[int, int]
_CONNECTIONS: Counter[_Identity] = Counter()
"""Device and inode of a file -> open connections of this process."""

_LOOKING = threading.RLock()


def exists(file: SqliteFile) -> bool:
    """Whether a database is there; False: not yet, but one can be made.

    An empty file counts as a database without tables, as it does for SQLite.

    Raises:
        StorageUnavailable: DB_PATH_INVALID where there is and can be no database,
            STORAGE_UNAVAILABLE where the file may not be read.
    """
    try:
        status = file.path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _invalid(file, "is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise _invalid(file, "is not a regular file")
        head = _head(file, status)
    except FileNotFoundError:
        _require_creatable(file)
        return False
    except PermissionError:
        raise StorageUnavailable(
            f"{file.place} may not be read",
            hint="Give this user the right to read and write it.",
        ) from None
    except (OSError, ValueError):  # a part of the path is a file, a loop of links, a NUL, too long
        raise _invalid(file, "cannot exist: its folder is not one") from None
    if head and head != _MAGIC:
        raise not_a_database(file.place)
    return True


def require(file: SqliteFile) -> None:
    """Passes when a database is there.

    Raises:
        NotReady: MIGRATION_PENDING, there is none yet.
        StorageUnavailable: as for `exists`.
    """
    if not exists(file):
        raise NotReady(
            f"{file.place} does not exist yet",
            code=ErrorCode.MIGRATION_PENDING,
            hint="Run `helicarrier migrate up`.",
        )


def create(file: SqliteFile) -> None:
    """Makes an empty database file with mode 0600, and its folder; an existing one stays.

    Raises:
        StorageUnavailable: DB_PATH_INVALID where the folder or the file cannot be made.
    """
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not file.path.is_file():
            raise _invalid(file, "cannot be made there") from None
    except OSError:
        raise _invalid(file, "cannot be made there") from None


def connect(
    file: SqliteFile, mode: Literal["ro", "rw"], *, timeout: float = BUSY_TIMEOUT_SECONDS
) -> sqlite3.Connection:
    """A connection that never creates the file and never begins a transaction by itself."""
    with _LOOKING:
        connection = sqlite3.connect(
            f"file:{quote(str(file.path))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=timeout,
            check_same_thread=False,  # pools hand it from thread to thread, one at a time
            factory=_Connection,
        )
        connection.counts_for(file.path.stat())
    return connection


class _Connection(sqlite3.Connection):
    """A connection that is counted while it is open."""

    _identity: _Identity | None = None

    def counts_for(self, status: os.stat_result) -> None:
        """It is open on this file from now on."""
        self._identity = (status.st_dev, status.st_ino)
        _CONNECTIONS[self._identity] += 1

    def close(self) -> None:
        """Close it; doing so again changes nothing."""
        super().close()
        self._gone()

    def __del__(self) -> None:
        self._gone()

    def _gone(self) -> None:
        with _LOOKING:
            identity, self._identity = self._identity, None
            if identity is not None:
                _CONNECTIONS[identity] -= 1


def _head(file: SqliteFile, status: os.stat_result) -> bytes:
    """The first bytes; what has a connection was looked at before that was opened."""
    with _LOOKING:
        if _CONNECTIONS[status.st_dev, status.st_ino] > 0:
            return _MAGIC
        with file.path.open("rb") as content:
            return content.read(len(_MAGIC))


def _require_creatable(file: SqliteFile) -> None:
    folder = _nearest_existing(file.path.parent)
    if not folder.is_dir():
        raise _invalid(file, "cannot exist: its folder is not one")
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise _invalid(file, "cannot be made: its folder is read-only")


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _invalid(file: SqliteFile, reason: str) -> StorageUnavailable:
    return StorageUnavailable(
        f"{file.place} {reason}",
        code=ErrorCode.DB_PATH_INVALID,
        hint="Set HELICARRIER_DB_PATH to a file in a folder that can be written.",
    )
