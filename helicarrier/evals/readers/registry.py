"""Which reader reads a file of eval results: the first that recognises its beginning.

Adding a format is one module and one line here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.evals.model import EvalRecord
from helicarrier.evals.readers.base import SAME_NAMES, Reader, Refused, rejection
from helicarrier.evals.readers.inspect_log import InspectArchiveReader, InspectReader
from helicarrier.evals.readers.lm_eval import LmEvalReader
from helicarrier.evals.readers.native import NativeReader
from helicarrier.evals.readers.promptfoo import PromptfooReader

HEAD_BYTES = 4096

READERS: tuple[Reader, ...] = (
    InspectArchiveReader(),
    InspectReader(),
    PromptfooReader(),
    LmEvalReader(),
    NativeReader(),
)
"""In the order in which they are asked."""

FORMATS = tuple(reader.name for reader in READERS)

_ENDINGS = frozenset({".json", ".jsonl", ".eval"})


def newest_file(places: Sequence[Path]) -> Path:
    """The file of results that was changed last, in these files and folders.

    Raises:
        InputRejected: a place is missing, or no file is there.
    """
    found: list[Path] = []
    for place in places:
        if not place.exists():
            raise InputRejected(f"{place} is missing", hint="Name a file of eval results.")
        files = [place] if place.is_file() else place.rglob("*")
        found += [path for path in files if path.is_file() and path.suffix in _ENDINGS]
    if not found:
        told = ", ".join(map(str, places))
        raise InputRejected(f"{told} holds no eval results", hint="Name a file of eval results.")
    return max(found, key=lambda path: (path.stat().st_mtime_ns, str(path)))


def read_file(
    path: Path, *, format_name: str | None = None, outcomes: Mapping[str, str] | None = None
) -> list[EvalRecord]:
    """All records of a file, or none of them.

    Args:
        path: the file.
        format_name: one of `FORMATS`; None to recognise it.
        outcomes: scores that give outcomes under another name than their own.

    Raises:
        InputRejected: the file is missing, of an unknown format, or anything in it is wrong.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InputRejected(
            f"{path} cannot be read: {error.strerror}", hint="Name a file of eval results."
        ) from error
    reader = _reader(path, body[:HEAD_BYTES], format_name)
    try:
        return reader.read(body, {**SAME_NAMES, **(outcomes or {})})
    except Refused as refused:
        raise rejection(str(path), refused.problems) from None


def _reader(path: Path, start: bytes, format_name: str | None) -> Reader:
    for reader in READERS:
        if reader.name == format_name or (format_name is None and reader.recognises(start)):
            return reader
    raise InputRejected(
        f"{path} is of an unknown format",
        code=ErrorCode.UNKNOWN_FORMAT,
        hint=f"Give one of {', '.join(FORMATS)}.",
    )
