"""Artefacts, proofs and analyses of a pair as frozen dataclasses, and the ids of the area.

An analysis cannot contradict its proof: `equivalent` by a method that proves carries equal hashes
of both canonical forms, and `proven` is the one question that a decision without a person may ask.
"""

import re
from dataclasses import dataclass

from helicarrier.canonical import sha256
from helicarrier.resolution.enums import (
    ArtifactType,
    EquivalenceMethod,
    MismatchType,
    Syntax,
    Verdict,
)

_ID_DIGITS = 16
_MISMATCH_ID = re.compile(r"mis_[0-9a-f]{16}\Z")
_IMPORTED_MISMATCH_ID = re.compile(r"mis_(?:[0-9a-f]{16}|[0-9a-f]{8})\Z")
_PLAN_ID = re.compile(r"plan_[0-9a-f]{16}\Z")

_TYPE_OF = {
    Syntax.PLAIN: ArtifactType.TEXT,
    Syntax.MARKDOWN: ArtifactType.TEXT,
    Syntax.JSON: ArtifactType.JSON,
    Syntax.PYTHON: ArtifactType.CODE,
    Syntax.OTHER: ArtifactType.TEXT,
}
_ALSO = {(ArtifactType.CODE, Syntax.OTHER)}
"""YAML is text, JavaScript is code; neither has an analyzer of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The bytes of one output and how they are read.

    `syntax` is None for binary artefacts and only for these.

    Raises:
        ValueError: the syntax is not one of the artefact's type.
    """

    artifact_id: str
    artifact_type: ArtifactType
    content: bytes
    syntax: Syntax | None = None

    def __post_init__(self) -> None:
        """Refuse, for instance, JSON that would be read as Markdown."""
        expected = ArtifactType.BINARY if self.syntax is None else _TYPE_OF[self.syntax]
        pair = (self.artifact_type, self.syntax)
        if expected is not self.artifact_type and pair not in _ALSO:
            message = f"an artefact of type {self.artifact_type} has no syntax {self.syntax}"
            raise ValueError(message)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return sha256(self.content)


def artifact(artifact_id: str, content: bytes, syntax: Syntax | None) -> Artifact:
    """An artefact whose type follows from its syntax; None is binary."""
    kind = ArtifactType.BINARY if syntax is None else _TYPE_OF[syntax]
    return Artifact(artifact_id=artifact_id, artifact_type=kind, content=content, syntax=syntax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """SHA-256 of the canonical form of both sides, in hex."""

    method: EquivalenceMethod
    golden_hash: str
    candidate_hash: str

    @property
    def holds(self) -> bool:
        """The canonical forms are equal."""
        return self.golden_hash == self.candidate_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """What was not compared: how many of a kind stood on each side."""

    kind: str
    golden: int
    candidate: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that an analyzer saw: a stable code, where it is, a sentence.

    `where` is a JSON pointer, a line number or a side; a message never repeats a secret.
    """

    code: str
    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What one analyzer says of a pair, and by what.

    `proof` is None where a side has no canonical form. `masked` says what was left out of the
    comparison. `findings` are in a fixed order. `score` is that of a similarity or judge, 0 to 1.

    Raises:
        ValueError: the verdict contradicts the proof.
    """

    mismatch_type: MismatchType
    verdict: Verdict
    method: EquivalenceMethod
    proof: Proof | None = None
    masked: tuple[Masked, ...] = ()
    findings: tuple[Finding, ...] = ()
    score: float | None = None

    def __post_init__(self) -> None:
        """An equivalence by a proving method without an equal pair of hashes is a defect."""
        if self.verdict is not Verdict.EQUIVALENT or not self.method.proves:
            return
        if self.proof is None or not self.proof.holds or self.proof.method is not self.method:
            message = f"{self.mismatch_type}: equivalent by {self.method} without a proof"
            raise ValueError(message)

    @property
    def proven(self) -> bool:
        """Equivalent by a proof over all there is: the only way to a resolution without a person.

        What was masked was not compared, so an equality under masks proves nothing of the whole.
        """
        return self.verdict is Verdict.EQUIVALENT and self.method.proves and not self.masked


def mismatch_id(*parts: str) -> str:
    """`mis_` and 16 hex digits from what makes the mismatch one: the same parts, the same id."""
    return f"mis_{_digits(parts)}"


def plan_id(*parts: str) -> str:
    """`plan_` and 16 hex digits, made like `mismatch_id`."""
    return f"plan_{_digits(parts)}"


def _digits(parts: tuple[str, ...]) -> str:
    """Each part with its length before it, so that ("ab", "c") is not ("a", "bc")."""
    encoded = [part.encode() for part in parts]
    return sha256(*(b"%d:%b" % (len(part), part) for part in encoded))[:_ID_DIGITS]


def is_mismatch_id(text: str, *, imported: bool = False) -> bool:
    """Whether the text is such an id; 8 digits are those of earlier records, for imports only."""
    pattern = _IMPORTED_MISMATCH_ID if imported else _MISMATCH_ID
    return pattern.match(text) is not None


def is_plan_id(text: str) -> bool:
    """Whether the text is the id of a plan."""
    return _PLAN_ID.match(text) is not None
