"""Packs: pairs whose verdict is known, by which the analyzers are held to what they promise.

A pack that breaks its schema, names a case twice or has a hash that is not that of its content is
refused as a whole: a case that nobody ran must not look like one that passed. No model is asked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from helicarrier.canonical import sha256, strict_parse
from helicarrier.errors import ContractError, ErrorCode, InputRejected, Violation
from helicarrier.resolution.analyzers.registry import ANALYZERS
from helicarrier.resolution.detector import classify
from helicarrier.resolution.enums import MismatchType, Syntax, Verdict
from helicarrier.resolution.json_schema import PROJECT_FILES, violations_of
from helicarrier.resolution.model import Analysis, Artifact, artifact

GOLDENS = PROJECT_FILES / "goldens"
ADVERSARIAL = PROJECT_FILES / "adversarial"
_SCHEMA = PROJECT_FILES / "pack_v1.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A pair, the analyzer that is asked and what it has to say.

    `adversarial_type` names the trick by which a reader would be deceived; None for goldens.
    """

    test_id: str
    description: str
    mismatch_type: MismatchType
    golden: Artifact
    candidate: Artifact
    expected: Verdict
    assertions: tuple[str, ...]
    adversarial_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case; it passed where nothing failed."""

    case: Case
    analysis: Analysis
    failures: tuple[str, ...]

    @property
    def false_equivalent(self) -> bool:
        """The worst there is: called equivalent and known not to be."""
        said = self.analysis.verdict is Verdict.EQUIVALENT
        return said and self.case.expected is not Verdict.EQUIVALENT


class _Side(msgspec.Struct):
    content: str
    hash: str


class _Case(msgspec.Struct):
    test_id: str
    description: str
    mismatch_type: MismatchType
    syntax: Syntax
    expected_resolution: Verdict
    golden: _Side
    candidate: _Side
    test_assertions: list[str]
    adversarial_type: str | None


class _Pack(msgspec.Struct):
    cases: list[_Case]


def read_packs(folder: Path) -> list[Case]:
    """Every case of every pack below a folder, file by file.

    Raises:
        InputRejected: NOT_FOUND, there is no pack.
        ContractError: VALIDATION_ERROR, with a violation for each thing that is wrong.
    """
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise InputRejected(
            f"there are no packs in {folder}",
            code=ErrorCode.NOT_FOUND,
            hint="Name a folder with packs of cases.",
        )
    cases: list[Case] = []
    bad: list[Violation] = []
    for file in files:
        name = file.relative_to(folder).as_posix()
        found, wrong = _read(file, name)
        cases += found
        bad += wrong
    times = Counter(case.test_id for case in cases)
    bad += [
        Violation(pointer=test_id, code="NOT_UNIQUE", message="two cases have this test_id")
        for test_id, count in times.items()
        if count > 1
    ]
    if bad:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the packs cannot be read", bad)
    return cases


def _read(file: Path, name: str) -> tuple[list[Case], list[Violation]]:
    try:
        document = strict_parse(file.read_bytes()).value
    except ContractError as refused:
        return [], [_moved(violation, name) for violation in refused.violations]
    wrong = [_moved(violation, name) for violation in violations_of(document, _SCHEMA)]
    if wrong:
        return [], wrong
    pack = msgspec.convert(document, _Pack)
    bad = [
        Violation(
            pointer=f"{name}/cases/{number}/{side}/hash",
            code="HASH",
            message="the hash is not that of the content",
        )
        for number, case in enumerate(pack.cases)
        for side, found in (("golden", case.golden), ("candidate", case.candidate))
        if found.hash != f"sha256:{sha256(found.content.encode())}"
    ]
    return [_case(case) for case in pack.cases], bad


def _moved(violation: Violation, name: str) -> Violation:
    return Violation(
        pointer=name + violation.pointer, code=violation.code, message=violation.message
    )


def _case(case: _Case) -> Case:
    return Case(
        test_id=case.test_id,
        description=case.description,
        mismatch_type=case.mismatch_type,
        golden=artifact("golden", case.golden.content.encode(), case.syntax),
        candidate=artifact("candidate", case.candidate.content.encode(), case.syntax),
        expected=case.expected_resolution,
        assertions=tuple(case.test_assertions),
        adversarial_type=case.adversarial_type,
    )


def run(cases: Sequence[Case]) -> list[Outcome]:
    """The outcome of each case."""
    return [_outcome(case) for case in cases]


def _outcome(case: Case) -> Outcome:
    analysis = ANALYZERS[case.mismatch_type](case.golden, case.candidate)
    failures = []
    if analysis.verdict is not case.expected:
        failures.append(f"expected {case.expected}, got {analysis.verdict}")
    failures += [one for one in case.assertions if not _holds(one, case, analysis)]
    failures += _classified_otherwise(case)
    return Outcome(case=case, analysis=analysis, failures=tuple(failures))


def _holds(assertion: str, case: Case, analysis: Analysis) -> bool:
    name, _, value = assertion.partition("=")
    match name:
        case "proven":
            return analysis.proven is (value == "true")
        case "method":
            return analysis.method == value
        case "masked":
            return any(masked.kind == value for masked in analysis.masked)
        case "finding":
            return any(finding.code == value for finding in analysis.findings)
        case _:
            found = classify(case.golden, case.candidate)
            return found is not None and found.mismatch_type == value


def _classified_otherwise(case: Case) -> Iterator[str]:
    """The detector may name another type, but never prove what is known to differ."""
    found = classify(case.golden, case.candidate)
    if found is None:
        yield "both sides have the same bytes"
    elif case.expected is Verdict.NOT_EQUIVALENT and found.deciding.proven:
        yield f"classified as {found.mismatch_type} and proven"
