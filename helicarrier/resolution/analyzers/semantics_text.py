"""Prose that says the same in other words: guards first, then an opinion if there is one to ask.

Guards are facts (`text_guards`) that must be equal as multisets: "99.9% uptime" is not "99.5%
uptime" however alike the sentences are. Texts that pass them are undecidable by this program alone.
A provider of similarities or judgements may be handed in; what it says is a score and no proof.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from helicarrier.resolution.analyzers.base import MEGABYTE, Question, text_of
from helicarrier.resolution.analyzers.text_guards import Facts, Guard, facts
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax, Verdict
from helicarrier.resolution.model import Analysis, Artifact, Finding

MOST_BYTES = MEGABYTE // 2
LEAST_SCORE = 0.85
"""From here on an opinion counts as equivalent; the policy asks for as much confidence."""
_TEXTS = {Syntax.PLAIN, Syntax.MARKDOWN, Syntax.OTHER}
_QUESTION = Question(mismatch_type=MismatchType.SEMANTICS_TEXT, method=EquivalenceMethod.EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A score from 0 to 1 and what it took; tokens are counts, the cost US dollars."""

    score: float
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None


class Provider(Protocol):
    """Somebody who can say how alike two texts are in meaning."""

    @property
    def method(self) -> EquivalenceMethod:
        """`cosine_similarity` or `llm_rubric_judge`."""
        ...

    def opinion(self, golden: str, candidate: str) -> Opinion:
        """How alike both texts are."""
        ...


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Not equivalent where a guard differs, else undecidable."""
    return _QUESTION.decide(golden, candidate, _read, _guarded)


def consulted(
    golden: Artifact, candidate: Artifact, provider: Provider, *, least_score: float = LEAST_SCORE
) -> tuple[Analysis, Opinion | None]:
    """As `analyze`, and where the guards hold the provider's opinion; never a proof.

    The provider is not asked where the guards have already decided.
    """
    guarded = analyze(golden, candidate)
    if guarded.verdict is not Verdict.UNDECIDABLE or not _only_unasked(guarded):
        return guarded, None
    opinion = provider.opinion(golden.content.decode(), candidate.content.decode())
    alike = 0 <= opinion.score <= 1 and opinion.score >= least_score
    answer = replace(
        guarded,
        verdict=Verdict.EQUIVALENT if alike else Verdict.NOT_EQUIVALENT,
        method=provider.method,
        score=opinion.score,
        findings=(),
    )
    return answer, opinion


def _only_unasked(guarded: Analysis) -> bool:
    return [finding.code for finding in guarded.findings] == ["NOT_ASKED"]


def _read(one: Artifact) -> Facts:
    return facts(text_of(one, _TEXTS, MOST_BYTES))


def _guarded(golden: Facts, candidate: Facts) -> Analysis:
    differing = list(_differing(golden, candidate))
    if differing:
        return _QUESTION.not_equivalent(*differing)
    if golden.openers != candidate.openers:
        message = "words at the start of sentences differ, which may be names"
        return _QUESTION.undecidable(Finding(code="OPENERS", where="", message=message))
    message = "facts agree; whether the meaning does takes a person or a provider"
    return _QUESTION.undecidable(Finding(code="NOT_ASKED", where="", message=message))


def _differing(golden: Facts, candidate: Facts) -> Iterator[Finding]:
    for guard in Guard:
        one, other = golden.guarded[guard], candidate.guarded[guard]
        if guard is Guard.ENTITIES:
            one, other = _names(one, golden, other), _names(other, candidate, one)
        if one != other:
            lost, new = (one - other).total(), (other - one).total()
            message = f"{lost} only in the golden, {new} only in the candidate"
            yield Finding(code="GUARD", where=guard.value, message=message)


def _names(entities: Counter[str], side: Facts, others: Counter[str]) -> Counter[str]:
    """Names; a word that opens a sentence is one where the other side has it as a name."""
    return entities + Counter({word: n for word, n in side.openers.items() if word in others})
