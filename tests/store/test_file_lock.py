"""The lock file: one alone or many together, and it never outlives its process."""

import os
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from helicarrier.errors import ErrorCode, StorageUnavailable
from helicarrier.store.file_lock import locked

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from pathlib import Path
from helicarrier.store.file_lock import locked
path = Path(sys.argv[1])
with locked(path, subject=path, exclusive=True, wait_seconds=5):
    print("held", flush=True)
    time.sleep(60)
"""


def lock(path: Path, *, exclusive: bool, wait: float = 0.05) -> AbstractContextManager[float]:
    """The lock of a thing beside `path`."""
    return locked(path, subject=path.with_suffix(""), exclusive=exclusive, wait_seconds=wait)


def test_a_holder_in_another_process_is_named(tmp_path: Path) -> None:
    """Whoever waited in vain knows which process to look at."""
    path = tmp_path / "thing.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StorageUnavailable) as caught, lock(path, exclusive=True):
        pass
    assert caught.value.code is ErrorCode.STORAGE_BUSY
    assert f"process {holder.pid}" in caught.value.message
    holder.kill()
    holder.communicate()
    with lock(path, exclusive=True, wait=5):
        assert path.read_text() == str(os.getpid())


def test_readers_share(tmp_path: Path) -> None:
    """Two of them hold it at once."""
    with lock(tmp_path / "a.lock", exclusive=False), lock(tmp_path / "a.lock", exclusive=False):
        pass


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_a_lone_holder_keeps_everybody_out(first: bool, second: bool, tmp_path: Path) -> None:
    """Threads of one process, too."""
    refused: list[ErrorCode] = []

    def enter() -> None:
        try:
            with lock(tmp_path / "a.lock", exclusive=second):
                pass
        except StorageUnavailable as error:
            refused.append(error.code)

    with lock(tmp_path / "a.lock", exclusive=first):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert refused == [ErrorCode.STORAGE_BUSY]


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    """The block's error does not keep it."""
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "a.lock", exclusive=True):
        raise ZeroDivisionError
    with lock(tmp_path / "a.lock", exclusive=True):
        pass
    assert (tmp_path / "a.lock").read_text() == ""


def test_a_lock_file_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    """Its folder is missing."""
    with pytest.raises(StorageUnavailable), lock(tmp_path / "no" / "a.lock", exclusive=True):
        pass
