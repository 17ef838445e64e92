"""Several processes import what one process imports, and none of them outlives its parent."""

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from helicarrier.ingest.parallel import SMALLEST_TASK_BYTES, import_files
from helicarrier.ingest.report import Progress
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.tables import dirty_days
from helicarrier.ledger.tables import import_files as files_table
from helicarrier.settings import Settings
from tests.ingest import logs
from tests.ingest.corpora import make_corpus
from tests.ledger.stores import LEDGER, Dump, Ledger

MEGABYTES = 34
_JOURNAL_BYTES = 1_500_000
"""Less than the journal of an import of the corpus grows to."""

ATTEMPTS = 5
"""So often may an import be over before the signal reaches it; on a quiet machine none is."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough for two tasks and several transactions."""
    return make_corpus(tmp_path_factory.mktemp("corpus"), MEGABYTES)


@pytest.fixture
def start(corpus: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the real command on the corpus, in a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(data_dir: Path, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "helicarrier", "import", str(corpus), *options]
        process = subprocess.Popen(
            [*command, "--json", "--data-dir", str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _content(data_dir: Path) -> tuple[Dump, object, object]:
    """What the store holds, without what tells of runs; the database is sound."""
    ledger = Ledger(Settings(data_dir=data_dir).url)
    try:
        with ledger.store.read() as connection:
            (sound,) = connection.exec_driver_sql("PRAGMA integrity_check").scalars()
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        assert (sound, orphans) == ("ok", [])
        files = [
            (row["path"], row["sha256"], row["byte_offset"], row["line_offset"], row["state"])
            for row in ledger.rows(files_table)
        ]
        return ledger.dump(), ledger.marked(), files
    finally:
        ledger.store.close()


def _group(leader: int) -> list[int]:
    """The living processes of a group, without those that only wait to be buried."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[2]) == leader and rest[0] not in "ZX":
            found.append(int(pid))
    return found


def _is_importing(process: subprocess.Popen[str], data_dir: Path, workers: int) -> bool:
    """The run is recorded and the ledger is in use, with several workers by them; or it ended."""
    if process.poll() is not None:
        return True
    used = ("warehouse.duckdb", "helicarrier.sqlite-wal")
    if not all((data_dir / name).exists() for name in used):
        return False
    return workers == 1 or len(_group(process.pid)) > workers


def _wait(condition: Callable[[], bool], seconds: float = 300) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _has_written(process: subprocess.Popen[str], data_dir: Path, size: int) -> bool:
    """The journal of the ledger is that long; or the import ended."""
    try:
        length = (data_dir / "helicarrier.sqlite-wal").stat().st_size
    except FileNotFoundError:
        length = 0
    return length >= size or process.poll() is not None


def _told(progress: Progress) -> tuple[int, ...]:
    """What a report says whoever was the first to write a call that several files have."""
    records, rows = progress.records, progress.rows
    return (
        records.read,
        records.written + records.duplicate,
        records.skipped,
        records.quarantined,
        records.deferred,
        rows.sessions_new,
        rows.calls_new,
        rows.events_new,
    )


# Outcome ------------------------------------------------------------------------------------------


def test_two_processes_give_what_one_gives(
    corpus: Path, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """The same rows, and a report that differs in nothing but which copy of a call came first."""
    seen: list[int] = []

    def watch(_progress: Progress, files: int) -> None:
        seen.append(files)

    files = sorted(corpus.rglob("*.jsonl"))
    assert sum(path.stat().st_size for path in files) > 4 * SMALLEST_TASK_BYTES
    alone = import_files(sqlite_ledger.url, files, run_id="one", workers=1)
    one = sqlite_ledger.dump((*LEDGER, dirty_days))
    sqlite_ledger.wipe()
    together = import_files(sqlite_ledger.url, files, run_id="two", workers=2, on_progress=watch)
    assert sqlite_ledger.dump((*LEDGER, dirty_days)) == one
    assert _told(together) == _told(alone)
    assert (together.files_read, together.bytes_read) == (alone.files_read, alone.bytes_read)
    assert seen == sorted(seen)
    assert seen[-1] == len(files)


def test_copies_read_by_two_processes_count_once(
    corpus: Path, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Each process has a copy of every call."""
    originals = sorted(corpus.rglob("*.jsonl"))[: len(list(corpus.rglob("*.jsonl"))) // 2]
    copies = []
    for number, path in enumerate(originals):
        copy = tmp_path / "copies" / f"{number}.jsonl"
        copy.parent.mkdir(exist_ok=True)
        copy.hardlink_to(path)
        copies.append(copy)
    once = import_files(sqlite_ledger.url, originals, run_id="one", workers=1)
    calls = sqlite_ledger.dump(leave_out={"source_uri", "source_line"})
    sqlite_ledger.wipe()
    twice = import_files(sqlite_ledger.url, [*originals, *copies], run_id="two", workers=2)
    assert twice.rows.calls_new == once.rows.calls_new
    assert sqlite_ledger.dump(leave_out={"source_uri", "source_line"}) == calls


def test_a_refused_file_is_reported_by_whoever_read_it(
    corpus: Path, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """And stops neither process."""
    broken = logs.write(tmp_path / "broken.jsonl", logs.ask(), *[b"oops"] * 50)
    files = [*sorted(corpus.rglob("*.jsonl")), broken]
    progress = import_files(sqlite_ledger.url, files, run_id="r", workers=2)
    assert [error.path for error in progress.errors] == [str(broken)]
    assert progress.files_read == len(files) - 1


def test_a_file_that_vanished_is_reported_and_stops_nobody(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Also before the work is shared out, when sizes are looked at."""
    kept = logs.write(tmp_path / "a.jsonl", logs.ask())
    progress = import_files(sqlite_ledger.url, [kept, tmp_path / "gone.jsonl"], run_id="r")
    assert [error.path for error in progress.errors] == [str(tmp_path / "gone.jsonl")]
    assert progress.files_read == 1


# Killed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_an_import_that_was_killed_is_completed_by_the_next(
    workers: int, corpus: Path, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """SIGKILL while it writes, at any moment: then as if it had never happened, nothing twice.

    The moment is a number of bytes in the journal of the ledger, not a time: so it comes in the
    import whatever else the machine does. Ten kills in a row are in tests/acceptance.
    """
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    import_sessions(Settings(data_dir=tmp_path / "undisturbed"), [corpus], workers=1)
    expected = _content(tmp_path / "undisturbed")
    written = random.Random(seed).randrange(1, _JOURNAL_BYTES)
    for attempt in range(ATTEMPTS):
        data_dir = tmp_path / f"killed-{attempt}"
        process = start(data_dir, "--workers", str(workers))
        _wait(partial(_has_written, process, data_dir, written))
        process.kill()
        if process.wait() == -signal.SIGKILL:
            break
    else:
        pytest.fail(f"every import ended before it was killed, seed {seed}")
    report = import_sessions(Settings(data_dir=data_dir), [corpus])
    assert report.outcome == "completed"
    assert _content(data_dir) == expected
    again = import_sessions(Settings(data_dir=data_dir), [corpus])
    assert again.progress.rows.total == 0
    files = len(list(corpus.rglob("*.jsonl")))
    assert (again.progress.files_read, again.progress.files_unchanged) == (0, files)


@needs_proc
def test_the_workers_end_when_their_parent_is_killed(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Nobody goes on importing unseen."""
    process = start(tmp_path / "data", "--workers", "2")
    assert _wait(lambda: len(_group(process.pid)) >= 3 or process.poll() is not None)
    assert process.poll() is None, "the import ended before its workers were seen"
    process.kill()
    process.wait()
    assert _wait(lambda: not _group(process.pid)), "a worker is still there"


@needs_proc
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_import_ends_with_130_and_without_a_traceback(
    workers: int, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Control-C reaches every process of the group; what was committed stays."""
    for attempt in range(ATTEMPTS):
        data_dir = tmp_path / f"data-{attempt}"
        process = start(data_dir, "--workers", str(workers))
        _wait(partial(_is_importing, process, data_dir, workers))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=300)
        if process.returncode != 0:
            break
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == "interrupted"
