"""The keeper: runs one command, keeps what it says and how it ended, whoever else goes away.

A script of its own on the standard library alone: it has to outlive the service and to cost little.
It leads a session, the command leads a process group in it. It holds the lock of its folder from
before the command starts until the end is written, so that "does it live?" is a question about a
lock and never about a process id. A byte in the pipe `orders`, or SIGTERM, ends the group: TERM,
some time, KILL. What a command leaves behind in its group ends with it.

Standard input: one JSON object, see `Job`. Standard output: `started PID`, or `failed`.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypedDict

LOG, OLDER_LOG, END = "log", "log.1", "end.json"
_CHUNK = 65_536
_LAST_WORDS_SECONDS = 1.0
_RETRY_SECONDS = 1.0


class Job(TypedDict):
    """What to do: the command, what it reads, how long TERM may take, how much log is kept."""

    folder: str
    arguments: list[str]
    given: str | None
    grace_seconds: float
    log_bytes: int
    orders: int


class End(TypedDict):
    """How it ended: a code or a signal; `stopped` when it was told to."""

    code: int | None
    signal: int | None
    stopped: bool
    ended_at: str


class Log:
    """Two files of half the size each: the newest output is always there."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._path, self._older = folder / LOG, folder / OLDER_LOG
        self._half = max(1, limit // 2)
        self._size = 0

    def add(self, data: bytes) -> None:
        """Keep output; a full disk costs output and not the process."""
        with contextlib.suppress(OSError):
            while data:
                if self._size >= self._half:
                    self._path.replace(self._older)
                    self._size = 0
                part, data = data[: self._half - self._size], data[self._half - self._size :]
                with self._path.open("ab") as file:
                    file.write(part)
                self._size += len(part)


class Keeper:
    """One command from its start to its end."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._folder = Path(job["folder"])
        self._log = Log(self._folder, job["log_bytes"])
        self._asked = False
        self._stopped = False
        self._kill_at: float | None = None

    def run(self) -> int:
        """Start, follow, write the end down."""
        waker, woken = os.pipe()
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            self._process = self._start()
        except (OSError, ValueError, subprocess.SubprocessError):
            _say("failed")
            return 1
        _say(f"started {self._process.pid}")
        output = self._process.stdout
        assert output is not None  # noqa: S101 - it was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(waker, selectors.EVENT_READ, lambda: os.read(waker, _CHUNK))
            selector.register(self._job["orders"], selectors.EVENT_READ, self._take_order)
            selector.register(output, selectors.EVENT_READ, lambda: self._take(selector, output))
            while not self._is_over():
                for key, _ in selector.select(self._patience()):
                    key.data()
                if self._asked:
                    self._stop()
                if self._kill_at is not None and time.monotonic() >= self._kill_at:
                    self._send(signal.SIGKILL)
                    self._kill_at = None
            # The leader is dead and not reaped: its group's id cannot be anybody else's yet.
            self._send(signal.SIGKILL)
            self._last_words(selector, output)
        self._write_down(self._process.wait())
        return 0

    def _start(self) -> subprocess.Popen[bytes]:
        given: IO[bytes] | int = subprocess.DEVNULL
        with contextlib.ExitStack() as stack:
            if self._job["given"] is not None:
                given = stack.enter_context(tempfile.TemporaryFile(dir=self._folder))
                given.write(self._job["given"].encode())
                given.seek(0)
            return subprocess.Popen(  # noqa: S603 - from the allow-list, without a shell
                self._job["arguments"],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def _is_over(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _patience(self) -> float | None:
        return None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())

    def _take_order(self) -> None:
        os.read(self._job["orders"], _CHUNK)
        self._asked = True

    def _on_term(self, *_: object) -> None:
        self._asked = True

    def _stop(self) -> None:
        if not self._stopped and not self._is_over():
            self._stopped = True
            self._kill_at = time.monotonic() + self._job["grace_seconds"]
            self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _take(self, selector: selectors.BaseSelector, output: IO[bytes]) -> bool:
        data = os.read(output.fileno(), _CHUNK)
        if not data:
            selector.unregister(output)
        self._log.add(data)
        return bool(data)

    def _last_words(self, selector: selectors.BaseSelector, output: IO[bytes]) -> None:
        """What is still in the pipe; who left the group may hold it open for ever."""
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        os.set_blocking(output.fileno(), False)
        while output in {key.fileobj for key in selector.get_map().values()}:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            for key, _ in selector.select(left):
                key.data()

    def _write_down(self, code: int) -> None:
        end = End(
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            stopped=self._stopped,
            ended_at=datetime.now(tz=UTC).isoformat(),
        )
        written = self._folder / f"{END}.new"
        while True:
            try:
                with written.open("w") as file:
                    json.dump(end, file)
                    file.flush()
                    os.fsync(file.fileno())
                written.replace(self._folder / END)
            except FileNotFoundError:
                return  # The folder was removed: nobody asks any more.
            except OSError:
                time.sleep(_RETRY_SECONDS)  # A full disk: the end is worth waiting for.
            else:
                return


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # The service may be gone; the folder tells it the rest.
        os.write(1, f"{line}\n".encode())
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(Keeper(json.load(sys.stdin)).run())
