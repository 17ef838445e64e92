"""Key order, blanks and escapes of JSON: equal RFC 8785 bytes and equal numbers as written.

Equal canonical bytes with numbers that are written in two ways (`1` and `1.0`, `0.1` and
`0.10000000000000000555`) are the same doubles, but not to a reader that tells integers from reals
or keeps decimals. That is the question of `numeric_epsilon`, so here it stays undecidable.
"""

from helicarrier.canonical import Parsed
from helicarrier.resolution.analyzers import json_tree
from helicarrier.resolution.analyzers.base import Question
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Verdict
from helicarrier.resolution.model import Analysis, Artifact, Finding

_QUESTION = Question(
    mismatch_type=MismatchType.JSON_ORDERING, method=EquivalenceMethod.CANONICAL_JSON
)


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent where only order, blanks and escapes differ."""
    return _QUESTION.decide(golden, candidate, json_tree.read, _analysis)


def _analysis(golden: Parsed, candidate: Parsed) -> Analysis:
    found = list(json_tree.findings(golden.value, candidate.value))
    answer = _QUESTION.compared(
        json_tree.canonical(golden), json_tree.canonical(candidate), findings=found
    )
    if answer.verdict is not Verdict.EQUIVALENT or not found:
        return answer
    message = "the same double, written otherwise"
    return _QUESTION.undecidable(
        *(Finding(code="NUMBER_FORM", where=other.where, message=message) for other in found)
    )
