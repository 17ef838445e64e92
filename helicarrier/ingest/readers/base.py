"""What a reader is: it recognises a file, and its parser turns lines into canonical sessions.

A parser is fed line by line, hands over what it has gathered at any time (`drain`), and can be
put to sleep and woken at a line boundary (`state`): that is how a growing file costs only its new
lines. A line that cannot be read raises `BadLine`; the parser's state is then unchanged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Protocol, runtime_checkable

import msgspec

from helicarrier.ingest.limits import MAX_TOKENS
from helicarrier.ledger.model import Batch

TokenCount = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a line can raise; `unreadable` tells it in the words of `BadLine`."""

_text = msgspec.json.Decoder(str | None)


class BadLine(Exception):
    """A line that cannot be read: a stable code and a sentence that does not echo the input."""

    def __init__(self, code: str, message: str) -> None:
        """Args: code of the reason, the reason in a sentence."""
        super().__init__(message)
        self.code = code
        self.message = message


def unreadable(error: Exception) -> BadLine:
    """Why a line could not be decoded."""
    match error:
        case msgspec.ValidationError():
            return BadLine("LAYOUT_UNKNOWN", f"a field is not as the format has it: {error}")
        case UnicodeDecodeError():
            return BadLine("NOT_UTF8", "the line is not UTF-8")
        case RecursionError():
            return BadLine("TOO_DEEP", "the line is nested too deeply")
        case _:
            return BadLine("JSON_INVALID", "the line is not JSON")


_NUL = b"\\u0000"


def has_nul(line: bytes) -> bool:
    """Whether an escaped NUL stands in a line: databases take none in a text."""
    return _NUL in line


def without_nul(line: bytes) -> bytes:
    """A line whose escaped NULs are replacement characters."""
    return line.replace(_NUL, b"\\ufffd")


class Parser(Protocol):
    """Reads the lines of one file in order."""

    def feed(self, number: int, line: bytes) -> bool:
        """Take line `number` (from 1); True when it carried anything for the ledger.

        Raises:
            BadLine: the line is not what the format promises.
        """
        ...

    def drain(self) -> Batch:
        """Hand over all that was gathered since the last call."""
        ...

    def state(self) -> bytes:
        """What a new parser needs to go on behind the last line that was fed, as JSON."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a file, for recognising its format."""

    path: PurePath
    start: bytes


class Reader(Protocol):
    """One format."""

    @property
    def name(self) -> str:
        """Name of the format, stored as `source`."""
        ...

    @property
    def whole_document(self) -> bool:
        """True where a file is one JSON document instead of JSON Lines."""
        ...

    def recognises(self, head: Head) -> bool:
        """Whether a file with this beginning is of the format."""
        ...

    def parser(self, uri: str, state: bytes | None = None) -> Parser:
        """A parser of one file; `state` wakes one that was put to sleep."""
        ...


@runtime_checkable
class DocumentReader(Reader, Protocol):
    """A format that may be one JSON document."""

    def records(self, document: bytes) -> Iterator[bytes]:
        """The records of a whole document.

        Raises:
            BadLine: the document is not what the format promises.
        """
        ...


def text_of(raw: msgspec.Raw) -> str:
    """A text that was left undecoded; empty where there is none.

    Raises:
        BadLine: it is no text.
    """
    if not raw:
        return ""
    try:
        return _text.decode(raw) or ""
    except UNREADABLE as error:
        raise unreadable(error) from None
