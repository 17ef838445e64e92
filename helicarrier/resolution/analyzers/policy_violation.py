"""Secrets and personal data that the candidate has and the golden has not.

Analysis only: a violation is never resolved, it is reviewed. That nothing was found says nothing of
equivalence, so it is undecidable. Findings name kind and line and never repeat what was found.
"""

from collections import Counter

from helicarrier.resolution.analyzers.base import MEGABYTE, Question, text_of
from helicarrier.resolution.analyzers.sensitive import Hit, hits
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax
from helicarrier.resolution.model import Analysis, Artifact, Finding

MOST_BYTES = 4 * MEGABYTE
_QUESTION = Question(mismatch_type=MismatchType.POLICY_VIOLATION, method=EquivalenceMethod.EXACT)


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Not equivalent where the candidate has something sensitive that is new, else undecidable."""
    return _QUESTION.decide(golden, candidate, _read, _analysis)


def sensitive_findings(one: Artifact) -> tuple[Finding, ...]:
    """What is sensitive in one artefact; nothing where it cannot be read as text."""
    text = one.content[:MOST_BYTES].decode(errors="replace")
    return tuple(sorted({_finding(hit) for hit in hits(text)}))


def _read(one: Artifact) -> tuple[Hit, ...]:
    return tuple(hits(text_of(one, set(Syntax), MOST_BYTES)))


def _analysis(golden: tuple[Hit, ...], candidate: tuple[Hit, ...]) -> Analysis:
    known = Counter((hit.kind, hit.digest) for hit in golden)
    new = [hit for hit in candidate if (hit.kind, hit.digest) not in known]
    if new:
        return _QUESTION.not_equivalent(*map(_finding, new))
    message = "nothing sensitive is new, which says nothing of equivalence"
    return _QUESTION.undecidable(Finding(code="NOTHING_NEW", where="", message=message))


def _finding(hit: Hit) -> Finding:
    name = hit.kind.replace("_", " ")
    return Finding(code="SENSITIVE", where=f"{hit.line:06d}", message=f"looks like: {name}")
