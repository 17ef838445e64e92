"""A run over many pairs: each is classified, counted, and described for a report.

No model is asked and nothing is stored or applied; what may be done about a mismatch is decided
elsewhere, from the same analyses.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from helicarrier.canonical import JSONValue
from helicarrier.errors import InputRejected
from helicarrier.resolution.detector import Classified, classify
from helicarrier.resolution.enums import MismatchType, Syntax, Verdict
from helicarrier.resolution.execution import by_tests
from helicarrier.resolution.manifest import Results
from helicarrier.resolution.model import Analysis, Artifact
from helicarrier.resolution.output_pairs import OutputPair

_CODE = MismatchType.SEMANTICS_CODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzed:
    """A pair and what it is; `classified` is None where both sides have the same bytes."""

    pair: OutputPair
    classified: Classified | None

    @property
    def verdict(self) -> Verdict:
        """Equal bytes are equivalent."""
        return self.classified.deciding.verdict if self.classified else Verdict.EQUIVALENT

    @property
    def proven(self) -> bool:
        """Equal bytes, or equal by a proof over all there is."""
        return self.classified is None or self.classified.deciding.proven

    def wire(self) -> dict[str, JSONValue]:
        """As JSON: hashes, proof, masks and findings, never contents."""
        pair, found = self.pair, self.classified
        return {
            "goldenId": pair.golden.artifact_id,
            "candidateId": pair.candidate.artifact_id,
            "verdict": self.verdict.value,
            "proven": self.proven,
            "mismatchType": found.mismatch_type.value if found else None,
            "goldenSha256": pair.golden.content_hash,
            "candidateSha256": pair.candidate.content_hash,
            "goldenSession": pair.golden_session,
            "candidateSession": pair.candidate_session,
            "deciding": _analysis(found.deciding) if found else None,
            "asked": [_analysis(one) for one in found.asked] if found else [],
        }


def _analysis(one: Analysis) -> JSONValue:
    proof = one.proof
    return {
        "mismatchType": one.mismatch_type.value,
        "verdict": one.verdict.value,
        "method": one.method.value,
        "proof": None
        if proof is None
        else {
            "holds": proof.holds,
            "goldenHash": proof.golden_hash,
            "candidateHash": proof.candidate_hash,
        },
        "masked": msgspec.to_builtins(one.masked),
        "findings": msgspec.to_builtins(one.findings),
        "score": one.score,
    }


def analyzed(pairs: Iterable[OutputPair]) -> list[Analyzed]:
    """Each pair with what it is."""
    return [Analyzed(pair=pair, classified=classify(pair.golden, pair.candidate)) for pair in pairs]


def analyzed_by_tests(pair: OutputPair, tests: Artifact) -> Analyzed:
    """A pair that is Python and nothing else, with what tests say of it.

    Raises:
        InputRejected: the pair or the tests are no Python.
    """
    sides = pair.golden, pair.candidate
    if any(one.syntax is not Syntax.PYTHON for one in (*sides, tests)):
        raise InputRejected(
            "tests can be run for Python alone",
            hint="Name three files that end in .py, or leave the tests out.",
        )
    (found,) = analyzed([pair])
    if found.classified is None or found.classified.mismatch_type is not _CODE:
        return found
    answer = by_tests(*sides, tests.content.decode())
    asked = (*found.classified.asked, answer)
    return Analyzed(pair=pair, classified=Classified(deciding=answer, asked=asked))


def results(found: Sequence[Analyzed]) -> Results:
    """How many came out how."""
    verdicts = Counter(one.verdict for one in found)
    types = Counter(one.classified.mismatch_type.value for one in found if one.classified)
    return Results(
        pairs=len(found),
        identical=sum(one.classified is None for one in found),
        equivalent=verdicts[Verdict.EQUIVALENT],
        proven=sum(one.proven for one in found),
        not_equivalent=verdicts[Verdict.NOT_EQUIVALENT],
        undecidable=verdicts[Verdict.UNDECIDABLE],
        by_type=dict(sorted(types.items())),
    )
