"""The command line as a whole: help, exit codes, and no traceback for what a user can cause."""

import importlib
import io
import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from helicarrier import __version__
from helicarrier import logs as helicarrier_logs
from helicarrier.cli import COMMANDS, cli
from tests.cli.conftest import ROOT, Command
from tests.ingest import logs

HEAVY = ("dagster", "fastapi", "duckdb", "sqlalchemy", "pydantic", "pandas", "pyarrow", "alembic")
Process = Callable[..., subprocess.CompletedProcess[str]]


def _leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for sub in command.commands:
            yield from _leaves(command.commands[sub], f"{name} {sub}")
    else:
        yield name, command


def _all_commands() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, (place, _) in COMMANDS.items():
        module, _, attribute = place.partition(":")
        found |= _leaves(getattr(importlib.import_module(module), attribute), name)
    return found


def _examples(command: click.Command) -> list[str]:
    lines = (command.help or "").partition("EXAMPLES")[2].splitlines()
    return [line.strip() for line in lines if line.strip().startswith("helicarrier ")]


# Help ---------------------------------------------------------------------------------------------


def test_help_lists_every_command(helicarrier: Command) -> None:
    """With the line that the command's own module confirms."""
    shown = helicarrier("--help")
    assert shown.code == 0
    for name, (_, line) in COMMANDS.items():
        assert name in shown.out
        assert line.split()[0] in shown.out
    assert helicarrier("-h").out == shown.out


def test_every_command_explains_itself_with_examples() -> None:
    """A first sentence, and lines that can be copied."""
    for name, command in _all_commands().items():
        assert command.help, name
        examples = _examples(command)
        assert examples, name
        assert all(line.startswith(f"helicarrier {name}") for line in examples), name


EXECUTED = [
    "content import",
    "content list",
    "content messages",
    "content show",
    "content annotate",
    "content delete",
    "content refused",
    "content verify",
    "import",
    "advisory disable",
    "advisory enable",
    "advisory rollback",
    "advisory status",
    "advisory verify",
    "matches import",
    "migrate status",
    "migrate up",
    "migrate sql",
    "quarantine list",
    "restore",
]


@pytest.mark.parametrize("name", EXECUTED)
def test_the_examples_of_a_command_work(
    name: str,
    helicarrier: Command,
    ready_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As they stand in its help, from the root of the project."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HOME", str(tmp_path))
    logs.write(tmp_path / ".claude" / "projects" / "x" / "s.jsonl", logs.ask())
    logs.write(tmp_path / ".codex" / "sessions" / "rollout-1.jsonl", logs.meta())
    if name.startswith("content ") and name != "content import":
        helicarrier("content", "import", "examples/content")
    for line in _examples(_all_commands()[name]):
        _, *args = (os.path.expanduser(word) for word in shlex.split(line))  # noqa: PTH111 - a shell
        ended = helicarrier(*args)
        assert ended.code == 0, f"{line}: {ended.err}"
        assert ended.out or ended.err


def test_help_loads_none_of_the_heavy_libraries(process: Process) -> None:
    """They are imported by the command that needs them."""
    code = (
        "import sys; from helicarrier.cli import run; run(['--help']);"
        f"print('loaded', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert process(code=code).stdout.splitlines()[-1] == "loaded []"


def test_help_takes_less_than_400_milliseconds_of_work(process: Process) -> None:
    """The best of five, with compiled files as an installed package has them.

    The clock is the processor's, so that what else the machine does is not counted.
    """
    times: list[float] = []
    while len(times) < 5 and min(times, default=1) >= 0.4:
        before = os.times()
        assert process("--help").returncode == 0
        after = os.times()
        user, system = after.children_user, after.children_system
        times.append(user + system - before.children_user - before.children_system)
    assert min(times) < 0.4, times


def test_the_version_is_that_of_the_package(helicarrier: Command) -> None:
    """On stdout."""
    assert helicarrier("--version").out.strip() == f"helicarrier, version {__version__}"


# Exit codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["surprise"],
        ["import"],
        ["import", "--surprise", "x"],
        ["import", "x", "--workers", "0"],
        ["import", "x", "--workers", "many"],
        ["quarantine", "list", "--limit", "0"],
        ["quarantine"],
        ["migrate", "sideways"],
        ["restore", "a", "b"],
        ["quarantine", "list", "--data-dir", str(Path(__file__))],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_64(args: list[str], helicarrier: Command, data_dir: Path) -> None:
    """It says how to call, on stderr, and makes nothing."""
    ended = helicarrier(*args)
    assert (ended.code, ended.out) == (64, "")
    assert "Usage: helicarrier" in ended.err
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HELICARRIER_IMPORT_WORKERS", "many"),
        ("HELICARRIER_DB_URL", "mysql://secret"),
        ("HELICARRIER_PARTITIONS_START", "someday"),
    ],
)
def test_a_wrong_setting_ends_with_64_and_names_the_variable(
    variable: str, value: str, helicarrier: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the command; the value is not shown."""
    monkeypatch.setenv(variable, value)
    for args in (["quarantine", "list"], ["migrate", "status"], ["import", str(ROOT / "examples")]):
        ended = helicarrier(*args)
        assert ended.code == 64
        assert variable in ended.err
        assert value not in ended.err
        assert "[SETTING_INVALID]" in ended.err


@pytest.mark.parametrize(
    "args", [["quarantine", "list"], ["migrate", "status"], ["report", "usage"]], ids=" ".join
)
def test_a_store_that_is_not_there_ends_with_3(
    args: list[str], helicarrier: Command, data_dir: Path
) -> None:
    """Reading makes no store; the hint says what does."""
    ended = helicarrier(*args)
    assert ended.code == 3
    assert "[MIGRATION_PENDING]" in ended.err
    assert "helicarrier migrate up" in ended.err
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("revision", "code"), [("0001", "MIGRATION_PENDING"), ("9999", "SCHEMA_TOO_NEW")]
)
def test_a_store_of_another_version_ends_with_3(
    revision: str, code: str, helicarrier: Command, ready_store: Path
) -> None:
    """For every command that needs it, an import too."""
    database = sqlite3.connect(ready_store / "helicarrier.sqlite")
    database.execute("UPDATE helicarrier_core_version SET version_num = ?", (revision,))
    database.commit()
    database.close()
    for args in (["quarantine", "list"], ["migrate", "status"], ["import", ROOT / "examples"]):
        ended = helicarrier(*args)
        assert (ended.code, f"[{code}]" in ended.err) == (3, True), ended


@pytest.mark.parametrize("args", [["quarantine", "list"], ["import", str(ROOT / "examples")]])
def test_a_store_that_cannot_be_one_ends_with_6(
    args: list[str], helicarrier: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in its place, or a file that is no database."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database " * 100, encoding="utf-8")
    for name in ("folder", "text"):
        monkeypatch.setenv("HELICARRIER_DB_PATH", str(tmp_path / name))
        ended = helicarrier(*args)
        assert (ended.code, "[DB_PATH_INVALID]" in ended.err) == (6, True), ended


def test_an_error_is_a_line_of_what_happened_and_one_of_what_to_do(process: Process) -> None:
    """On stderr of the real process, and nothing else."""
    ended = process("import", "/surely/not/there")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert ended.stderr.splitlines() == [
        "error: there is no file or folder /surely/not/there [NOT_FOUND]",
        "hint: Give the folder that holds the session files.",
    ]


def test_an_interruption_of_a_command_ends_with_130(
    helicarrier: Command, ready_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one word; the real signal is sent to imports elsewhere."""

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    ended = helicarrier("quarantine", "list")
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_an_interruption_while_the_warehouse_is_in_use_is_one(
    process: Process, tmp_path: Path
) -> None:
    """DuckDB turns the signal into an error of its own, and every import writes a run."""
    code = """
import os, pathlib, signal, sys, threading
from helicarrier import cli
from helicarrier.store.warehouse import WarehouseStore
store = WarehouseStore(pathlib.Path(sys.argv[1]))
with store.write():
    pass
def work(**_):
    with store.write() as connection:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        connection.execute("SELECT sum(hash(a.i, b.i)) FROM range(200000) a(i), range(200000) b(i)")
    raise SystemExit("the query ended before the signal came")
cli.cli.main = work
sys.exit(cli.run([]))
"""
    ended = process(tmp_path / "w.duckdb", code=code)
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_failure(ready_store: Path) -> None:
    """`helicarrier ... | head` ends quietly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "helicarrier", "migrate", "sql"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=600)
    assert (process.returncode, stderr) == (0, "")


def test_the_log_goes_to_the_stderr_of_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that redirects it (Dagster, a notebook, these tests) gets every event."""
    said = [io.StringIO(), io.StringIO()]
    for number, stream in enumerate(said):
        monkeypatch.setattr(sys, "stderr", stream)
        helicarrier_logs.warning(f"event.{number}")
    assert ["event.0" in said[0].getvalue(), "event.1" in said[1].getvalue()] == [True, True]
