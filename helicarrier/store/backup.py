"""Backups: a copy of the store before it is changed, and the way back.

A SQLite backup is one self-contained file, taken with SQLite's online backup while others read and
write; it appears under its name only when it is complete. Restoring writes the pages back in one
transaction of the live database, so that other processes see either all of the old or all of the
new content, and a crash in between leaves the old. Postgres is backed up with pg_dump where one
that fits the server is installed; its administrator restores it, into a new database.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from helicarrier import times
from helicarrier.errors import (
    ErrorCode,
    HelicarrierError,
    StorageUnavailable,
    UsageError,
    VerificationFailed,
)
from helicarrier.store import sqlite_file
from helicarrier.store.addresses import PostgresDatabase, SqliteFile, parse_address
from helicarrier.store.failures import as_storage_failures, busy
from helicarrier.store.query import open_query
from helicarrier.store.versions import CORE, Environment

WAIT_SECONDS = 30.0
"""How long a copy waits while another process holds the database."""

_STEP_SECONDS = 0.05
_DUMP_SECONDS = 3600


class BackupImpossible(StorageUnavailable):
    """This machine cannot take a backup of that store; trying again does not help."""


def backup(
    url: str,
    folder: Path,
    *,
    now: Callable[[], datetime] = times.now,
    environment: Environment = CORE,
) -> Path:
    """Copies the store to `folder`/NAME-REVISION-UTCTIME.sqlite (or .dump), mode 0600.

    Raises:
        NotReady: MIGRATION_PENDING, there is no database.
        BackupImpossible: Postgres, and no pg_dump that fits the server.
        StorageUnavailable: the store cannot be read or the folder not be written.
    """
    address = parse_address(url)
    with open_query(url) as query:
        revision = query.current_revision(environment) or "none"
    moment = now().strftime("%Y%m%dT%H%M%S%fZ")
    match address:
        case SqliteFile():
            target = folder / f"{address.path.stem}-{revision}-{moment}.sqlite"
            return _write_private(target, lambda part: _copy_sqlite(address, part))
        case PostgresDatabase():
            program = _pg_dump(address)
            target = folder / f"{address.name}-{revision}-{moment}.dump"
            return _write_private(target, lambda part: _dump(address, program, part))


def restore(
    url: str, file: Path, *, environment: Environment = CORE, wait_seconds: float = WAIT_SECONDS
) -> str:
    """Puts a backup back in place and verifies it; returns its revision.

    The store then is as it was at the time of the backup; an older revision has to be migrated up
    again. Nothing is changed when the backup is not a sound one.

    Raises:
        VerificationFailed: BACKUP_INVALID, the file is no sound backup of a known revision.
        UsageError: the store is Postgres, or the file is the store itself.
        StorageUnavailable: the store cannot be written, STORAGE_BUSY, or DB_PATH_INVALID.
    """
    address, source, revision = _checked(url, file, environment)
    sqlite_file.create(address)
    with (
        as_storage_failures(address.place),
        closing(sqlite_file.connect(source, "ro")) as saved,
        closing(sqlite_file.connect(address, "rw", timeout=_STEP_SECONDS)) as live,
    ):
        _copy_pages(saved, live, address.place, wait_seconds)
    if _verified_revision(address, environment) != revision:
        raise _invalid(address.place, "does not hold the revision of the backup after restoring")
    return revision


def verify(url: str, file: Path, *, environment: Environment = CORE) -> str:
    """What `restore` would put back, its revision; nothing is changed. Raises as `restore`."""
    return _checked(url, file, environment)[2]


def _checked(url: str, file: Path, environment: Environment) -> tuple[SqliteFile, SqliteFile, str]:
    """The store, the backup and its revision, where the one may take the place of the other."""
    address = parse_address(url)
    if isinstance(address, PostgresDatabase):
        raise UsageError(
            f"{address.place} is restored by its administrator, into a new database",
            hint="createdb NEW && pg_restore --no-owner -d NEW FILE, then point "
            "HELICARRIER_DB_URL at it.",
        )
    source = SqliteFile(url=f"sqlite:///{file.absolute()}", path=file.absolute())
    revision = _verified_revision(source, environment)
    if sqlite_file.exists(address) and address.path.samefile(file):
        raise UsageError(f"{address.place} cannot be restored from itself")
    return address, source, revision


def _copy_sqlite(file: SqliteFile, part: Path) -> None:
    with (
        as_storage_failures(file.place),
        closing(sqlite_file.connect(file, "ro")) as live,
        closing(sqlite3.connect(part)) as copy,
    ):
        _copy_pages(live, copy, file.place, WAIT_SECONDS)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it


def _copy_pages(
    source: sqlite3.Connection, target: sqlite3.Connection, place: str, wait_seconds: float
) -> None:
    """All pages in one step; Python would wait forever for a lock, so the waiting is bounded."""
    deadline = time.monotonic() + wait_seconds

    def progress(status: int, _remaining: int, _total: int) -> None:
        waiting = status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        if waiting and time.monotonic() > deadline:
            raise busy(place)

    source.backup(target, progress=progress, sleep=_STEP_SECONDS)


def _verified_revision(file: SqliteFile, environment: Environment) -> str:
    """The revision of a database whose pages, keys and version table are sound."""
    try:
        with open_query(file.url) as query:
            sound = query.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
            orphans = bool(query.rows("PRAGMA foreign_key_check"))
            revision = query.current_revision(environment)
    except (HelicarrierError, sqlite3.DatabaseError) as error:
        raise _invalid(file.place, "cannot be read as a database") from error
    if not sound:
        raise _invalid(file.place, "does not pass SQLite's integrity check")
    if orphans:
        raise _invalid(file.place, "holds rows without their parent")
    if revision not in environment.revisions:
        raise _invalid(file.place, f"is at revision {revision or 'none'}, which is not known here")
    return revision


def _invalid(place: str, reason: str) -> VerificationFailed:
    return VerificationFailed(
        f"{place} {reason}",
        code=ErrorCode.BACKUP_INVALID,
        hint="`helicarrier migrate up` keeps backups in the folder `backups` of the data folder.",
    )


def _write_private(target: Path, write: Callable[[Path], None]) -> Path:
    """Lets `write` fill a file that only its owner can read, then gives it its name."""
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise StorageUnavailable(
            f"no backup could be written to {target.parent}",
            hint="Check the folder's rights and the space on the disk.",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return target


def _pg_dump(server: PostgresDatabase) -> str:
    """The program, when it is installed and no older than the server, as it demands."""
    program = shutil.which("pg_dump")
    if program is None:
        raise _no_dump("pg_dump is not installed")
    answer = subprocess.run(  # noqa: S603  found on the PATH, fixed arguments
        [program, "--version"], capture_output=True, text=True, check=False
    )
    digits = [word.split(".")[0] for word in answer.stdout.split() if word[0].isdigit()]
    version = int(digits[0]) if digits else 0
    with open_query(server.url) as query:
        major = query.rows("SELECT current_setting('server_version_num')::INT / 10000 AS major")
    if version < int(str(major[0]["major"])):
        raise _no_dump(f"pg_dump {version} is older than the server ({major[0]['major']})")
    return program


def _dump(server: PostgresDatabase, program: str, part: Path) -> None:
    """pg_dump's custom format; the password goes through the environment, not the command line."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    options = conninfo_to_dict(server.conninfo)
    password = options.pop("password", None)
    environ = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    done = subprocess.run(  # noqa: S603  found on the PATH, arguments from the settings
        [program, "--format=custom", f"--file={part}", f"--dbname={make_conninfo('', **options)}"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=_DUMP_SECONDS,
    )
    if done.returncode != 0:
        raise StorageUnavailable(
            f"pg_dump could not copy {server.place}",
            hint=(done.stderr.strip().splitlines() or [""])[-1],
        )


def _no_dump(reason: str) -> BackupImpossible:
    return BackupImpossible(
        reason,
        hint="Install the client programs of the server's version, or back up by other means.",
    )
