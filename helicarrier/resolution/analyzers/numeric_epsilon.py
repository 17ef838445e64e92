"""JSON that differs in numbers alone, each within 1e-10 relative of the other.

A tolerance is no proof: it is not transitive, so the hashes are those of both structures without
their reals. Numbers are compared as exact decimals of what was written. An integer that became
another integer is another count or key, however large it is, and never a matter of rounding.
"""

from decimal import Context, Decimal

from helicarrier.canonical import JSONValue, Lexeme, Parsed, plain_bytes
from helicarrier.resolution.analyzers import json_tree
from helicarrier.resolution.analyzers.base import Question, capped
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Verdict
from helicarrier.resolution.model import Analysis, Artifact, Finding

EPSILON = Decimal("1e-10")
_LONGEST = 400
"""Digits of a number that are still compared; a double never needs more than 17."""
_EXACT = Context(prec=2 * _LONGEST + 1_100)
_QUESTION = Question(
    mismatch_type=MismatchType.NUMERIC_EPSILON, method=EquivalenceMethod.NUMERIC_EPSILON
)


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent where all but numbers is equal and every number is close enough."""
    return _QUESTION.decide(golden, candidate, json_tree.read, _analysis)


def _analysis(before: Parsed, after: Parsed) -> Analysis:
    golden, candidate = before.value, after.value
    near: list[Finding] = []
    apart: list[Finding] = []
    unknown: list[Finding] = []
    for where, code, one, other in json_tree.differences(golden, candidate):
        at = where or "/"
        if code != "NUMBER":
            apart.append(Finding(code=code, where=at, message=json_tree.SAID[code]))
        elif max(len(str(one)), len(str(other))) > _LONGEST:
            message = f"the number has more than {_LONGEST} digits"
            unknown.append(Finding(code="NUMBER_TOO_LONG", where=at, message=message))
        else:
            finding = _judged(str(one), str(other), at)
            (near if finding.code != "NUMBER" else apart).append(finding)
    if apart or unknown:
        verdict = Verdict.NOT_EQUIVALENT if apart else Verdict.UNDECIDABLE
    else:
        verdict = Verdict.EQUIVALENT
    return Analysis(
        mismatch_type=_QUESTION.mismatch_type,
        verdict=verdict,
        method=_QUESTION.method,
        proof=_QUESTION.proof(_without_reals(golden, candidate), _without_reals(candidate, golden)),
        findings=capped(apart or unknown or near),
    )


def _judged(golden: str, candidate: str, where: str) -> Finding:
    one, other = Decimal(golden), Decimal(candidate)
    if one == other:
        return Finding(code="NUMBER_FORM", where=where, message="the same number, other digits")
    if json_tree.is_integer(golden) and json_tree.is_integer(candidate):
        return Finding(code="NUMBER", where=where, message="the integer is another one")
    away = _EXACT.abs(_EXACT.subtract(one, other))
    bound = _EXACT.multiply(EPSILON, max(abs(one), abs(other)))
    if away <= bound:
        return Finding(code="WITHIN_EPSILON", where=where, message="within 1e-10 relative")
    return Finding(code="NUMBER", where=where, message="further apart than 1e-10 relative")


def _without_reals(tree: JSONValue, beside: JSONValue) -> bytes:
    """The form of a tree with every number gone that may differ."""
    return plain_bytes(_masked(tree, beside))


def _masked(tree: JSONValue, beside: JSONValue) -> JSONValue:
    match tree:
        case Lexeme():
            both_integer = (
                isinstance(beside, Lexeme)
                and json_tree.is_integer(tree)
                and json_tree.is_integer(beside)
            )
            return {"integer": str(tree)} if both_integer else {"number": None}
        case list():
            others = beside if isinstance(beside, list) and len(beside) == len(tree) else tree
            return [_masked(item, other) for item, other in zip(tree, others, strict=True)]
        case dict():
            others_by_key = beside if isinstance(beside, dict) else {}
            return {key: _masked(item, others_by_key.get(key)) for key, item in tree.items()}
        case _:
            return tree
