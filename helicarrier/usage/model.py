"""What reports are made of: blocks of usage, where their numbers come from, how models did.

Repositories give these values and report functions add them up, so nothing here knows a database
or a screen. All sums are exact: tokens are integers, dollars Decimal.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from helicarrier.money import dollars

SMALL_SAMPLE = 5
"""Fewer sessions than this are too few to compare."""

_NOTHING = Decimal(0).scaleb(-9)

Json = dict[str, object]


class Dimension(StrEnum):
    """What the rows of a report stand for."""

    DAY = "day"
    MODEL = "model"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Usage added up. `prompt_tokens` are without cache, `completion_tokens` with reasoning.

    `cost_usd` is the known cost; `unknown_cost_calls` says how many of `calls` are not in it.
    """

    sessions: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0
    cost_usd: Decimal = _NOTHING
    unknown_cost_calls: int = 0

    def __add__(self, other: "Block") -> "Block":
        return self._combined(other, 1)

    def __sub__(self, other: "Block") -> "Block":
        return self._combined(other, -1)

    def _combined(self, other: "Block", sign: int) -> "Block":
        return Block(
            sessions=self.sessions + sign * other.sessions,
            calls=self.calls + sign * other.calls,
            prompt_tokens=self.prompt_tokens + sign * other.prompt_tokens,
            cache_read_tokens=self.cache_read_tokens + sign * other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + sign * other.cache_write_tokens,
            completion_tokens=self.completion_tokens + sign * other.completion_tokens,
            reasoning_tokens=self.reasoning_tokens + sign * other.reasoning_tokens,
            total_tokens=self.total_tokens + sign * other.total_tokens,
            cost_usd=self.cost_usd + sign * other.cost_usd,
            unknown_cost_calls=self.unknown_cost_calls + sign * other.unknown_cost_calls,
        )

    def as_json(self) -> Json:
        """The block on the wire; `costUsd` is a decimal string with nine places."""
        return {
            "sessions": self.sessions,
            "calls": self.calls,
            "promptTokens": self.prompt_tokens,
            "cacheReadTokens": self.cache_read_tokens,
            "cacheWriteTokens": self.cache_write_tokens,
            "completionTokens": self.completion_tokens,
            "reasoningTokens": self.reasoning_tokens,
            "totalTokens": self.total_tokens,
            "costUsd": dollars(self.cost_usd),
            "unknownCostCalls": self.unknown_cost_calls,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Usage of some days, cut in two ways; each way adds up to the same total.

    Calls, tokens and cost belong to the day and the model of the call, sessions to the day they
    started and to their primary model.
    """

    daily: dict[date, Block]
    by_agent_and_model: dict[tuple[str, str], Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Usage of one model of one provider whose numbers have the same provenance.

    Its sessions count once for each day and combination of provenance in which they have such
    calls, so they do not add up to the sessions of the range.
    """

    provider: str
    model_id: str
    pricing_version: str
    cost_source: str
    cost_confidence: str
    token_source: str
    token_confidence: str
    runtime_source: str
    runtime_confidence: str
    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyModel:
    """What one model did on one day; a point of the plots."""

    day: date
    model_id: str
    calls: int
    total_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CostShare:
    """Cost with one provenance. `key` is a day, a (model, provider) or an agent.

    `pricing_version` is empty where there is no cost.
    """

    key: tuple[str, ...]
    cost_source: str
    cost_confidence: str
    pricing_version: str
    calls: int
    cost_usd: Decimal
    unknown_cost_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How the sessions of one primary model went. `key` is empty, a day or an agent.

    Medians and percentiles follow the nearest-rank rule and are None without values; the median
    cost is that of the sessions whose cost is known.
    """

    key: tuple[str, ...]
    model_id: str
    runs_total: int
    success_count: int
    failure_count: int
    killed_count: int
    cancelled_count: int
    median_runtime_ms: int | None
    p95_runtime_ms: int | None
    median_cost_usd: Decimal | None

    @property
    def success_rate(self) -> float | None:
        """Successes over ended sessions; None while none has ended."""
        ended = self.success_count + self.failure_count + self.killed_count + self.cancelled_count
        return self.success_count / ended if ended else None

    @property
    def small_sample(self) -> bool:
        """Whether there are too few sessions to compare."""
        return self.runs_total < SMALL_SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one session went. `cost_usd` is None while the cost of any of its calls is unknown."""

    day: date
    agent_id: str
    model_id: str
    status: str
    runtime_ms: int | None
    cost_usd: Decimal | None
