"""The folder that is kept in memory, for what the tests write: a commit there waits for no disk.

A process that is killed leaves its files there as whole as on a disk, so tests of crashes hold as
well; what only a crash of the machine shows is not tested. Where there is little room, as in most
containers, everything stays on the disk.
"""

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folders made in it are private
_ROOM_BYTES = 3 * 2**30
"""Four times what two test processes hold at their peak."""


def memory_folder() -> Path | None:
    """Where to make temporary folders in memory; None where that is not possible."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        return None
    return _MEMORY
