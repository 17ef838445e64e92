"""Importing with several processes: each reads its own files, and they take turns at writing.

Reading is bound by the processor, and a lock that a process holds for the length of one
transaction keeps SQLite's single writer busy without polling. The outcome does not depend on who
reads what: the ledger's merge rules are orders. Small imports stay in this process.
"""

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Lock as ProcessLock
from pathlib import Path

from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.errors import StorageUnavailable
from helicarrier.ingest.importer import Importer
from helicarrier.ingest.report import Progress
from helicarrier.store.operational import OperationalStore

WORTH_A_PROCESS_BYTES = 48 * 1024 * 1024
LARGEST_TASK_BYTES = 32 * 1024 * 1024
SMALLEST_TASK_BYTES = 8 * 1024 * 1024
MOST_WORKERS = 2  # SQLite has one writer: a third reader would only wait for its turn

OnProgress = Callable[[Progress, int], None]
"""Called with what is done so far and the number of files behind it."""


def no_progress(_progress: Progress, _files: int) -> None:
    """Show nothing."""


def import_files(
    url: str,
    files: Sequence[Path],
    *,
    run_id: str,
    workers: int = 0,
    named: frozenset[Path] = frozenset(),
    on_progress: OnProgress = no_progress,
) -> Progress:
    """Import files under one run, with as many processes as are worth it.

    Args: url of the operational store; workers 0 chooses; named files that were asked for by name;
    on_progress for display.

    Raises:
        StorageUnavailable: a process died; run the import again, it goes on where it stopped.
    """
    count = workers or _worth(files)
    tasks = list(_tasks(files, count))
    if count <= 1 or len(tasks) <= 1:
        return _alone(url, tasks, run_id, named, on_progress)
    return _together(url, tasks, run_id, named, count, on_progress)


def _worth(files: Sequence[Path]) -> int:
    size = sum(map(_size, files))
    if size < WORTH_A_PROCESS_BYTES:
        return 1
    return min(MOST_WORKERS, os.cpu_count() or 1)


def _size(path: Path) -> int:
    """Bytes of a file; 0 for one that is gone by now, which the import then reports."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tasks(files: Sequence[Path], count: int) -> Iterator[list[Path]]:
    """Runs of files: large ones first, for few transactions, and small ones last.

    So the processes end at about the same time.
    """
    sizes = [_size(path) for path in files]
    left = sum(sizes)
    task: list[Path] = []
    size = 0
    for path, its_size in zip(files, sizes, strict=True):
        task.append(path)
        size += its_size
        if size >= min(LARGEST_TASK_BYTES, max(SMALLEST_TASK_BYTES, left / (2 * count))):
            yield task
            left -= size
            task, size = [], 0
    if task:
        yield task


def _alone(
    url: str,
    tasks: Sequence[Sequence[Path]],
    run_id: str,
    named: frozenset[Path],
    on_progress: OnProgress,
) -> Progress:
    total = Progress()
    done = 0
    store = OperationalStore(url)
    try:
        importer = Importer(store=store, run_id=run_id, pricer=Pricer(PriceBook()), named=named)
        for task in tasks:
            total.add(importer.run(task))
            done += len(task)
            on_progress(total, done)
    finally:
        store.close()
    return total


def _together(
    url: str,
    tasks: Sequence[Sequence[Path]],
    run_id: str,
    named: frozenset[Path],
    count: int,
    on_progress: OnProgress,
) -> Progress:
    context = _context()
    total = Progress()
    done = 0
    with ProcessPoolExecutor(
        count,
        context,
        initializer=_start_worker,
        initargs=(url, run_id, named, context.Lock(), os.getpid()),
    ) as pool:
        with _interrupts_held_back(), _memory_shared():
            waiting: dict[Future[Progress], int] = {
                pool.submit(_work, task): len(task) for task in tasks
            }
        try:
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    total.add(future.result())
                    done += waiting.pop(future)
                    on_progress(total, done)
        except BrokenProcessPool:
            raise StorageUnavailable(
                "a process of the import died; what it had committed is kept",
                hint="Run the import again: it goes on where it stopped.",
            ) from None
        finally:
            for future in waiting:
                future.cancel()
    return total


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """A terminal interrupts the whole group; processes that begin here leave it to their parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _memory_shared() -> Iterator[None]:
    """What processes inherit when they begin here is left alone by their garbage collectors.

    A collection writes into every object that it looks at, and so makes a copy of each page.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _context() -> BaseContext:
    """Fork saves half a second of imports, and is safe while this is the only thread."""
    if threading.active_count() == 1 and "fork" in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


_importer: Importer


def _start_worker(
    url: str, run_id: str, named: frozenset[Path], lock: ProcessLock, parent: int
) -> None:
    global _importer  # noqa: PLW0603 - a pool's worker has no other place for its state
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _importer = Importer(
        store=OperationalStore(url),
        run_id=run_id,
        pricer=Pricer(PriceBook()),
        named=named,
        lock=lambda: lock,
    )


def _end_with(parent: int) -> None:
    """A worker whose parent was killed ends, so that nobody imports unseen."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _work(task: Sequence[Path]) -> Progress:
    return _importer.run(task)
