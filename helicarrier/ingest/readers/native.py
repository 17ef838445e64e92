"""Native envelopes in files: one JSON document, or JSON Lines with one envelope a line.

The contract is that of the HTTP service (`helicarrier.ingest.envelope`); a refused envelope is a
bad line with the contract's code.
"""

from collections.abc import Iterator

import msgspec

from helicarrier.errors import ContractError
from helicarrier.ingest.readers.base import UNREADABLE, BadLine, Head, Parser
from helicarrier.ledger.model import Batch, Envelope, Winner

NAME = "native"
_MARK = b'"envelope_version"'


class _Versioned(msgspec.Struct):
    envelope_version: msgspec.Raw


_versioned = msgspec.json.Decoder(_Versioned)


class NativeReader:
    """The reader of native envelopes."""

    name = NAME

    def __init__(self, *, whole_document: bool) -> None:
        """Args: whole_document, for a file with one envelope; else one envelope a line."""
        self.whole_document = whole_document

    def recognises(self, head: Head) -> bool:
        """The envelope's version stands in the beginning of the file.

        A session log may hold an envelope as the input of a tool: where there are lines, one of
        them is an envelope itself.
        """
        lines = head.path.suffix in {".jsonl", ".ndjson"}
        if _MARK not in head.start or lines is self.whole_document:
            return False
        records = head.start.splitlines()
        return self.whole_document or len(records) == 1 or any(map(_is_envelope, records))

    def records(self, document: bytes) -> Iterator[bytes]:
        """A document is one envelope."""
        yield document

    def parser(self, uri: str, state: bytes | None = None) -> Parser:
        """A parser of one file; it has no state."""
        return EnvelopeParser(uri)


def _is_envelope(line: bytes) -> bool:
    try:
        _versioned.decode(line)
    except UNREADABLE:
        return False
    return True


class EnvelopeParser:
    """Takes one envelope a line."""

    def __init__(self, uri: str) -> None:
        """Args: uri of the file."""
        # The contract's models cost a third of a second to import: not for a folder of logs.
        from helicarrier.ingest.envelope import accept

        self._accept = accept
        self._uri = uri
        self._envelopes: list[Envelope] = []

    def feed(self, number: int, line: bytes) -> bool:
        """Validate one envelope; always of interest."""
        try:
            self._envelopes.append(self._accept(line, uri=self._uri, line=number))
        except ContractError as error:
            first = error.violations[0] if error.violations else None
            reason = f": {first.message} at '{first.pointer}'" if first else ""
            raise BadLine(error.code, error.message + reason) from None
        return True

    def drain(self) -> Batch:
        """The envelopes since the last call."""
        batch = Batch(source_uri=self._uri, winner=Winner.MOST_TOKENS, envelopes=self._envelopes)
        self._envelopes = []
        return batch

    def state(self) -> bytes:
        """Nothing to remember."""
        return b"{}"
