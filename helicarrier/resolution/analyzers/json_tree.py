"""JSON of which each number is kept as written, its canonical bytes, and what differs in two of it.

The project's strict parse reads it; RFC 8785 gives the canonical bytes. Two trees with equal
canonical bytes may still write a number in two ways, and only the lexemes tell.
"""

from collections.abc import Iterator

from helicarrier.canonical import (
    JSONValue,
    Lexeme,
    Parsed,
    canonical_bytes,
    pointer,
    strict_parse,
)
from helicarrier.errors import ContractError
from helicarrier.resolution.analyzers.base import MEGABYTE, Unreadable, check
from helicarrier.resolution.enums import Syntax
from helicarrier.resolution.model import Artifact, Finding

MOST_BYTES = 8 * MEGABYTE
_REAL = frozenset(".eE")


def read(one: Artifact) -> Parsed:
    """An artefact parsed, numbers as lexemes.

    Raises:
        Unreadable: with the rule of the strict parse that was broken.
    """
    check(one, {Syntax.JSON}, MOST_BYTES)
    try:
        return strict_parse(one.content, lexemes=True)
    except ContractError as refused:
        violation = refused.violations[0]
        raise Unreadable(violation.code, violation.message) from None


def canonical(parsed: Parsed) -> bytes:
    """The RFC 8785 bytes of what was read, by the fast serializer where it gives the same."""
    plain = not (parsed.any_real or parsed.any_astral)
    return canonical_bytes(_numbers(parsed.value), plain=plain)


def _numbers(tree: JSONValue) -> JSONValue:
    match tree:
        case Lexeme():
            return int(tree) if is_integer(tree) else float(tree)
        case list():
            return [_numbers(item) for item in tree]
        case dict():
            return {key: _numbers(item) for key, item in tree.items()}
        case _:
            return tree


def is_integer(lexeme: str) -> bool:
    """Written without fraction and exponent."""
    return _REAL.isdisjoint(lexeme)


def differences(
    golden: JSONValue, candidate: JSONValue, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, str, JSONValue, JSONValue]]:
    """(pointer, code, golden, candidate) of each place where two trees differ.

    Codes: NUMBER (two numbers written differently), TEXT (two texts), TYPE, VALUE, LENGTH, ADDED,
    REMOVED. Values of ADDED and REMOVED are None on the side that has none.
    """
    match golden, candidate:
        case dict(), dict():
            for key in sorted(golden.keys() | candidate.keys()):
                here = (*path, key)
                if key not in candidate:
                    yield pointer(here), "REMOVED", golden[key], None
                elif key not in golden:
                    yield pointer(here), "ADDED", None, candidate[key]
                else:
                    yield from differences(golden[key], candidate[key], here)
        case list(), list():
            if len(golden) != len(candidate):
                yield pointer(path), "LENGTH", golden, candidate
                return
            for n, (one, other) in enumerate(zip(golden, candidate, strict=True)):
                yield from differences(one, other, (*path, n))
        case _:
            code = _leaf(golden, candidate)
            if code:
                yield pointer(path), code, golden, candidate


def _leaf(golden: JSONValue, candidate: JSONValue) -> str:
    if type(golden) is not type(candidate):
        return "TYPE"
    if golden == candidate:
        return ""
    match golden:
        case Lexeme():
            return "NUMBER"
        case str():
            return "TEXT"
        case _:
            return "VALUE"


SAID = {
    "NUMBER": "the number is another one or written otherwise",
    "TEXT": "the text is another one",
    "TYPE": "the type is another one",
    "VALUE": "the value is another one",
    "LENGTH": "the list has another length",
    "ADDED": "only the candidate has it",
    "REMOVED": "only the golden has it",
}


def findings(golden: JSONValue, candidate: JSONValue) -> Iterator[Finding]:
    """A finding for each difference; values are not repeated."""
    for where, code, _, _ in differences(golden, candidate):
        yield Finding(code=code, where=where or "/", message=SAID[code])
