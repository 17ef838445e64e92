"""The strict parse refuses what has no single meaning; the canonical form is that of RFC 8785."""

import json
import struct

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    Lexeme,
    canonical_bytes,
    has_real,
    pointer,
    sha256,
    strict_parse,
)
from helicarrier.errors import ContractError, ErrorCode

HOSTILE = {
    "nothing": (b"", "NOT_JSON"),
    "blank": (b" \n", "NOT_JSON"),
    "cut": (b'{"a":', "NOT_JSON"),
    "two documents": (b"{}{}", "NOT_JSON"),
    "single quotes": (b"{'a':1}", "NOT_JSON"),
    "trailing comma": (b"[1,]", "NOT_JSON"),
    "leading zero": (b"[01]", "NOT_JSON"),
    "leading plus": (b"[+1]", "NOT_JSON"),
    "bare control character": (b'["a\x01b"]', "NOT_JSON"),
    "bare NUL": (b'["a\x00b"]', "NOT_JSON"),
    "NaN": (b'{"a":NaN}', "NUMBER_CONSTANT"),
    "Infinity": (b"[Infinity]", "NUMBER_CONSTANT"),
    "minus Infinity": (b"[-Infinity]", "NUMBER_CONSTANT"),
    "real too large": (b"[1e400]", "NUMBER_RANGE"),
    "real too small": (b"[-1e400]", "NUMBER_RANGE"),
    "real beyond 2^53": (b"[9.1e15]", "NUMBER_RANGE"),
    "integer beyond 2^53": (b"[9007199254740993]", "NUMBER_RANGE"),
    "integer below -2^53": (b"[-9007199254740993]", "NUMBER_RANGE"),
    "5,000 digits": (b"[" + b"7" * 5_000 + b"]", "NUMBER_RANGE"),
    "minus 5,000 digits": (b"[-" + b"7" * 5_000 + b"]", "NUMBER_RANGE"),
    "duplicate key": (b'{"a":1,"a":1}', "DUPLICATE_KEY"),
    "duplicate key, nested": (b'{"a":[{"b":{"c":1,"d":2,"c":3}}]}', "DUPLICATE_KEY"),
    "duplicate key, spelled twice": (b'{"a":1,"\\u0061":2}', "DUPLICATE_KEY"),
    "high surrogate": (b'["\\ud800"]', "SURROGATE"),
    "low surrogate": (b'["x\\uDC00y"]', "SURROGATE"),
    "surrogates the wrong way round": (b'["\\udc00\\ud800"]', "SURROGATE"),
    "surrogate in a key": (b'{"a":{"\\uDfff":1}}', "SURROGATE"),
    "surrogate beside a pair": (b'["\\ud83d\\ude00\\ud83d"]', "SURROGATE"),
    "NUL": (b'["\\u0000"]', "NUL"),
    "NUL in a key": (b'{"a\\u0000":1}', "NUL"),
    "byte order mark": (b"\xef\xbb\xbf{}", "BYTE_ORDER_MARK"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "NOT_UTF8"),
    "UTF-16 without mark": ('{"a":1}'.encode("utf-16-le"), "NOT_JSON"),
    "UTF-32": ('{"a":1}'.encode("utf-32"), "NOT_UTF8"),
    "Latin-1": ('{"a":"é"}'.encode("latin-1"), "NOT_UTF8"),
    "overlong form": (b'["\xc0\xaf"]', "NOT_UTF8"),
    "surrogate as bytes": (b'["\xed\xa0\x80"]', "NOT_UTF8"),
    "beyond Unicode": (b'["\xf4\x90\x80\x80"]', "NOT_UTF8"),
    "cut character": (b'["\xe2\x82"]', "NOT_UTF8"),
    "100,000 lists deep": (b"[" * 100_000 + b"]" * 100_000, "TOO_DEEP"),
    "100,000 objects deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "TOO_DEEP"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_with_the_rule_it_broke(name: str) -> None:
    """Each body gives its own code, and the same answer on every repeat."""
    body, code = HOSTILE[name]
    answers = set()
    for _ in range(3):
        with pytest.raises(ContractError) as refused:
            strict_parse(body)
        error = refused.value
        answers.add((error.code, error.message, error.violations))
    ((error_code, _, (violation,)),) = answers
    assert (error_code, violation.code) == (ErrorCode.VALIDATION_ERROR, code)


@pytest.mark.parametrize("inner", ['"\U0001f642"', "1.5", "1"])
def test_depth_ends_at_the_same_level_for_every_content(inner: str) -> None:
    """A hundred levels are read and have a canonical form, one more is refused."""
    deepest = b"[" * MAX_DEPTH + inner.encode() + b"]" * MAX_DEPTH
    assert canonical_bytes(strict_parse(deepest).value) == deepest
    for depth in (MAX_DEPTH + 1, 960, 990, 5_000):
        with pytest.raises(ContractError) as refused:
            strict_parse(b"[" * depth + inner.encode() + b"]" * depth)
        assert refused.value.violations[0].code == "TOO_DEEP"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"9007199254740991", 2**53 - 1),
        (b"-1", -1),
        (b"-0", 0),
        (b"9007199254740991.0", 2.0**53 - 1),
        (b"1e-400", 0.0),
        (b"0.1", 0.1),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        ('"\U0001f600"'.encode(), "\U0001f600"),
        (b'"\\\\u0000 \\\\ud800"', "\\u0000 \\ud800"),
        (b'"\xc2\x80\xef\xbf\xbf"', "\x80\uffff"),
        (b' {"b" : [ true , null ] } ', {"b": [True, None]}),
    ],
    ids=str,
)
def test_what_has_one_meaning_is_accepted(body: bytes, value: object) -> None:
    """The bounds of the safe integers, astral text in both spellings, escaped backslashes."""
    parsed = strict_parse(body)
    assert parsed.value == value
    assert type(parsed.value) is type(value)


def test_the_parse_knows_what_needs_the_general_serializer() -> None:
    """Reals and astral characters are seen wherever they stand; others are not claimed."""
    plain = strict_parse('{"a":[1,"é￿"]}'.encode())
    real = strict_parse(b'{"a":[1.5]}')
    astral = strict_parse('{"\U0001f600":1}'.encode())
    escaped = strict_parse(b'{"a":"\\uD83D\\uDE00"}')
    assert [(p.any_real, p.any_astral) for p in (plain, real, astral, escaped)] == [
        (False, False),
        (True, False),
        (False, True),
        (False, True),
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refusal_never_echoes_the_body(name: str) -> None:
    """Nothing but fixed sentences is in the answer."""
    body, _ = HOSTILE[name]
    with pytest.raises(ContractError) as refused:
        strict_parse(b'["marker",' + body + b"]")
    shown = f"{refused.value} {refused.value.violations}"
    assert "marker" not in shown
    assert "777" not in shown


_ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_BMP = st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)
_SAFE = st.integers(-(2**53) + 1, 2**53 - 1)


def _values(
    characters: st.SearchStrategy[str], *numbers: st.SearchStrategy[float]
) -> st.SearchStrategy:
    text = st.text(characters, max_size=8)
    leaves = st.one_of(st.none(), st.booleans(), _SAFE, text, *numbers)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=12,
    )


@given(_values(_BMP))
def test_the_fast_form_equals_the_reference_without_reals_and_astral_text(value: object) -> None:
    """The fast serializer is byte for byte that of rfc8785 where it may be used."""
    assert canonical_bytes(value, plain=True) == rfc8785.dumps(value)


@given(
    _values(
        _ANY,
        st.floats(-(2.0**53) + 1, 2.0**53 - 1),
    )
)
def test_a_canonical_form_reads_back_to_the_same_value(value: object) -> None:
    """Nothing is lost, and the form of what was read is the form itself."""
    form = canonical_bytes(value)
    assert json.loads(form) == value
    assert canonical_bytes(strict_parse(form).value) == form


@given(_values(_ANY, st.floats(-1e15, 1e15)))
def test_the_parse_chooses_the_fast_form_only_where_it_is_right(value: object) -> None:
    """Whichever serializer the flags of the parse allow, the bytes are the reference's."""
    parsed = strict_parse(json.dumps(value).encode())
    plain = not (parsed.any_real or parsed.any_astral)
    assert canonical_bytes(parsed.value, plain=plain) == rfc8785.dumps(parsed.value)


@pytest.mark.parametrize("integer", [MAX_INTEGER, -MAX_INTEGER])
def test_every_number_that_is_accepted_has_a_canonical_form(integer: int) -> None:
    """No accepted document fails when its fingerprint is taken."""
    parsed = strict_parse(json.dumps([integer, 0.5]).encode())
    assert json.loads(canonical_bytes(parsed.value)) == [integer, 0.5]


def test_the_example_of_the_rfc_gives_its_bytes() -> None:
    """RFC 8785, section 3.2.2 to 3.2.4."""
    document = (
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        ' "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",'
        ' "literals": [null, true, false]}'
    )
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_bytes(json.loads(document)).decode() == expected


@pytest.mark.parametrize("plain", [False, True])
def test_keys_are_sorted_as_the_rfc_sorts_them(plain: bool) -> None:
    """RFC 8785, section 3.2.3: by UTF-16 units, so an astral key precedes the end of the BMP."""
    keys = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    if plain:
        keys.remove("\U0001f600")  # the fast form is not asked for it
    form = canonical_bytes(dict.fromkeys(reversed(keys), 0), plain=plain)
    assert list(json.loads(form)) == keys


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_the_rfc_writes_them(bits: str, text: str) -> None:
    """RFC 8785, appendix B."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number).decode() == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_without_a_json_form_has_no_canonical_one(number: float) -> None:
    """RFC 8785, section 3.2.2.3."""
    with pytest.raises(rfc8785.FloatDomainError):
        canonical_bytes(number)


@pytest.mark.parametrize(
    ("value", "found"),
    [(1, False), (1.0, True), ("1.0", False), ([{"a": [0.5]}], True), ({"a": {"b": 1}}, False)],
    ids=str,
)
def test_a_real_is_found_wherever_it_stands(value: object, found: bool) -> None:
    """In lists and objects of any depth; integers and texts are none."""
    assert has_real(value) is found


def test_numbers_can_be_kept_as_they_were_written() -> None:
    """The same strictness, but `1`, `1.0` and `1E0` stay apart, and large reals are taken."""
    kept = strict_parse(b'{"a":[1,1.0,1E0,-0,1E30,"1"]}', lexemes=True).value
    assert kept == {"a": ["1", "1.0", "1E0", "-0", "1E30", "1"]}
    assert [type(item) is Lexeme for item in kept["a"]] == [True] * 5 + [False]
    for body in (b"[9007199254740993]", b"[1e400]", b"[NaN]", b'{"a":1,"a":1}'):
        with pytest.raises(ContractError):
            strict_parse(body, lexemes=True)


def test_a_digest_covers_its_parts_in_order() -> None:
    """The digest of the parts is that of their concatenation."""
    whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(b"abc") == sha256(b"a", b"", b"bc") == whole
    assert sha256(b"cb", b"a") != whole


def test_a_pointer_escapes_what_it_is_made_of() -> None:
    """RFC 6901: tilde first, then slash; no path is the whole document."""
    assert pointer([]) == ""
    assert pointer(["a/b", 0, "m~n", ""]) == "/a~1b/0/m~0n/"
