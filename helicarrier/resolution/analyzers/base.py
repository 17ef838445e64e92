"""What the analyzers share: limits, strict text, the proof over two forms, and the easy answers.

Equal bytes are equivalent in every respect, so this is said before anything is read; what an
analyzer cannot read is undecidable with the reason of each side.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from helicarrier.canonical import sha256
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax, Verdict
from helicarrier.resolution.model import Analysis, Artifact, Finding, Masked, Proof

MEGABYTE = 1024 * 1024
MOST_FINDINGS = 20
"""More are counted, not listed."""

_Form = TypeVar("_Form")

Analyzer = Callable[[Artifact, Artifact], Analysis]


class Unreadable(Exception):
    """A side that has no canonical form here: a stable code and a sentence, never its content."""

    def __init__(self, code: str, message: str) -> None:
        """Args: code, message."""
        super().__init__(message)
        self.code = code
        self.message = message

    def finding(self, side: str) -> Finding:
        """The reason, on one of the sides."""
        return Finding(code=self.code, where=side, message=self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a pair: which type it would be, and by which method."""

    mismatch_type: MismatchType
    method: EquivalenceMethod

    def decide(
        self,
        golden: Artifact,
        candidate: Artifact,
        read: Callable[[Artifact], _Form],
        compare: Callable[[_Form, _Form], Analysis],
    ) -> Analysis:
        """Equal bytes, or what `compare` says of both forms, or why a side has no form."""
        if golden.content == candidate.content:
            return self._equal_bytes(golden)
        forms: list[_Form] = []
        reasons: list[Finding] = []
        for side, one in (("golden", golden), ("candidate", candidate)):
            try:
                forms.append(read(one))
            except Unreadable as unreadable:
                reasons.append(unreadable.finding(side))
        return self.undecidable(*reasons) if reasons else compare(forms[0], forms[1])

    def _equal_bytes(self, golden: Artifact) -> Analysis:
        digest = golden.content_hash
        return Analysis(
            mismatch_type=self.mismatch_type,
            verdict=Verdict.EQUIVALENT,
            method=EquivalenceMethod.EXACT,
            proof=Proof(method=EquivalenceMethod.EXACT, golden_hash=digest, candidate_hash=digest),
        )

    def compared(
        self,
        golden: bytes,
        candidate: bytes,
        *,
        findings: Iterable[Finding] = (),
        masked: tuple[Masked, ...] = (),
    ) -> Analysis:
        """Equivalent where both canonical forms are equal, else not; with the proof of either."""
        proof = self.proof(golden, candidate)
        return Analysis(
            mismatch_type=self.mismatch_type,
            verdict=Verdict.EQUIVALENT if proof.holds else Verdict.NOT_EQUIVALENT,
            method=self.method,
            proof=proof,
            findings=capped(findings),
            masked=masked,
        )

    def proof(self, golden: bytes, candidate: bytes) -> Proof:
        """The hashes of both canonical forms."""
        return Proof(
            method=self.method, golden_hash=sha256(golden), candidate_hash=sha256(candidate)
        )

    def undecidable(self, *findings: Finding) -> Analysis:
        """Neither equivalent nor not."""
        return Analysis(
            mismatch_type=self.mismatch_type,
            verdict=Verdict.UNDECIDABLE,
            method=self.method,
            findings=capped(findings),
        )

    def not_equivalent(self, *findings: Finding) -> Analysis:
        """They differ in a way that has no canonical form."""
        return Analysis(
            mismatch_type=self.mismatch_type,
            verdict=Verdict.NOT_EQUIVALENT,
            method=self.method,
            findings=capped(findings),
        )


def text_of(one: Artifact, syntaxes: Collection[Syntax], most_bytes: int) -> str:
    """The text of an artefact of one of the syntaxes.

    Raises:
        Unreadable: another syntax, too large, not UTF-8, or with a NUL.
    """
    check(one, syntaxes, most_bytes)
    try:
        text = one.content.decode()
    except UnicodeDecodeError:
        raise Unreadable("NOT_UTF8", "the text is not UTF-8") from None
    if "\x00" in text:
        raise Unreadable("NUL", "the text contains NUL")
    return text


def check(one: Artifact, syntaxes: Collection[Syntax], most_bytes: int) -> None:
    """Refuse what this analyzer is not for.

    Raises:
        Unreadable: NOT_APPLICABLE or TOO_LARGE.
    """
    if one.syntax not in syntaxes:
        names = " or ".join(sorted(syntaxes))
        raise Unreadable("NOT_APPLICABLE", f"only {names} is read here")
    if len(one.content) > most_bytes:
        raise Unreadable("TOO_LARGE", f"the artefact has more than {most_bytes} bytes")


def capped(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first findings in a fixed order, and how many there are more."""
    every = sorted(set(findings))
    if len(every) <= MOST_FINDINGS:
        return tuple(every)
    more = len(every) - MOST_FINDINGS
    rest = Finding(code="MORE", where="", message=f"{more} further findings")
    return (*every[:MOST_FINDINGS], rest)
