"""What was generated, known before it is written: the origin of `expected.json`.

Each writer notes a call here when it decides the call's tokens, once, and only then spreads
it over lines, snapshots and copies. The expected totals are therefore no reading of the
files and can judge a reader.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

UNPRICED_MODELS = frozenset({"claude-experimental-x"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One model call: `prompt` excludes the cache, `completion` includes reasoning (tokens)."""

    model: str
    prompt: int
    completion: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Defects:
    """How many records of each kind a reader must notice."""

    broken_lines: int = 0
    joined_lines: int = 0
    partial_last_lines: int = 0
    invalid_envelopes: int = 0
    duplicate_envelopes: int = 0

    def __add__(self, other: "Defects") -> "Defects":
        """Return the sum, kind by kind."""
        return Defects(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The files of one format (path below the output folder: bytes) and the truth in them."""

    files: dict[str, bytes]
    sessions: int
    calls: tuple[Call, ...]
    defects: Defects


def totals(parts: Iterable[Generated]) -> dict[str, int]:
    """Return the sessions, distinct calls and token totals of `parts` under their wire names."""
    kept = list(parts)
    calls = [call for part in kept for call in part.calls]
    prompt = sum(call.prompt for call in calls)
    cache_read = sum(call.cache_read for call in calls)
    cache_write = sum(call.cache_write for call in calls)
    completion = sum(call.completion for call in calls)
    return {
        "sessions": sum(part.sessions for part in kept),
        "calls": len(calls),
        "promptTokens": prompt,
        "cacheReadTokens": cache_read,
        "cacheWriteTokens": cache_write,
        "completionTokens": completion,
        "reasoningTokens": sum(call.reasoning for call in calls),
        "totalTokens": prompt + cache_read + cache_write + completion,
        "unknownModelCalls": sum(call.model in UNPRICED_MODELS for call in calls),
    }
