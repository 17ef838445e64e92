"""Runs Python of others in a process of its own that cannot take much or stay long.

Limits on time, memory, files and output; an own session, which is killed as a whole; an isolated
interpreter without environment in a temporary folder; and, where Linux allows it to this user, own
namespaces without any network and in which nothing outlives the run. The answer says whether there
was such a wall. It keeps mistakes in, and is no cell for malice: files that the user can read, the
code can read.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

_WALL = ("--map-current-user", "--net", "--ipc", "--pid", "--fork", "--kill-child")
_MEGABYTE = 1024 * 1024
_BOOT = """
import os, resource, runpy, sys
done = int(sys.argv[1])
names = ("CPU", "AS", "FSIZE", "NOFILE", "NPROC", "CORE")
for name, most in zip(names, map(int, sys.argv[2:])):
    if most >= 0:
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most))
token = sys.stdin.readline()
del sys.argv[1:]
sys.path.insert(0, os.getcwd())
os.set_inheritable(done, False)
runpy.run_path("main.py", run_name="__main__")
os.write(done, token.encode())
"""
"""The token says that the program came to its end: an exit code of 0 can be had earlier."""


class Ended(StrEnum):
    """How a program ended: at its end, by an error or an exit, or because its time was over."""

    FINISHED = "finished"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may take; `seconds` bounds both the clock and the processor."""

    seconds: int = 5
    memory_bytes: int = 512 * _MEGABYTE
    file_bytes: int = _MEGABYTE
    output_bytes: int = 16 * 1024
    open_files: int = 64
    processes: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What came of a program. `walled`: without network, in namespaces of its own.

    `output` is the beginning of what it wrote to stdout and stderr.
    """

    ended: Ended
    output: str
    walled: bool


def execute(files: Mapping[str, str], limits: Limits | None = None) -> Executed:
    """Run `main.py` of some files, which may import the others.

    Args: files, name -> source, without folders; limits.
    """
    limits = limits or Limits()
    wall = walled_command()
    with tempfile.TemporaryDirectory(prefix="helicarrier-") as made:
        folder, log = Path(made, "work"), Path(made, "output")
        folder.mkdir()
        for name, source in files.items():
            (folder / Path(name).name).write_text(source, encoding="utf-8")
        reader, writer = os.pipe()
        try:
            with log.open("wb") as output:
                ended = _run(wall, folder, limits, output.fileno(), writer)
            written = _written(reader, writer)
        finally:
            os.close(reader)
        text = log.read_bytes()[: limits.output_bytes].decode(errors="replace")
    token, timed_out = ended
    match timed_out, written == token:
        case True, _:
            outcome = Ended.TIMED_OUT
        case _, True:
            outcome = Ended.FINISHED
        case _:
            outcome = Ended.FAILED
    return Executed(ended=outcome, output=text, walled=bool(wall))


@cache
def walled_command() -> tuple[str, ...]:
    """The command before the interpreter that builds the wall; empty where that is not allowed."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    command = (program, *_WALL)
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(  # noqa: S603  found on the PATH, fixed arguments
            [*command, sys.executable, "-I", "-S", "-c", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
        if done.returncode == 0:
            return command
    return ()


def _run(
    wall: tuple[str, ...], folder: Path, limits: Limits, output: int, writer: int
) -> tuple[bytes, bool]:
    """Start, wait, and let nothing be left; gives the token and whether the time was over."""
    token = secrets.token_hex(16).encode()
    most = (
        limits.seconds,
        limits.memory_bytes,
        limits.file_bytes,
        limits.open_files,
        # Without own namespaces everything that the user runs would count.
        limits.processes if wall else -1,
        0,
    )
    process = subprocess.Popen(  # noqa: S603  the interpreter that runs this, a fixed program
        [*wall, sys.executable, "-I", "-B", "-c", _BOOT, str(writer), *map(str, most)],
        cwd=folder,
        env={},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=(writer,),
        start_new_session=True,
    )
    timed_out = False
    try:
        process.communicate(token, timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return token, timed_out


def _written(reader: int, writer: int) -> bytes:
    """What came through the pipe, without waiting for a process that still holds its other end."""
    os.close(writer)
    os.set_blocking(reader, False)
    try:
        return os.read(reader, 1024)
    except BlockingIOError:
        return b""
