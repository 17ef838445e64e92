"""Two versions of Python under the same tests: what passes is alike as far as the tests look.

The tests are a script that imports the version under test as `artifact`. They have to pass with the
golden first, or they say nothing. Passing is no proof: it carries a method that never is one.
"""

from dataclasses import replace

from helicarrier.resolution.analyzers import semantics_code
from helicarrier.resolution.enums import EquivalenceMethod, Syntax, Verdict
from helicarrier.resolution.model import Analysis, Artifact, Finding
from helicarrier.resolution.sandbox import Ended, Executed, Limits, execute


def by_tests(
    golden: Artifact, candidate: Artifact, tests: str, limits: Limits | None = None
) -> Analysis:
    """As `semantics_code.analyze`; where the trees differ, what the tests say of both sides.

    Args: golden, candidate; tests, the source of a script; limits of each run.
    """
    by_tree = semantics_code.analyze(golden, candidate)
    if by_tree.verdict is Verdict.EQUIVALENT:
        return by_tree
    if golden.syntax is not Syntax.PYTHON or candidate.syntax is not Syntax.PYTHON:
        return by_tree
    before = _run(golden, tests, limits)
    if before.ended is not Ended.FINISHED:
        return _said(by_tree, Verdict.UNDECIDABLE, "GOLDEN", before)
    after = _run(candidate, tests, limits)
    verdict = {
        Ended.FINISHED: Verdict.EQUIVALENT,
        Ended.FAILED: Verdict.NOT_EQUIVALENT,
        Ended.TIMED_OUT: Verdict.UNDECIDABLE,
    }[after.ended]
    return _said(by_tree, verdict, "CANDIDATE", after)


def _run(one: Artifact, tests: str, limits: Limits | None) -> Executed:
    source = one.content.decode(errors="replace")
    return execute({"main.py": tests, "artifact.py": source}, limits)


def _said(by_tree: Analysis, verdict: Verdict, side: str, run: Executed) -> Analysis:
    words = run.ended.value.replace("_", " ")
    findings = [*by_tree.findings]
    findings.append(Finding(code=f"TESTS_{side}", where=side.lower(), message=f"the tests {words}"))
    if not run.walled:
        message = "this system allows no wall: the tests had the network of the user"
        findings.append(Finding(code="NETWORK_OPEN", where="", message=message))
    return replace(
        by_tree,
        verdict=verdict,
        method=EquivalenceMethod.TEST_EXECUTION,
        proof=None,
        masked=(),
        findings=tuple(findings),
    )
