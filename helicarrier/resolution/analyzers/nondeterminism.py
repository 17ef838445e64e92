"""What differs from run to run: UUIDs, ISO times, hex digests, temporary paths, ephemeral ports.

These are masked, the rest is compared exactly, and the analysis says what was masked, so it never
counts as a proof. A mask keeps who is who: the same id is the same id on the other side throughout,
and a value that stands on both sides must stand in the same places, so that two swapped ids are no
chance. The zone of a time and the path below a temporary folder are content.
"""

import re
from collections import Counter
from dataclasses import dataclass

from helicarrier.resolution.analyzers.base import MEGABYTE, Question, text_of
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax
from helicarrier.resolution.model import Analysis, Artifact, Finding, Masked

MOST_BYTES = 8 * MEGABYTE
_FIRST_EPHEMERAL_PORT = 32_768
_LAST_PORT = 65_535
_DIGESTS = "|".join(f"[0-9a-f]{{{digits}}}" for digits in (32, 40, 56, 64, 96, 128))
_MASKS = re.compile(
    r"(?P<uuid>(?<![0-9A-Za-z-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z-]))"
    r"|(?P<time>(?<!\d)\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?![\d:]))"
    rf"|(?P<digest>(?<![0-9A-Za-z])(?=[0-9]*[a-f])(?=[a-f]*[0-9])(?:{_DIGESTS})(?![0-9A-Za-z]))"
    r"|(?P<path>(?:(?<=/tmp/)|(?<=/T/)|(?<=\\Temp\\))"
    r"(?:tmp\.?[A-Za-z0-9_]{6,16}|pytest-of-\w{1,40}/pytest-\d{1,9})(?![A-Za-z0-9_]))"
    r"|(?P<port>(?:(?<=localhost:)|(?<=127\.0\.0\.1:)|(?<=\[::1\]:)|(?<=0\.0\.0\.0:)|(?<=port ))"
    r"\d{5}(?!\d))"
)
_QUESTION = Question(mismatch_type=MismatchType.NONDETERMINISM, method=EquivalenceMethod.EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The pieces between the masked values, and these with their kinds."""

    rest: tuple[str, ...]
    kinds: tuple[str, ...]
    values: tuple[str, ...]


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent, under masks, where all else is equal."""
    return _QUESTION.decide(golden, candidate, _read, _analysis)


def _analysis(golden: _Text, candidate: _Text) -> Analysis:
    swapped = golden.kinds == candidate.kinds and _swapped(golden, candidate)
    if swapped:
        message = "values that differ from run to run changed places"
        return _QUESTION.not_equivalent(Finding(code="SWAPPED", where="", message=message))
    kinds = sorted({*golden.kinds, *candidate.kinds})
    before, after = Counter(golden.kinds), Counter(candidate.kinds)
    masked = tuple(Masked(kind=kind, golden=before[kind], candidate=after[kind]) for kind in kinds)
    found = []
    if golden.rest != candidate.rest or golden.kinds != candidate.kinds:
        found.append(Finding(code="REST", where="", message="more than masked values differs"))
    return _QUESTION.compared(_form(golden), _form(candidate), findings=found, masked=masked)


def _read(one: Artifact) -> _Text:
    text = text_of(one, {Syntax.PLAIN, Syntax.MARKDOWN, Syntax.JSON, Syntax.OTHER}, MOST_BYTES)
    rest, kinds, values, end = [], [], [], 0
    for match in _MASKS.finditer(text):
        kind = str(match.lastgroup)
        if kind == "port" and not _FIRST_EPHEMERAL_PORT <= int(match.group()) <= _LAST_PORT:
            continue
        if kind == "digest":
            kind = f"digest_{4 * len(match.group())}"  # another length is another algorithm
        rest.append(text[end : match.start()])
        kinds.append(kind)
        values.append(match.group())
        end = match.end()
    rest.append(text[end:])
    return _Text(rest=tuple(rest), kinds=tuple(kinds), values=tuple(values))


def _form(text: _Text) -> bytes:
    """The text with masks between NULs, of which a text that was read has none.

    Two times may be equal in one run and not in another; all other kinds name something.
    """
    numbers: dict[tuple[str, str], int] = {}
    parts = [text.rest[0]]
    for kind, value, rest in zip(text.kinds, text.values, text.rest[1:], strict=True):
        number = numbers.setdefault((kind, value), len(numbers)) if kind != "time" else -1
        parts += [f"\x00{kind}:{number}\x00", rest]
    return "".join(parts).encode()


def _swapped(golden: _Text, candidate: _Text) -> bool:
    """A value of both sides that stands beside another one somewhere."""
    shared = set(golden.values) & set(candidate.values)
    return any(
        one != other and (one in shared or other in shared)
        for one, other in zip(golden.values, candidate.values, strict=True)
    )
