"""Which type a mismatch is of: the analyzers in a fixed order, and the first that can tell.

Something sensitive that is new comes before everything. Then each syntax has its own short list of
questions, from the one that proves most; the first `equivalent` names the type. Where none is, the
type is that of what differs, and its verdict stays what it was, so that no rule permits anything.
"""

from dataclasses import dataclass, replace

from helicarrier.resolution.analyzers import infra_env_drift
from helicarrier.resolution.analyzers.infra_env_drift import Environment
from helicarrier.resolution.analyzers.registry import ANALYZERS
from helicarrier.resolution.enums import ArtifactType, MismatchType, Syntax, Verdict
from helicarrier.resolution.model import Analysis, Artifact
from helicarrier.resolution.syntax import syntax_of_content

_T = MismatchType
_QUESTIONS: dict[Syntax | None, tuple[MismatchType, ...]] = {
    Syntax.JSON: (_T.INFRA_ENV_DRIFT, _T.JSON_ORDERING, _T.NUMERIC_EPSILON, _T.NONDETERMINISM),
    Syntax.PLAIN: (_T.WHITESPACE, _T.NONDETERMINISM, _T.SEMANTICS_TEXT),
    Syntax.MARKDOWN: (_T.MARKDOWN_FORMATTING, _T.NONDETERMINISM, _T.SEMANTICS_TEXT),
    Syntax.OTHER: (_T.NONDETERMINISM, _T.SEMANTICS_TEXT),
    Syntax.PYTHON: (_T.SEMANTICS_CODE,),
    None: (_T.NONDETERMINISM,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What a pair is: the analysis that named the type, and all that were asked, in order."""

    deciding: Analysis
    asked: tuple[Analysis, ...]

    @property
    def mismatch_type(self) -> MismatchType:
        """The type that the deciding analysis is of."""
        return self.deciding.mismatch_type


def classify(
    golden: Artifact,
    candidate: Artifact,
    *,
    environments: tuple[Environment, Environment] | None = None,
) -> Classified | None:
    """The type of a mismatch; None where the bytes are equal and there is none.

    Args: golden; candidate; environments, of the runs that made them, where these are known.
    """
    if golden.content == candidate.content:
        return None
    golden, candidate = _read_alike(golden, candidate)
    violation = ANALYZERS[_T.POLICY_VIOLATION](golden, candidate)
    if violation.verdict is Verdict.NOT_EQUIVALENT:
        return Classified(deciding=violation, asked=(violation,))
    asked = [violation]
    for kind in _questions(golden, candidate):
        answer = ANALYZERS[kind](golden, candidate)
        asked.append(answer)
        drifted = kind is _T.INFRA_ENV_DRIFT and answer.verdict is not Verdict.UNDECIDABLE
        if answer.verdict is Verdict.EQUIVALENT or drifted:
            return Classified(deciding=answer, asked=tuple(asked))
    remaining = _remaining(golden, asked)
    if environments is not None:
        drift = infra_env_drift.drift(*environments)
        asked.append(drift)
        if drift.verdict is Verdict.NOT_EQUIVALENT:
            return Classified(deciding=drift, asked=tuple(asked))
    return Classified(deciding=remaining, asked=tuple(asked))


def _read_alike(golden: Artifact, candidate: Artifact) -> tuple[Artifact, Artifact]:
    """A text without any mark reads the same as Markdown, and is so read beside Markdown."""
    if {golden.syntax, candidate.syntax} != {Syntax.PLAIN, Syntax.MARKDOWN}:
        return golden, candidate
    return _as_markdown(golden), _as_markdown(candidate)


def _as_markdown(one: Artifact) -> Artifact:
    bare = syntax_of_content(ArtifactType.TEXT, one.content) is Syntax.PLAIN
    return replace(one, syntax=Syntax.MARKDOWN) if bare else one


def _questions(golden: Artifact, candidate: Artifact) -> tuple[MismatchType, ...]:
    """The list of the golden's syntax; a candidate that is read otherwise has broken it."""
    if golden.artifact_type is not candidate.artifact_type:
        return _QUESTIONS[golden.syntax][:2]
    return _QUESTIONS[golden.syntax]


def _remaining(golden: Artifact, asked: list[Analysis]) -> Analysis:
    """Which of the answers tells best what differs, where none was `equivalent`."""
    by_type = {answer.mismatch_type: answer for answer in asked}
    match golden.syntax:
        case Syntax.JSON:
            numbers = by_type.get(_T.NUMERIC_EPSILON)
            if numbers is not None and _only_numbers(numbers):
                return numbers
            return by_type[_T.JSON_ORDERING]
        case _:
            return asked[-1]


def _only_numbers(numbers: Analysis) -> bool:
    return numbers.verdict is Verdict.NOT_EQUIVALENT and all(
        finding.code in {"NUMBER", "MORE"} for finding in numbers.findings
    )
