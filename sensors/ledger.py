"""Sensors of the ledger: session files that came or grew are imported.

The cursor remembers each file's size, modification time and content hash, so an unchanged file
costs a stat and a touched one a hash. Losing the cursor is harmless: the import knows by itself
what it has read, and a run whose key was used before is not started again.
"""

from collections.abc import Iterator, Sequence
from hashlib import file_digest, sha256
from pathlib import Path

import dagster as dg
import msgspec

from assets.jobs import import_sessions
from assets.ledger import import_session_files
from helicarrier.errors import InputRejected
from helicarrier.ingest.importer import discover
from resources import SettingsResource

FILES_PER_TICK = 200
BYTES_PER_TICK = 512 * 1024 * 1024


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """A file as the sensor last saw it."""

    size: int
    mtime_ns: int
    digest: str


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="version", tag=1):
    """What the sensor remembers; another version of it, or anything else, starts anew."""

    files: dict[str, Seen] = {}


@dg.sensor(
    name="session_files",
    job=import_sessions,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New and grown files in the folders of HELICARRIER_IMPORT_PATHS are imported.",
)
def session_files(
    context: dg.SensorEvaluationContext, settings: SettingsResource
) -> dg.SensorResult | dg.SkipReason:
    """One run for each folder with changes: its key is the folder and its files' content."""
    folders = settings.load().import_folders
    if not folders:
        return dg.SkipReason("HELICARRIER_IMPORT_PATHS names no folder.")
    known = _remembered(context.cursor)
    seen: dict[str, Seen] = {}
    requests: list[dg.RunRequest] = []
    budget = _Budget()
    for folder in folders:
        changed = _changes(_files(context, folder), known, seen, budget)
        if changed:
            requests.append(_request(folder, changed))
    cursor = msgspec.json.encode(Cursor(files=seen)).decode()
    if not requests:
        return dg.SensorResult(
            skip_reason=f"{len(seen)} files, none of them new or changed.", cursor=cursor
        )
    return dg.SensorResult(run_requests=requests, cursor=cursor)


SENSORS = [session_files]


class _Budget:
    """How much one tick may read; the rest waits for the next one."""

    def __init__(self) -> None:
        self._files = FILES_PER_TICK
        self._bytes = BYTES_PER_TICK

    def grants(self, size: int) -> bool:
        """Whether a file of this size may be read now; a single large one always may."""
        fresh = self._files == FILES_PER_TICK
        if not fresh and (self._files == 0 or size > self._bytes):
            return False
        self._files -= 1
        self._bytes -= size
        return True


def _remembered(cursor: str | None) -> dict[str, Seen]:
    try:
        return msgspec.json.decode(cursor or b"", type=Cursor).files
    except msgspec.DecodeError:
        return {}


def _files(context: dg.SensorEvaluationContext, folder: Path) -> Sequence[Path]:
    try:
        return discover([folder])
    except InputRejected as error:
        context.log.warning(error.message)
        return []


def _changes(
    files: Sequence[Path], known: dict[str, Seen], seen: dict[str, Seen], budget: _Budget
) -> dict[Path, str]:
    """The files with new content, with its hash; what is known of each file goes into `seen`."""
    changed: dict[Path, str] = {}
    for path in files:
        before = known.get(str(path))
        now = _look(path, before, budget)
        if now is not None:
            seen[str(path)] = now
            if before is None or now.digest != before.digest:
                changed[path] = now.digest
        elif before is not None:
            seen[str(path)] = before
    return changed


def _look(path: Path, before: Seen | None, budget: _Budget) -> Seen | None:
    """The file as it is; None when it is gone or has to wait for another tick."""
    try:
        stat = path.stat()
        if before is not None and (before.size, before.mtime_ns) == (
            stat.st_size,
            stat.st_mtime_ns,
        ):
            return before
        if not budget.grants(stat.st_size):
            return None
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return Seen(size=stat.st_size, mtime_ns=stat.st_mtime_ns, digest=digest)


def _request(folder: Path, changed: dict[Path, str]) -> dg.RunRequest:
    # The whole folder is imported: an unchanged file costs a stat, one that is gone by then is no
    # error, and what an earlier run failed to read is read now.
    content = sha256("".join(_lines(changed)).encode()).hexdigest()
    return dg.RunRequest(
        run_key=f"{folder}:{content}",
        run_config=dg.RunConfig(
            ops={import_session_files.op.name: {"config": {"paths": [str(folder)]}}}
        ),
        tags={"helicarrier/files": str(len(changed))},
    )


def _lines(changed: dict[Path, str]) -> Iterator[str]:
    for path, digest in changed.items():
        yield f"{path} {digest}\n"
