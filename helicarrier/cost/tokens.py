"""The tokens of one model call, split into the classes that are priced apart.

Logs disagree on whether input includes cached tokens and output includes reasoning. Here the
classes of the input never overlap, and reasoning is a part of the completion: whoever reads a
log converts to this shape, so that prices and totals are computed in one way only.
"""

from dataclasses import dataclass
from enum import StrEnum


class TokenClass(StrEnum):
    """The token classes with a price of their own, in the order of the ledger's columns."""

    PROMPT = "prompt"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    COMPLETION = "completion"
    REASONING = "reasoning"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Token counts of one call; cache writes of unknown kind count as five-minute writes.

    `prompt` excludes everything a cache served or stored; `completion` includes `reasoning`.
    """

    prompt: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    completion: int = 0
    reasoning: int = 0

    @property
    def context(self) -> int:
        """All input tokens, cached or not: what the context tiers of a price list measure."""
        return self.prompt + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        """Input and output together, each token once."""
        return self.context + self.completion
