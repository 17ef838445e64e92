"""Prose: facts as multisets, and a provider whose opinion is heard last and proves nothing."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helicarrier.resolution.analyzers.semantics_text import Opinion, consulted
from helicarrier.resolution.analyzers.text_guards import Guard, facts
from helicarrier.resolution.enums import EquivalenceMethod, Syntax, Verdict
from tests.resolution.pairs import pair


@pytest.mark.parametrize(
    ("text", "guard", "expected"),
    [
        ("costs $1,000.50", Guard.NUMBERS, {"1000.50": 1}),
        ("costs $10", Guard.UNITS, {"10 $": 1}),
        ("99.9% and 99.9 percent", Guard.UNITS, {"99.9 %": 2}),
        ("5 ms, 5 s, 5 sec", Guard.UNITS, {"5 ms": 1, "5 s": 2}),
        ("-5 and 5-10", Guard.NUMBERS, {"-5": 1, "5": 1, "10": 1}),
        ("version 1.10.2", Guard.NUMBERS, {"1.10.2": 1}),
        ("twelve of 12", Guard.NUMBERS, {"12": 2}),
        ("March 4, 2026 or 4 March 2026", Guard.DATES, {"2026-03-04": 2}),
        ("at 10:30 am on Friday", Guard.DATES, {"10:30 am": 1, "friday": 1}),
        ("can't, cannot, do not", Guard.NEGATIONS, {"not": 3}),
        ("none, nobody, never", Guard.NEGATIONS, {"no": 2, "never": 1}),
        ("see https://a.example/x.", Guard.URLS, {"https://a.example/x": 1}),
        ("run `rm -rf` or ``a`b``", Guard.CODE_SPANS, {"rm -rf": 1, "a`b": 1}),
        ("we asked Alice Miller and NASA", Guard.ENTITIES, {"alice": 1, "miller": 1, "nasa": 1}),
        ("$10 per user / month", Guard.UNITS, {"10 $": 1, "per user": 1, "per month": 1}),
        ("a\u200bb", Guard.HIDDEN_CHARACTERS, {"U+200B": 1}),
    ],
    ids=str,
)
def test_facts_are_taken_out(text: str, guard: Guard, expected: dict[str, int]) -> None:
    """Each once, in one spelling."""
    assert dict(facts(text).guarded[guard]) == expected


@settings(max_examples=40)
@given(st.text(max_size=200))
def test_any_text_has_facts(text: str) -> None:
    """The same both times."""
    assert facts(text) == facts(text)


@pytest.mark.parametrize(
    "piece", ["a", "1", "1,", "`", "`a", "https://", "-", ". A", "not ", "a@", "$1 "]
)
def test_long_runs_do_not_blow_up(piece: str) -> None:
    """A hundred thousand characters of one kind are read like any other text."""
    assert facts(piece * (100_000 // len(piece)))


@dataclass
class Always:
    """A provider that has one opinion and counts how often it is asked."""

    score: float
    method: EquivalenceMethod = EquivalenceMethod.LLM_RUBRIC_JUDGE
    asked: int = 0

    def opinion(self, golden: str, candidate: str) -> Opinion:
        """The one opinion."""
        self.asked += 1
        return Opinion(score=self.score, model="fixed")


@pytest.mark.parametrize(
    ("candidate", "score", "verdict", "asked"),
    [
        ("Please reboot the machine.", 0.99, Verdict.EQUIVALENT, 1),
        ("Please reboot the machine.", 0.84, Verdict.NOT_EQUIVALENT, 1),
        ("Please reboot the machine.", float("nan"), Verdict.NOT_EQUIVALENT, 1),
        ("Please reboot the machine.", 7.0, Verdict.NOT_EQUIVALENT, 1),
        ("Please reboot 2 machines.", 0.99, Verdict.NOT_EQUIVALENT, 0),
        ("Kindly restart the machine.", 0.99, Verdict.UNDECIDABLE, 0),
        ("Please restart the machine.", 0.0, Verdict.EQUIVALENT, 0),
    ],
    ids=["alike", "not alike", "no number", "out of range", "guard", "opener", "equal bytes"],
)
def test_an_opinion_is_heard_after_the_guards(
    candidate: str, score: float, verdict: Verdict, asked: int
) -> None:
    """And is a score, never a proof."""
    provider = Always(score)
    sides = pair("Please restart the machine.", candidate, Syntax.PLAIN)
    answer, opinion = consulted(*sides, provider)
    assert (answer.verdict, provider.asked, opinion is not None) == (verdict, asked, asked == 1)
    assert answer.proven is (sides[0].content == sides[1].content)
