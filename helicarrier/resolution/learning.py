"""What was learned: patterns of mismatches that were reviewed, and how often resolutions held.

A pattern is what pairs have in common, never their content: type, syntax, method, the codes of what
an analyzer saw. Nothing decides by patterns; they are shown beside a plan to those who do, so no
success rate lowers the care that the policy asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Protocol

from helicarrier.canonical import JSONValue, sha256
from helicarrier.resolution.enums import MismatchType
from helicarrier.resolution.records import Mismatch
from helicarrier.resolution.tables import EMBEDDING_LENGTH


class EmbeddingProvider(Protocol):
    """Somebody who turns a text into numbers, so that texts alike lie near each other."""

    def embed(self, text: str) -> Sequence[float]:
        """`EMBEDDING_LENGTH` numbers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A pattern as it is stored; `confidence` is the lower end of the success rate's interval."""

    pattern_id: str
    mismatch_type: MismatchType
    signature: str
    successes: int
    uses: int
    confidence: float
    data: dict[str, JSONValue]
    first_seen: datetime
    last_seen: datetime
    embedding: tuple[float, ...] | None = None

    @property
    def success_rate(self) -> float:
        """Resolutions that held, of all that were judged."""
        return self.successes / self.uses if self.uses else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A pattern, and how alike it is: the cosine, 1 for the same direction."""

    pattern: Pattern
    similarity: float


def signature_of(found: Mismatch) -> str:
    """What a mismatch has in common with others of its kind."""
    findings = found.evidence.get("findings", [])
    codes = {
        str(one["code"])
        for one in (findings if isinstance(findings, list) else [])
        if isinstance(one, dict) and "code" in one
    }
    said = [found.evidence.get(name) for name in ("syntax", "method", "verdict")]
    return "|".join([found.mismatch_type.value, *map(str, said), *sorted(codes)])


def pattern_id(kind: MismatchType, signature: str) -> str:
    """The id of a pattern: the same pattern, the same id."""
    return f"pat_{sha256(kind.value.encode(), b'|', signature.encode())[:16]}"


def lower_end(successes: int, uses: int) -> float:
    """The lower end of Wilson's 95% interval of a rate (Wilson 1927); 0 without any use."""
    if not uses:
        return 0.0
    z = 1.959963984540054
    rate = successes / uses
    middle = rate + z * z / (2 * uses)
    spread = z * sqrt(rate * (1 - rate) / uses + z * z / (4 * uses * uses))
    return max(0.0, (middle - spread) / (1 + z * z / uses))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors; 0 where one has no direction."""
    lengths = sqrt(sum(x * x for x in one)) * sqrt(sum(y * y for y in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0


def embedding_of(provider: EmbeddingProvider | None, text: str) -> tuple[float, ...] | None:
    """The embedding of a text; None without a provider.

    Raises:
        ValueError: the provider gives another number of numbers.
    """
    if provider is None:
        return None
    found = tuple(map(float, provider.embed(text)))
    if len(found) != EMBEDDING_LENGTH:
        message = f"an embedding has {EMBEDDING_LENGTH} numbers, not {len(found)}"
        raise ValueError(message)
    return found
