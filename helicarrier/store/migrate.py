"""Migrations of the operational store: is it ready, what would run, run it.

An upgrade is all or nothing: under a lock it takes a backup, then runs the pending revisions and
records them in one transaction. Whatever goes wrong leaves the store as it was, and says so with a
stable code. Looking costs milliseconds; Alembic and SQLAlchemy are imported only to act.
"""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from helicarrier import logs
from helicarrier.errors import ErrorCode, HelicarrierError, NotReady, StorageUnavailable
from helicarrier.store import sqlite_file
from helicarrier.store.addresses import Address, PostgresDatabase, SqliteFile, parse_address
from helicarrier.store.backup import BackupImpossible, backup
from helicarrier.store.query import open_query, require_head
from helicarrier.store.versions import CORE, Environment

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How the store stands. `code` is None exactly when it is ready."""

    ready: bool
    code: ErrorCode | None
    current: str | None
    head: str
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRevision:
    """A revision that an upgrade would run."""

    revision: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeResult:
    """What an upgrade did. `message` says why there is no backup, where one was due."""

    previous: str | None
    current: str
    applied: tuple[str, ...]
    backup: Path | None
    message: str = ""


def readiness(url: str, *, environment: Environment = CORE) -> Readiness:
    """How the store at `url` stands; never raises for the state of the store."""
    current = None
    try:
        with open_query(url) as query:
            current = query.current_revision(environment)
            require_head(current, query.place, environment)
    except (NotReady, StorageUnavailable) as error:
        return Readiness(
            ready=False,
            code=error.code,
            current=current,
            head=environment.head,
            message=error.message,
            hint=error.hint,
        )
    return Readiness(ready=True, code=None, current=current, head=environment.head)


def plan(url: str, *, environment: Environment = CORE) -> tuple[PlannedRevision, ...]:
    """The revisions that `upgrade` would run, oldest first; nothing is written.

    Raises:
        NotReady: SCHEMA_TOO_NEW.
        StorageUnavailable: the store cannot be reached, or DB_PATH_INVALID.
    """
    from alembic.script import ScriptDirectory

    current = _look(parse_address(url), environment)
    scripts = ScriptDirectory.from_config(_config(environment))
    pending = list(scripts.iterate_revisions(environment.head, current or "base"))
    return tuple(
        PlannedRevision(revision=script.revision, summary=script.doc)
        for script in reversed(pending)
    )


def upgrade(url: str, backup_dir: Path, *, environment: Environment = CORE) -> UpgradeResult:
    """Brings the store to the newest revision; makes the SQLite file when there is none.

    A store that holds rows is backed up to `backup_dir` first. On Postgres the upgrade goes on
    without a backup where pg_dump cannot take one, and the result says why.

    Raises:
        NotReady: SCHEMA_TOO_NEW, or MIGRATION_FAILED with nothing changed; MIGRATION_PENDING for
            guests of a store that is not ready itself.
        StorageUnavailable: the store cannot be reached or written, or DB_PATH_INVALID.
    """
    address = parse_address(url)
    if environment.guests:
        with open_query(url) as host:
            host.ready()
    if _look(address, environment) == environment.head:
        return _nothing_to_do(environment)
    if isinstance(address, SqliteFile):
        sqlite_file.create(address)
    from helicarrier.store.migration_lock import locked

    with locked(address) as connection:
        current = _recorded(connection, address, environment)
        if current == environment.head:
            return _nothing_to_do(environment)
        saved, message = _back_up(address, backup_dir, current, environment)
        _run(connection, address, environment)
    done = environment.revisions
    applied = done if current is None else done[done.index(current) + 1 :]
    logs.info("store.migrated", place=address.place, previous=current, current=environment.head)
    return UpgradeResult(
        previous=current, current=environment.head, applied=applied, backup=saved, message=message
    )


def fake(url: str, *, environment: Environment = CORE) -> None:
    """Records the newest revision without running anything, for a database migrated by hand.

    Raises:
        NotReady: MIGRATION_PENDING (there is no database) or SCHEMA_TOO_NEW.
        StorageUnavailable: the store cannot be reached or written, or DB_PATH_INVALID.
    """
    from alembic import command

    from helicarrier.store.migration_lock import locked

    address = parse_address(url)
    _look(address, environment)
    if isinstance(address, SqliteFile):
        sqlite_file.require(address)
    with locked(address) as connection:
        config = _config(environment)
        config.attributes["connection"] = connection
        command.stamp(config, environment.head)


def offline_sql(since: str | None = None, *, environment: Environment = CORE) -> str:
    """A Postgres script for `psql -f` that upgrades from `since` (None: an empty database)."""
    from alembic import command

    script = StringIO()
    config = _config(environment, script)
    command.upgrade(config, f"{since}:{environment.head}" if since else environment.head, sql=True)
    return script.getvalue()


def _look(address: Address, environment: Environment) -> str | None:
    """The recorded revision; None when there is no database, no record or no table yet."""
    state = readiness(address.url, environment=environment)
    match state.code:
        case None | ErrorCode.MIGRATION_PENDING:
            return state.current
        case ErrorCode.SCHEMA_TOO_NEW:
            raise NotReady(state.message, code=state.code, hint=state.hint)
        case _:
            raise StorageUnavailable(state.message, code=state.code, hint=state.hint)


def _recorded(connection: "Connection", address: Address, environment: Environment) -> str | None:
    """The revision under the lock, where another migrator may just have changed it."""
    from sqlalchemy import inspect

    tables = inspect(connection).get_table_names()
    if not set(environment.guests) <= set(tables):
        # Somebody dropped them by hand: the record is of a schema that is gone.
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {environment.version_table}")
        return None
    if environment.version_table in tables:
        found = connection.exec_driver_sql(environment.version_query).scalars().all()
        current = found[-1] if found else None
        if environment.judge(current) is ErrorCode.SCHEMA_TOO_NEW:
            require_head(current, address.place, environment)
        return current
    if tables and not environment.guests and isinstance(address, SqliteFile):
        raise NotReady(
            f"{address.place} holds tables but no record of a migration; nothing was changed",
            code=ErrorCode.MIGRATION_FAILED,
            hint="It belongs to another program, or was migrated by hand: then run "
            "`helicarrier migrate up --fake`.",
        )
    return None


def _back_up(
    address: Address, folder: Path, current: str | None, environment: Environment
) -> tuple[Path | None, str]:
    if current is None:
        return None, ""
    try:
        return backup(address.url, folder, environment=environment), ""
    except BackupImpossible as error:
        if isinstance(address, PostgresDatabase):
            return None, f"no backup was taken: {error.message}"
        raise


def _run(connection: "Connection", address: Address, environment: Environment) -> None:
    from alembic import command

    from helicarrier.store.failures import storage_failure
    from helicarrier.store.migration_lock import check_foreign_keys

    config = _config(environment)
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, environment.head)
    except HelicarrierError:
        raise
    except Exception as error:
        failure = storage_failure(error, address.place)
        if failure is not None:
            raise failure from error
        raise _failed(address, _first_line(error)) from error
    orphans = check_foreign_keys(connection)
    if orphans:
        raise _failed(address, f"rows without their parent in {', '.join(orphans)}")


def _failed(address: Address, reason: str) -> NotReady:
    return NotReady(
        f"the migration of {address.place} failed and was rolled back: {reason}",
        code=ErrorCode.MIGRATION_FAILED,
        hint="The store is as it was before. Report the reason, or `helicarrier restore` a backup.",
    )


def _first_line(error: Exception) -> str:
    """The driver's own words; what follows on further lines may quote rows."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).splitlines()
    return f"{type(cause).__name__}: {lines[0] if lines else ''}"


def _nothing_to_do(environment: Environment) -> UpgradeResult:
    head = environment.head
    return UpgradeResult(previous=head, current=head, applied=(), backup=None)


def _config(environment: Environment, script: StringIO | None = None) -> "Config":
    from alembic.config import Config

    from helicarrier.store.migration_lock import ADVISORY_LOCK

    config = Config(output_buffer=script)
    config.set_main_option("script_location", str(environment.scripts).replace("%", "%%"))
    config.attributes["version_table"] = environment.version_table
    config.attributes["lock_statement"] = f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"
    return config
