"""Feeding lines to a parser as the importer does, and what came of each."""

from helicarrier.ingest.readers.base import BadLine, Parser, Reader
from helicarrier.ingest.readers.registry import readers
from helicarrier.ledger.model import Batch, Call, Session
from tests.ingest import logs

URI = "/logs/log.jsonl"


def reader(name: str, *, whole_document: bool = False) -> Reader:
    """The reader of a format."""
    (found,) = (
        candidate
        for candidate in readers()
        if candidate.name == name and candidate.whole_document is whole_document
    )
    return found


def feed(parser: Parser, number: int, record: object) -> bool | str:
    """Whether a line carried anything; the code of a line that is bad."""
    raw = record if isinstance(record, bytes) else logs.line(record)
    try:
        return parser.feed(number, raw)
    except BadLine as bad:
        return bad.code


def read(name: str, *records: object) -> tuple[Batch, list[bool | str]]:
    """All lines of one file, and what came of each."""
    parser = reader(name).parser(URI)
    outcomes = [feed(parser, number, record) for number, record in enumerate(records, 1)]
    return parser.drain(), outcomes


def calls(name: str, *records: object) -> list[Call]:
    """The calls of a file of good lines."""
    batch, outcomes = read(name, *records)
    assert not [outcome for outcome in outcomes if isinstance(outcome, str)]
    return batch.calls


def call(name: str, *records: object) -> Call:
    """The one call of a file of good lines."""
    (found,) = calls(name, *records)
    return found


def session(name: str, *records: object) -> Session:
    """The one session of a file."""
    batch, _ = read(name, *records)
    (found,) = batch.sessions
    return found
