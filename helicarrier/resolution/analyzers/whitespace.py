"""Line ends, trailing blanks and the final newline of plain text, and nothing else.

In Markdown two blanks end a line hard, in YAML and code blanks are structure: there this analyzer
says nothing. A lone carriage return moves a cursor back instead of ending a line: undecidable.
Blanks inside a line and empty lines are content.
"""

import re

from helicarrier.resolution.analyzers.base import (
    MEGABYTE,
    Question,
    Unreadable,
    text_of,
)
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax
from helicarrier.resolution.model import Analysis, Artifact, Finding

MOST_BYTES = 8 * MEGABYTE
_LONE_RETURN = re.compile(r"\r(?!\n)")
_QUESTION = Question(mismatch_type=MismatchType.WHITESPACE, method=EquivalenceMethod.EXACT)


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent where the normalized texts are equal."""
    return _QUESTION.decide(golden, candidate, canonical, _analysis)


def _analysis(golden: bytes, candidate: bytes) -> Analysis:
    return _QUESTION.compared(golden, candidate, findings=_findings(golden, candidate))


def canonical(one: Artifact) -> bytes:
    """The text with plain line ends, no trailing blanks, and one newline at its end.

    Raises:
        Unreadable: no plain text, or LONE_RETURN.
    """
    text = text_of(one, {Syntax.PLAIN}, MOST_BYTES)
    if _LONE_RETURN.search(text):
        raise Unreadable("LONE_RETURN", "a carriage return stands without a newline")
    lines = [line.rstrip(" \t") for line in text.replace("\r\n", "\n").split("\n")]
    if lines[-1]:
        lines.append("")
    return "\n".join(lines).encode()


def _findings(golden: bytes, candidate: bytes) -> list[Finding]:
    one, other = golden.split(b"\n"), candidate.split(b"\n")
    found = [
        Finding(code="LINE", where=f"{number:06d}", message="the line is another one")
        for number, (before, after) in enumerate(zip(one, other, strict=False), start=1)
        if before != after
    ]
    if len(one) != len(other):
        message = f"{len(one) - 1} lines became {len(other) - 1}"
        found.append(Finding(code="LINES", where="", message=message))
    return found
