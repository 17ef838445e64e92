"""The quick way through the contract and the models: one decides as the other does."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helicarrier.errors import ContractError
from helicarrier.ingest import envelope as contract
from helicarrier.ingest import envelope_quick
from helicarrier.ledger.model import Envelope
from tests.ingest import logs
from tests.ingest.test_envelope import FULL

_TEXTS = st.sampled_from(
    [
        "",
        "x",
        ":",
        "é",
        "☃",
        "\U0001f600",
        "\x00",
        "\ud800",
        "a" * 257,
        "log:a",
        "1e-9",
        "-1",
        "NaN",
    ]
)
_TIMES = st.sampled_from(
    ["2026-10-01T00:00:00Z", "2026-10-01T02:00:00.5+02:00", "2026-10-01", "1969-12-31T23:59:59Z"]
)
_NUMBERS = st.sampled_from([0, -0.0, 1, -1, 0.5, 1e-12, 1.0, 2**53 - 1, 2**53, 1e300, 10**12])
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS | _TIMES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where something stands in a document."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(found for key, item in inner for found in _paths(item, (*path, key)))]


def _changed(value: object, path: tuple[str | int, ...], new: object) -> object:
    """A copy of a document with another value at a path."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict):
        return value | {key: _changed(value.get(str(key)), tuple(rest), new)}
    if isinstance(value, list):
        return [_changed(v, tuple(rest), new) if n == key else v for n, v in enumerate(value)]
    return value


def _by_models(body: bytes) -> Envelope | None:
    """What the models alone make of a body."""
    try:
        said = contract._read(body)
    except ContractError:
        return None
    return contract._canonical(said, "uri", 1, body)


def _by_the_quick_way(body: bytes) -> Envelope | None:
    """What the quick way alone makes of a body."""
    said = envelope_quick.read(body)
    return None if said is None else contract._canonical(said, "uri", 1, body)


@given(
    st.lists(st.tuples(st.sampled_from(_paths(FULL)), _VALUES), max_size=2),
    st.booleans(),
    st.sampled_from([None, 1]),
)
@example([], False, None)
def test_what_the_quick_way_accepts_the_models_accept_as_the_same_session(
    changes: list[tuple[tuple[str | int, ...], object]], ascii_only: bool, indent: int | None
) -> None:
    """With values of every kind at every place, however the JSON is written."""
    document: object = FULL
    for path, value in changes:
        document = _changed(document, path, value)
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    body = text.encode(errors="surrogatepass")
    quick = _by_the_quick_way(body)
    assert quick is None or quick == _by_models(body)


@given(st.integers(0, 5_000), st.binary(max_size=3), st.integers(0, 3))
def test_what_the_quick_way_accepts_of_spoiled_bytes_the_models_accept(
    place: int, new: bytes, dropped: int
) -> None:
    """With bytes put in or taken out anywhere."""
    body = json.dumps(FULL).encode()
    place %= len(body)
    spoiled = body[:place] + new + body[place + dropped :]
    quick = _by_the_quick_way(spoiled)
    assert quick is None or quick == _by_models(spoiled)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(FULL).encode(),
        json.dumps(FULL, indent=2, ensure_ascii=False).encode(),
        json.dumps(logs.v1()).encode(),
        json.dumps(logs.v2(logs.run(title=None, task="é: ü"), calls=[logs.call()])).encode(),
        json.dumps(logs.v2(timeline=[logs.happened(payload={"ms": 0.5})])).encode(),
    ],
    ids=["full", "spaced", "v1", "nulls", "reals"],
)
def test_ordinary_envelopes_go_the_quick_way(body: bytes) -> None:
    """Whatever they leave out and however they are spaced; and come out as by the models."""
    quick = _by_the_quick_way(body)
    assert quick is not None
    assert quick == _by_models(body)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"title":', b'"title": "x", "title":'),
        (b'"payload": {"a"', b'"payload": {"a": {"b": 1}, "a"'),
        (b'"Title"', b'"\\ud83d\\ude00"'),
        (b'"Title"', b'"\\u003a"'),
        (b'"Title"', b'"\\u0000"'),
        (b'"Title"', b'"\xf0\x9f\x98\x80"'),
        (b'"Title"', b'"\xed\xa0\x80"'),
        (b'"Title"', b"9007199254740993"),
        (b"[1, 0.5, null]", b"9007199254740993"),
        (b"[1, 0.5, null]", b"[" * 60 + b"]" * 60),
    ],
    ids=str,
)
def test_what_is_rare_is_left_to_the_models(old: bytes, new: bytes) -> None:
    """Keys that stand there twice, odd characters, large numbers, deep values."""
    body = json.dumps(FULL).encode()
    assert old in body
    assert envelope_quick.read(body.replace(old, new, 1)) is None
