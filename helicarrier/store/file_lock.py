"""A lock file: one holder alone, or many together, across threads and processes.

The lock belongs to an open file (flock), so it ends with the process that holds it, however that
ends, and two threads of one process exclude each other too. The file stays; who holds it alone
writes its process id into it, so that a waiter can say whom it waited for.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helicarrier.errors import ErrorCode, StorageUnavailable

PAUSE_SECONDS = 0.01


@contextmanager
def locked(path: Path, *, subject: Path, exclusive: bool, wait_seconds: float) -> Iterator[float]:
    """Holds the lock file at `path` for `subject`; yields the monotonic end of our patience.

    Raises:
        StorageUnavailable: STORAGE_BUSY after `wait_seconds`; or the lock file cannot be made.
    """
    deadline = time.monotonic() + wait_seconds
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageUnavailable(
            f"the lock file {path} cannot be opened",
            hint="Give this user the right to write the folder.",
        ) from error
    try:
        while not _taken(handle, kind):
            if time.monotonic() > deadline:
                raise held_by_another(subject, os.pread(handle, 32, 0).decode())
            time.sleep(PAUSE_SECONDS)
        if exclusive:
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        try:
            yield deadline
        finally:
            if exclusive:
                os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held_by_another(subject: Path, holder: str = "") -> StorageUnavailable:
    """The failure of who waited in vain; `holder` is a process id, empty where readers hold it."""
    who = f"process {holder}" if holder else "a reader or another program"
    return StorageUnavailable(
        f"{subject} is held by {who}",
        code=ErrorCode.STORAGE_BUSY,
        hint="Wait until it has ended, or end it; then try again.",
    )


def _taken(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
