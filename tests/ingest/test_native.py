"""Native envelopes in files: the contract of the service, one bad envelope is one bad line."""

import json
from pathlib import Path

import pytest

from helicarrier.ingest.readers.registry import sniff
from tests.ingest import logs, reading

NATIVE = "native"


def test_each_line_is_an_envelope_of_its_own() -> None:
    """Versions may be mixed; the position is kept for quarantine and provenance."""
    batch, outcomes = reading.read(
        NATIVE, logs.v1(logs.run("a", promptTokens=5)), logs.v2(logs.run("b"), calls=[logs.call()])
    )
    assert outcomes == [True, True]
    assert [(e.session.session_id, e.line) for e in batch.envelopes] == [("a", 1), ("b", 2)]
    assert [len(e.calls) for e in batch.envelopes] == [1, 1]
    assert json.loads(batch.envelopes[1].raw)["envelope_version"] == "v2"


def test_a_refused_envelope_is_a_bad_line_with_the_code_of_the_contract() -> None:
    """The first violation says where; the others around it are taken."""
    broken = logs.v1(logs.run("b") | {"state": "marker"})
    batch, outcomes = reading.read(NATIVE, logs.v1(logs.run("a")), broken, logs.v1(logs.run("c")))
    assert outcomes == [True, "VALIDATION_ERROR", True]
    assert [e.session.session_id for e in batch.envelopes] == ["a", "c"]


def test_an_unsupported_version_has_a_code_of_its_own() -> None:
    """A file of a newer producer says so."""
    assert reading.read(NATIVE, logs.v1(envelope_version="v9"))[1] == [
        "UNSUPPORTED_CONTRACT_VERSION"
    ]


def test_a_drained_parser_starts_anew() -> None:
    """An envelope is handed over once."""
    parser = reading.reader(NATIVE).parser(reading.URI)
    reading.feed(parser, 1, logs.v1())
    assert len(parser.drain().envelopes) == 1
    assert parser.drain().envelopes == []


@pytest.mark.parametrize(
    ("name", "whole"), [("a.json", True), ("a.jsonl", False), ("a.ndjson", False)]
)
def test_the_name_says_whether_a_file_is_one_document(name: str, whole: bool) -> None:
    """A document may be spread over many lines."""
    pretty = json.dumps(logs.v1(), indent=2).encode()
    found = sniff(Path(name), logs.line(logs.v1()) if not whole else pretty)
    assert (found and found.name, found and found.whole_document) == (NATIVE, whole)


def test_a_document_is_one_record() -> None:
    """As it lies in the file."""
    document = json.dumps(logs.v1(), indent=2).encode()
    assert list(reading.reader(NATIVE, whole_document=True).records(document)) == [document]
