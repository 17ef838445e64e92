"""Which reader reads a file: the first that recognises its beginning.

Adding a format is one module and one line here.
"""

from functools import cache
from pathlib import Path

from helicarrier.ingest.readers.base import Head, Reader

SHORT_HEAD_BYTES = 32 * 1024  # enough for nearly every file
HEAD_BYTES = 1024 * 1024  # a log may begin with a long line that says nothing of its format


@cache
def readers() -> tuple[Reader, ...]:
    """All readers, in the order in which they are asked; imported when first needed."""
    from helicarrier.ingest.readers.claude_code import ClaudeCodeReader
    from helicarrier.ingest.readers.codex import CodexReader
    from helicarrier.ingest.readers.legacy_v3 import LegacyV3Reader
    from helicarrier.ingest.readers.native import NativeReader

    return (
        NativeReader(whole_document=False),
        NativeReader(whole_document=True),
        CodexReader(),
        ClaudeCodeReader(),
        LegacyV3Reader(),
    )


def sniff(path: Path, start: bytes) -> Reader | None:
    """The reader that recognises a file by its name and its first bytes; None when none does."""
    head = Head(path=path, start=start)
    return next((reader for reader in readers() if reader.recognises(head)), None)
