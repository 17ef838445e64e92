"""The one strict JSON parse and the one canonical form (RFC 8785) with its hash.

What the contract accepts has exactly one meaning: duplicate keys, NaN, Infinity, lone surrogates,
NUL, a byte order mark, anything but UTF-8 and numbers that a double cannot hold are refused.
Refusals are deterministic and never echo the input.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import msgspec
import rfc8785

from helicarrier.errors import ContractError, ErrorCode, Violation

JSONValue = None | bool | int | float | str | list["JSONValue"] | dict[str, "JSONValue"]

MAX_INTEGER = 2**53 - 1
"""Beyond it a double no longer holds every integer, and readers disagree (RFC 7493)."""

MAX_DEPTH = 100
"""Lists and objects in each other; what is deeper is refused alike on every Python."""

_BOM = b"\xef\xbb\xbf"
_ASTRAL = re.compile(rb"[\xf0-\xf4]")  # first byte of a character beyond the BMP
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = b"\\u"
_NUL = b"\\u0000"


class Lexeme(str):
    """A number as it was written: what a parse gives that keeps `1`, `1.0` and `1e0` apart."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A parsed document, and what in it needs the slow, general serializer of RFC 8785."""

    value: JSONValue
    any_real: bool
    """It has a number that is not an integer: RFC 8785 has rules of its own for these."""
    any_astral: bool
    """It has characters beyond the BMP, where UTF-16 order differs from code point order."""


class _Refused(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def strict_parse(body: bytes, *, lexemes: bool = False) -> Parsed:
    """Parse one JSON document.

    With `lexemes` each number is a `Lexeme`. Reals up to the largest double are taken then, since
    their text is kept; integers beyond 2^53 - 1 are refused all the same.

    Raises:
        ContractError: VALIDATION_ERROR with one violation that says which rule was broken.
    """
    try:
        return _parse(body, _Lexemes() if lexemes else _Numbers())
    except _Refused as refused:
        violation = Violation(pointer="", code=refused.code, message=str(refused))
        raise ContractError(
            ErrorCode.VALIDATION_ERROR, "the body is not acceptable JSON", [violation]
        ) from None


def _parse(body: bytes, numbers: "_Numbers") -> Parsed:
    if body.startswith(_BOM):
        raise _Refused("BYTE_ORDER_MARK", "a byte order mark is not allowed")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _Refused("NOT_UTF8", "the body is not UTF-8") from None
    try:
        value: JSONValue = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=numbers.integer,
            parse_float=numbers.real,
            parse_constant=numbers.constant,
        )
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError:
        raise _Refused("NOT_JSON", "the body is not one JSON document") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    astral = _may_be_astral(body)
    if astral or _NUL in body:
        _check_texts(value)
    return Parsed(value=value, any_real=numbers.any_real, any_astral=astral)


def _may_be_astral(body: bytes) -> bool:
    """Cheap tests first: most bodies are ASCII without escapes."""
    if not body.isascii() and _ASTRAL.search(body) is not None:
        return True
    return _ESCAPE in body and _SURROGATE.search(body) is not None


def _object(pairs: list[tuple[str, JSONValue]]) -> JSONValue:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("DUPLICATE_KEY", "an object has a key twice")
    return found


class _Numbers:
    """The number hooks of one parse; remembers whether there was any non-integer."""

    _LONGEST = len(str(MAX_INTEGER)) + 1

    def __init__(self) -> None:
        self.any_real = False

    def integer(self, text: str) -> JSONValue:
        if len(text) > self._LONGEST or abs(value := int(text)) > MAX_INTEGER:
            raise _Refused("NUMBER_RANGE", "an integer lies beyond 2^53 - 1")
        return value

    def real(self, text: str) -> JSONValue:
        self.any_real = True
        value = float(text)
        if not isfinite(value) or abs(value) > MAX_INTEGER:
            raise _Refused("NUMBER_RANGE", "a number lies beyond 2^53 - 1")
        return value

    def constant(self, text: str) -> JSONValue:
        raise _Refused("NUMBER_CONSTANT", "NaN and Infinity are not JSON")


class _Lexemes(_Numbers):
    """The hooks that keep what was written."""

    def integer(self, text: str) -> JSONValue:
        super().integer(text)
        return Lexeme(text)

    def real(self, text: str) -> JSONValue:
        self.any_real = True
        if not isfinite(float(text)):
            raise _Refused("NUMBER_RANGE", "a number is beyond the largest double")
        return Lexeme(text)


def _too_deep() -> _Refused:
    return _Refused("TOO_DEEP", "the body is nested too deeply")


def _check_depth(value: JSONValue) -> None:
    """Level by level: the parser goes deeper than Python's own stack may."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return
    raise _too_deep()


def _members(value: JSONValue) -> Iterable[JSONValue]:
    match value:
        case list():
            return value
        case dict():
            return value.values()
        case _:
            return ()


def _check_texts(value: JSONValue) -> None:
    match value:
        case str():
            if "\x00" in value:
                raise _Refused("NUL", "a text contains NUL")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise _Refused("SURROGATE", "a text contains a lone surrogate")
        case list():
            for item in value:
                _check_texts(item)
        case dict():
            for key, item in value.items():
                _check_texts(key)
                _check_texts(item)
        case _:
            pass


def canonical_bytes(value: JSONValue, *, plain: bool = False) -> bytes:
    """The RFC 8785 form; `plain` allows `plain_bytes`."""
    return plain_bytes(value) if plain else rfc8785.dumps(value)


def plain_bytes(value: object) -> bytes:
    """The RFC 8785 form by a serializer thirty times as fast, which also takes structs.

    It gives the same bytes where there are neither reals nor characters beyond the BMP.
    """
    return msgspec.json.encode(value, order="sorted")


def has_real(value: JSONValue) -> bool:
    """Whether a float stands anywhere in the value."""
    match value:
        case float():
            return True
        case list():
            return any(map(has_real, value))
        case dict():
            return any(map(has_real, value.values()))
        case _:
            return False


def sha256(*parts: bytes) -> str:
    """Hex digest of the parts, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
