"""The usage report: what agents did on some days, by day, model and agent, and who says so.

Pure over a `UsageRepository`: no clock, no screen. Totals, days, models and agents are the same
usage cut in different ways, so the numbers of each cut add up to the totals, sessions included: a
session belongs to the day it started and to its primary model, calls to their own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from helicarrier.governance.enums import Confidence, ValueSource
from helicarrier.usage.model import Block, Json, Origin, Usage
from helicarrier.usage.repository import UsageRepository
from helicarrier.usage.span import days_of, iso

_MISSING = ValueSource.MISSING.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """One model as one provider served it; `provider` is None where no call names one."""

    model_id: str
    provider: str | None
    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who says how many tokens, milliseconds or dollars.

    `block` covers the calls that have such a value; `by_source` and `by_confidence` cover all
    calls. A session counts in a block once for each day, provider, model and combination of
    provenance in which it has such calls: an upper bound that does not add up to the totals.
    """

    block: Block
    by_source: dict[str, Block]
    by_confidence: dict[str, Block]

    def as_json(self) -> Json:
        """The provenance on the wire, in the order in which the enums are declared."""
        return self.block.as_json() | {
            "bySource": _blocks(self.by_source, ValueSource),
            "byConfidence": _blocks(self.by_confidence, Confidence),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """The answer. `first` and `last` are None where neither the call nor the data gives a day.

    `dirty_days` counts the days whose aggregates were out of date and that were therefore read
    from the ledger; the numbers are exact in any case.
    """

    first: date | None
    last: date | None
    totals: Block
    daily: dict[date, Block]
    models: tuple[ModelUsage, ...]
    agents: dict[str, Block]
    token: Provenance
    runtime: Provenance
    cost: Provenance
    pricing_versions: tuple[str, ...]
    dirty_days: int

    @property
    def empty(self) -> bool:
        """Whether no call and no session falls on these days."""
        return not self.daily

    def as_json(self) -> Json:
        """The report on the wire. Days ascend; models and agents come dearest first."""
        return {
            "from": iso(self.first),
            "to": iso(self.last),
            "totals": self.totals.as_json(),
            "daily": [
                {"date": day.isoformat()} | block.as_json() for day, block in self.daily.items()
            ],
            "models": [
                {"modelId": model.model_id, "provider": model.provider} | model.block.as_json()
                for model in self.models
            ],
            "agents": [
                {"agentId": agent} | block.as_json() for agent, block in self.agents.items()
            ],
            "provenance": {
                "token": self.token.as_json(),
                "runtime": self.runtime.as_json(),
                "cost": self.cost.as_json(),
            },
            "pricingVersions": list(self.pricing_versions),
        }


def usage_report(
    repository: UsageRepository, *, first: date | None = None, last: date | None = None
) -> UsageReport:
    """Usage from `first` to `last`, which default to the first and the last day with data.

    Raises:
        UsageError: `first` lies after `last`.
    """
    span = days_of(repository.span(), first, last)
    if span is None:
        usage, origins, dirty = Usage(daily={}, by_agent_and_model={}), [], 0
    else:
        usage, origins = repository.usage(span), repository.origins(span)
        dirty = repository.dirty_days(span)
    return UsageReport(
        first=span.first if span else first,
        last=span.last if span else last,
        totals=sum(usage.daily.values(), Block()),
        daily=usage.daily,
        models=_models(usage, origins),
        agents=_agents(usage),
        token=_provenance(origins, lambda o: o.token_source, lambda o: o.token_confidence),
        runtime=_provenance(origins, lambda o: o.runtime_source, lambda o: o.runtime_confidence),
        cost=_provenance(origins, lambda o: o.cost_source, lambda o: o.cost_confidence),
        pricing_versions=tuple(sorted({o.pricing_version for o in origins if o.pricing_version})),
        dirty_days=dirty,
    )


def dearest_first(block: Block, *names: str) -> tuple[object, ...]:
    """Sort key: most expensive, then most tokens, calls and sessions, then by name."""
    return (-block.cost_usd, -block.total_tokens, -block.calls, -block.sessions, names)


def _agents(usage: Usage) -> dict[str, Block]:
    blocks: dict[str, Block] = defaultdict(Block)
    for (agent, _), block in usage.by_agent_and_model.items():
        blocks[agent] += block
    return {agent: blocks[agent] for agent in sorted(blocks, key=_dearest(blocks))}


def _busiest(blocks: Mapping[str, Block]) -> Callable[[str], tuple[int, str]]:
    return lambda name: (-blocks[name].calls, name)


def _dearest(blocks: Mapping[str, Block]) -> Callable[[str], tuple[object, ...]]:
    return lambda name: dearest_first(blocks[name], name)


def _models(usage: Usage, origins: Iterable[Origin]) -> tuple[ModelUsage, ...]:
    """Models by provider, which a session does not know: it goes where most of the calls are.

    What is left of a model without a provider (sessions without calls, aggregates older than
    provenance) gets a row of its own, so that the models always add up to the totals.
    """
    left: dict[str, Block] = defaultdict(Block)
    for (_, model), block in usage.by_agent_and_model.items():
        left[model] += block
    served: dict[str, dict[str, Block]] = defaultdict(lambda: defaultdict(Block))
    for origin in origins:
        calls = origin.block - Block(sessions=origin.block.sessions)
        served[origin.model_id][origin.provider] += calls
        left[origin.model_id] -= calls
    rows: list[ModelUsage] = []
    for model, rest in left.items():
        sessions = Block(sessions=rest.sessions)
        busiest = min(served[model], key=_busiest(served[model]), default=None)
        for provider, block in served[model].items():
            whole = block + sessions if provider == busiest else block
            rows.append(ModelUsage(model_id=model, provider=provider, block=whole))
        unserved = rest if busiest is None else rest - sessions
        if unserved != Block():
            rows.append(ModelUsage(model_id=model, provider=None, block=unserved))
    return tuple(
        sorted(rows, key=lambda row: dearest_first(row.block, row.model_id, row.provider or ""))
    )


def _provenance(
    origins: Iterable[Origin], source: Callable[[Origin], str], confidence: Callable[[Origin], str]
) -> Provenance:
    known = Block()
    by_source: dict[str, Block] = defaultdict(Block)
    by_confidence: dict[str, Block] = defaultdict(Block)
    for origin in origins:
        by_source[source(origin)] += origin.block
        by_confidence[confidence(origin)] += origin.block
        if source(origin) != _MISSING:
            known += origin.block
    return Provenance(block=known, by_source=dict(by_source), by_confidence=dict(by_confidence))


def _blocks(blocks: Mapping[str, Block], order: type[ValueSource | Confidence]) -> Json:
    return {name.value: blocks[name.value].as_json() for name in order if name.value in blocks}
