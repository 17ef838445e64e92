"""Migrations: one winner, all or nothing, and a stable code for everything that can be wrong."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from helicarrier.errors import ErrorCode, HelicarrierError, NotReady, StorageUnavailable
from helicarrier.store import migrate
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.query import open_query
from helicarrier.store.versions import CORE, CORE_HEAD, Environment
from tests.store.baseline import AT_BASELINE, FILE, put_baseline

ROOT = Path(__file__).parents[2]
SINCE_BASELINE = CORE.revisions[1:]


def with_third_revision(folder: Path, body: str) -> Environment:
    """The core revisions and one more, whose `upgrade` has this body."""
    shutil.copytree(CORE.scripts, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9001_next.py").write_text(
        '"""One more."""\nimport os\nfrom alembic import op\n'
        f'revision = "9001"\ndown_revision = "{CORE_HEAD}"\n'
        f"def upgrade():\n    op.execute('CREATE TABLE half (n INTEGER)')\n    {body}\n"
    )
    return replace(CORE, revisions=(*CORE.revisions, "9001"), scripts=folder)


def content(path: Path) -> bytes:
    """The bytes of a file."""
    return path.read_bytes()


def path_of(url: str) -> Path:
    """The file of a SQLite address."""
    return Path(url.removeprefix("sqlite:///"))


def tables(url: str) -> set[str]:
    """The names of the tables."""
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    }
    with open_query(url) as query:
        return {str(row["name"]) for row in query.rows(names[query.dialect])}


def test_an_empty_store_is_brought_to_the_newest_revision(url: str, tmp_path: Path) -> None:
    """Both revisions run, and the store says so."""
    result = migrate.upgrade(url, tmp_path / "backups")
    assert (result.previous, result.current, result.applied) == (None, CORE_HEAD, CORE.revisions)
    assert result.backup is None
    state = migrate.readiness(url)
    assert state.ready
    assert (state.code, state.current, state.head) == (None, CORE_HEAD, CORE_HEAD)


def test_a_second_upgrade_does_nothing(migrated_url: str, tmp_path: Path) -> None:
    """And takes no backup for it."""
    result = migrate.upgrade(migrated_url, tmp_path / "more")
    assert (result.applied, result.backup) == ((), None)
    assert not (tmp_path / "more").exists()


def test_an_upgrade_of_an_older_store_takes_a_backup_first(sqlite_url: str, tmp_path: Path) -> None:
    """The backup holds the old revision."""
    put_baseline(sqlite_url)
    result = migrate.upgrade(sqlite_url, tmp_path / "backups")
    assert (result.previous, result.applied) == ("0001", SINCE_BASELINE)
    assert result.backup is not None
    assert migrate.readiness(f"sqlite:///{result.backup}").current == "0001"


def test_planning_says_what_would_run_and_writes_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """Oldest first, in the words of the revision."""
    planned = migrate.plan(sqlite_url)
    assert [step.revision for step in planned] == list(CORE.revisions)
    assert planned[0].summary.startswith("The baseline")
    assert list(tmp_path.iterdir()) == []


def test_planning_an_older_store_names_only_what_is_pending(url: str) -> None:
    """What has run does not run again."""
    put_baseline(url)
    assert [step.revision for step in migrate.plan(url)] == list(SINCE_BASELINE)


def test_two_processes_that_migrate_at_once_do_it_once(url: str, tmp_path: Path) -> None:
    """One of them runs the revisions; the other waits and finds it done."""
    put_baseline(url)
    program = (
        "import sys; from pathlib import Path; from helicarrier.store import migrate\n"
        "sys.stdin.readline()\n"
        "print(migrate.upgrade(sys.argv[1], Path(sys.argv[2])).applied)"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, url, str(tmp_path / "backups")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = sorted(worker.communicate(timeout=600)[0] for worker in workers)
    assert answers == sorted([f"{SINCE_BASELINE}\n", "()\n", "()\n"])
    assert migrate.readiness(url).ready


def test_two_processes_that_make_a_new_file_do_it_once(sqlite_url: str, tmp_path: Path) -> None:
    """Neither finds the other's half-made file."""
    program = (
        "import sys; from pathlib import Path; from helicarrier.store import migrate\n"
        "print(migrate.upgrade(sys.argv[1], Path(sys.argv[2])).applied)"
    )
    command = [sys.executable, "-c", program, sqlite_url, str(tmp_path / "backups")]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)
    ]
    answers = sorted(worker.communicate(timeout=600)[0] for worker in workers)
    assert answers == sorted([f"{CORE.revisions}\n", "()\n", "()\n"])


@pytest.mark.parametrize(
    "body",
    ["raise RuntimeError('no')", "op.execute('THIS IS NOT SQL')", "op.execute('DROP TABLE nope')"],
    ids=["defect", "malformed", "missing"],
)
def test_a_failing_revision_changes_nothing(body: str, url: str, tmp_path: Path) -> None:
    """What it had done already is rolled back, and the earlier revisions with it."""
    put_baseline(url)
    before = tables(url)
    environment = with_third_revision(tmp_path / "scripts", body)
    with pytest.raises(NotReady) as caught:
        migrate.upgrade(url, tmp_path / "backups", environment=environment)
    assert caught.value.code is ErrorCode.MIGRATION_FAILED
    assert tables(url) == before
    assert migrate.readiness(url).current == "0001"
    assert migrate.upgrade(url, tmp_path / "backups").current == CORE_HEAD


def test_a_failing_revision_leaves_the_file_as_it_was(sqlite_url: str, tmp_path: Path) -> None:
    """To the byte."""
    put_baseline(sqlite_url)
    environment = with_third_revision(tmp_path / "scripts", "raise RuntimeError")
    with pytest.raises(NotReady):
        migrate.upgrade(sqlite_url, tmp_path / "backups", environment=environment)
    assert content(path_of(sqlite_url)) == content(FILE)


def test_a_revision_that_leaves_orphans_is_rolled_back(sqlite_url: str, tmp_path: Path) -> None:
    """Foreign keys are off while tables are rebuilt, so they are checked before the commit."""
    put_baseline(sqlite_url)
    body = """op.execute("DELETE FROM session_ledger WHERE session_id = 's-complete'")"""
    environment = with_third_revision(tmp_path / "scripts", body)
    with pytest.raises(NotReady, match="session_events, session_usage") as caught:
        migrate.upgrade(sqlite_url, tmp_path / "backups", environment=environment)
    assert caught.value.code is ErrorCode.MIGRATION_FAILED
    assert content(path_of(sqlite_url)) == content(FILE)


def test_a_killed_migration_leaves_the_old_store(url: str, tmp_path: Path) -> None:
    """SIGKILL in the middle; the next one does the whole work."""
    put_baseline(url)
    before = tables(url)
    scripts = tmp_path / "scripts"
    with_third_revision(scripts, "os.kill(os.getpid(), 9)")
    program = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from helicarrier.store import migrate; from helicarrier.store.versions import CORE\n"
        "revisions = (*CORE.revisions, '9001')\n"
        "environment = replace(CORE, revisions=revisions, scripts=Path(sys.argv[2]))\n"
        "migrate.upgrade(sys.argv[1], Path(sys.argv[3]), environment=environment)"
    )
    command = [sys.executable, "-c", program, url, str(scripts), str(tmp_path / "backups")]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -9
    assert tables(url) == before
    assert migrate.readiness(url).code is ErrorCode.MIGRATION_PENDING
    assert migrate.upgrade(url, tmp_path / "backups").applied == SINCE_BASELINE


def from_the_future(path: Path) -> None:
    """A store of a newer program."""
    shutil.copyfile(FILE, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE helicarrier_core_version SET version_num = '9999'")


def another_programs(path: Path) -> None:
    """A database with somebody else's tables."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def half_applied(path: Path) -> None:
    """Tables of the baseline, but nobody recorded it."""
    shutil.copyfile(FILE, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM helicarrier_core_version")


def no_database(path: Path) -> None:
    """A file of another kind."""
    path.write_bytes(b"PK\x03\x04 certainly not a database")


def cut_short(path: Path) -> None:
    """A database of which only the first half was copied."""
    path.write_bytes(FILE.read_bytes()[: len(FILE.read_bytes()) // 2])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (from_the_future, ErrorCode.SCHEMA_TOO_NEW),
        (another_programs, ErrorCode.MIGRATION_FAILED),
        (half_applied, ErrorCode.MIGRATION_FAILED),
        (no_database, ErrorCode.DB_PATH_INVALID),
        (cut_short, ErrorCode.STORAGE_UNAVAILABLE),
    ],
)
def test_a_file_that_cannot_be_migrated_is_left_byte_identical(
    spoil: Callable[[Path], None], code: ErrorCode, sqlite_url: str, tmp_path: Path
) -> None:
    """The same code every time."""
    path = path_of(sqlite_url)
    spoil(path)
    before = content(path)
    for _ in range(2):
        with pytest.raises(HelicarrierError) as caught:
            migrate.upgrade(sqlite_url, tmp_path / "backups")
        assert caught.value.code is code
        assert not migrate.readiness(sqlite_url).ready
    assert content(path) == before


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """Nothing appears in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    for _ in range(2):
        assert migrate.readiness(f"sqlite:///{folder}").code is ErrorCode.DB_PATH_INVALID
        with pytest.raises(StorageUnavailable) as caught:
            migrate.upgrade(f"sqlite:///{folder}", tmp_path / "backups")
        assert caught.value.code is ErrorCode.DB_PATH_INVALID
    assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_read_only_folder_keeps_its_store_as_it_is(
    open_folder: Path, unprivileged: Callable[[], None]
) -> None:
    """An older store in it cannot be upgraded, and a new one not be made."""
    path = open_folder / "ledger.sqlite"
    shutil.copyfile(FILE, path)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    unprivileged()
    with pytest.raises(StorageUnavailable) as caught:
        migrate.upgrade(f"sqlite:///{path}", open_folder / "backups")
    assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE
    with pytest.raises(StorageUnavailable) as caught:
        migrate.upgrade(f"sqlite:///{open_folder / 'new.sqlite'}", open_folder / "backups")
    assert caught.value.code is ErrorCode.DB_PATH_INVALID
    assert content(path) == content(FILE)
    assert [child.name for child in open_folder.iterdir()] == ["ledger.sqlite"]


def test_a_postgres_store_from_the_future_is_refused(postgres_url: str, tmp_path: Path) -> None:
    """Its tables stay as they are."""
    migrate.upgrade(postgres_url, tmp_path)
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE helicarrier_core_version SET version_num = '9999'"))
    engine.dispose()
    assert migrate.readiness(postgres_url).code is ErrorCode.SCHEMA_TOO_NEW
    with pytest.raises(NotReady) as caught:
        migrate.upgrade(postgres_url, tmp_path)
    assert caught.value.code is ErrorCode.SCHEMA_TOO_NEW


def test_a_faked_revision_is_recorded_and_nothing_else(url: str, tmp_path: Path) -> None:
    """For a database that was migrated by hand."""
    migrate.upgrade(url, tmp_path, environment=AT_BASELINE)
    before = tables(url)
    migrate.fake(url)
    assert migrate.readiness(url).ready
    assert tables(url) == before


def test_the_script_for_psql_gives_the_same_revision(postgres_url: str) -> None:
    """It is complete: lock, tables, functions and the record, in one transaction."""
    address = parse_address(postgres_url)
    assert isinstance(address, PostgresDatabase)
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        connection.execute(migrate.offline_sql().encode())
    assert migrate.readiness(postgres_url).ready


def test_the_script_from_a_revision_upgrades_rows(postgres_url: str) -> None:
    """Somebody who migrates by hand loses nothing either."""
    put_baseline(postgres_url)
    address = parse_address(postgres_url)
    assert isinstance(address, PostgresDatabase)
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        connection.execute(migrate.offline_sql("0001").encode())
        count = connection.execute("SELECT COUNT(*) FROM session_usage").fetchone()
    assert migrate.readiness(postgres_url).ready
    assert count == (5,)


def test_asking_for_readiness_loads_no_heavy_library(tmp_path: Path) -> None:
    """Every command asks."""
    program = (
        "import sys; from helicarrier.store import migrate\n"
        "migrate.readiness('sqlite:///' + sys.argv[1])\n"
        "print(sorted({'sqlalchemy', 'alembic', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.sqlite")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == "[]\n"
