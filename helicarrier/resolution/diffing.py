"""The diff of two artefacts for a person to read: lines with what cannot be seen made visible.

Control and format characters are written as escapes, so that a text can neither move the cursor nor
hide a word; blanks at the end of a line are shown as dots. Large texts are cut, which is said.
"""

import difflib
import unicodedata
from collections.abc import Iterator

from helicarrier.resolution.model import Artifact

MOST_LINES = 4_000
"""Of each side; comparing lines takes quadratic time at the worst."""
MOST_SHOWN = 200
_MOST_COLUMNS = 400
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def diff(golden: Artifact, candidate: Artifact) -> list[str]:
    """Lines of a unified diff; each begins with `-`, `+`, `@`, a blank, or `!` for a remark."""
    if golden.syntax is None or candidate.syntax is None:
        return ["! binary artefacts have no diff"]
    one, other = _lines(golden), _lines(candidate)
    if max(len(one), len(other)) > MOST_LINES:
        return [f"! no diff of more than {MOST_LINES} lines"]
    shown: list[str] = []
    for line in _changes(one, other):
        if len(shown) == MOST_SHOWN:
            return [*shown, f"! cut after {MOST_SHOWN} lines"]
        shown.append(line)
    return shown


def _changes(golden: list[str], candidate: list[str]) -> Iterator[str]:
    changes = difflib.unified_diff(golden, candidate, "golden", "candidate", lineterm="", n=2)
    for line in changes:
        yield line[:1] + _visible(line[1:]) if line[:1] in "-+ " else line


def _lines(one: Artifact) -> list[str]:
    """Lines that keep their ends, of which the plain ones are taken away."""
    text = one.content.decode(errors="replace")
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\ufffe"  # no character: marks that there was no newline
        return lines
    return lines[:-1]


def _visible(line: str) -> str:
    bare = line.removesuffix("\ufffe")
    rest = bare.rstrip(" ")
    dots = "\N{MIDDLE DOT}" * (len(bare) - len(rest))
    cut = rest[:_MOST_COLUMNS]
    more = f"... {len(rest) - len(cut)} more" if len(rest) > len(cut) else ""
    end = "" if bare == line else " (no newline at the end)"
    return "".join(map(_escaped, cut)) + more + dots + end


def _escaped(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN_CATEGORIES:
        return character.encode("unicode_escape").decode()
    return character
