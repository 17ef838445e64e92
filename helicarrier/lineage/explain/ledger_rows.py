"""Rows of the ledger: the source line, the call's price rate by rate, the session, the run."""

from collections.abc import Iterator
from pathlib import Path

from helicarrier import money, times
from helicarrier.cost.prices import PriceBook, bundled_version
from helicarrier.cost.rates import Rates, nanos
from helicarrier.cost.tokens import TokenClass
from helicarrier.governance.enums import PROVIDER_NATIVE, CostSource
from helicarrier.ledger.rows import price_context
from helicarrier.lineage.explain.git_rows import commit_nodes
from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import Row, Sources, dollars, number, text
from helicarrier.lineage.explain.tree import Fact, Node

_CALLS = """
SELECT usage_id, source_uri, source_line, model_id, total_tokens, cost_usd, pricing_version,
  cost_source, cost_confidence
FROM session_usage WHERE session_id = :session_id
ORDER BY cost_usd DESC, usage_id LIMIT 5
"""
_CALL_TOTALS = """
SELECT COUNT(*) AS calls, SUM(total_tokens) AS tokens, SUM(cost_usd) AS cost,
  COUNT(*) - COUNT(cost_usd) AS unknown
FROM session_usage WHERE session_id = :session_id
"""
_SESSION = """
SELECT session_id, agent_id, task_title, source, source_version, source_uri, cwd, git_branch,
  git_commit
FROM session_ledger WHERE session_id = :session_id
"""
_FILE = """
SELECT reader, size, sha256, byte_offset, line_offset, state, run_id
FROM import_files WHERE path = :path
"""
_HISTORY = """
SELECT seq, pricing_version, cost_usd, reason, run_id, computed_at
FROM usage_cost_history WHERE usage_id = :usage_id ORDER BY seq
"""
_TOKENS = {
    TokenClass.PROMPT: "prompt_tokens",
    TokenClass.CACHE_READ: "cache_read_tokens",
    TokenClass.CACHE_WRITE_5M: "cache_write_5m_tokens",
    TokenClass.CACHE_WRITE_1H: "cache_write_1h_tokens",
    TokenClass.COMPLETION: "completion_tokens",
    TokenClass.REASONING: "reasoning_tokens",
}


def of_call(sources: Sources, row: Row) -> list[Node]:
    """A model call: cost, source, session, run."""
    found = [_cost(row), _source(sources, row)]
    history = [_priced(entry) for entry in sources.query.rows(_HISTORY, _only(row, "usage_id"))]
    if history:
        found.append(Node(title="earlier and later prices", children=tuple(history)))
    found += [_session(sources, row), _run(sources, row)]
    return found


def of_event(sources: Sources, row: Row) -> list[Node]:
    """An event: source, session, run."""
    return [_source(sources, row), _session(sources, row), _run(sources, row)]


def of_session(sources: Sources, row: Row) -> list[Node]:
    """A session: its calls, where it came from, the run that wrote it last."""
    key = _only(row, "session_id")
    (totals,) = sources.query.rows(_CALL_TOTALS, key)
    calls = Node(
        title="calls",
        facts={
            "calls": number(totals, "calls"),
            "total_tokens": number(totals, "tokens"),
            "cost": dollars(totals["cost"]),
            "calls_of_unknown_cost": number(totals, "unknown"),
        },
        children=tuple(map(call_node, sources.query.rows(_CALLS, key))),
    )
    commit = commit_nodes(sources, text(row, "session_id"))
    return [calls, *commit, _source(sources, row), _run(sources, row)]


def call_node(row: Row) -> Node:
    """A call in a list: what it cost and where it is written."""
    return Node(
        title=f"call {text(row, 'usage_id')}",
        facts={
            "cost": dollars(row["cost_usd"]),
            "pricing_version": _or_none(row["pricing_version"]),
            "cost_source": text(row, "cost_source"),
            "cost_confidence": text(row, "cost_confidence"),
            "source": place(row),
        },
    )


def place(row: Row) -> str:
    """File and line, or the endpoint."""
    line = row.get("source_line")
    return text(row, "source_uri") + ("" if line is None else f":{line}")


def _cost(row: Row) -> Node:
    version = _or_none(row["pricing_version"])
    facts: dict[str, Fact] = {
        "cost": dollars(row["cost_usd"]),
        "pricing_version": version,
        "source": text(row, "cost_source"),
        "confidence": text(row, "cost_confidence"),
        "computed_at": text(row, "computed_at"),
    }
    if row["cost_source"] == CostSource.MISSING.value:
        return Node(title="cost", facts=facts | {"why": "neither reported nor in the price list"})
    if version == PROVIDER_NATIVE:
        return Node(title="cost", facts=facts | {"why": "the provider reported it"})
    if version != bundled_version():
        mine = bundled_version()
        why = f"rates of that list are not at hand: this program prices with {mine}"
        return Node(title="cost", facts=facts | {"rates": why})
    return Node(title="cost", facts=facts, children=_rates(row))


def _rates(row: Row) -> tuple[Node, ...]:
    counts = [number(row, name) for name in _TOKENS.values()]
    provider = text(row, "provider")
    rates = PriceBook().rates(
        provider,
        text(row, "model_id"),
        times.parse(text(row, "occurred_at")),
        sum(counts[:4]),
        price_context(_or_none(row["price_context"])),
    )
    if rates is None:
        return (Node(title="rates", facts={"found": False}),)
    yoctos = rates.yoctos(*counts)
    again = None if yoctos is None else money.from_nanos(nanos(yoctos))
    sums = dict(_products(rates, counts))
    return (
        Node(
            title=f"rates of {rates.source_model}, dollars per million tokens",
            facts={
                **sums,
                "context_tier_above": rates.above_tokens,
                "dated": rates.dated,
                "sum": None if again is None else f"${money.dollars(again)}",
                "agrees_with_the_stored_cost": (
                    None
                    if again is None
                    else f"${money.dollars(again)}" == dollars(row["cost_usd"])
                ),
            },
        ),
    )


def _products(rates: Rates, counts: list[int]) -> Iterator[tuple[str, str]]:
    for token_class, count in zip(TokenClass, counts, strict=True):
        per_million = rates.per_million(token_class)
        if count:
            price = "no price" if per_million is None else f"${per_million.normalize():f}"
            inside = " (within completion)" if token_class is TokenClass.REASONING else ""
            yield token_class.value, f"{count:,} tokens at {price}{inside}"


def _priced(entry: Row) -> Node:
    return Node(
        title=f"price {number(entry, 'seq')}",
        facts={
            "cost": dollars(entry["cost_usd"]),
            "pricing_version": _or_none(entry["pricing_version"]),
            "reason": text(entry, "reason"),
            "computed_at": text(entry, "computed_at"),
            "run": text(entry, "run_id"),
        },
    )


def _source(sources: Sources, row: Row) -> Node:
    path = text(row, "source_uri")
    found = sources.query.rows(_FILE, {"path": path})
    facts: dict[str, Fact] = {}
    if row.get("source_line") is not None:
        facts["line"] = number(row, "source_line")
    if found:
        (file,) = found
        facts |= {
            "reader": text(file, "reader"),
            "state": text(file, "state"),
            "lines_imported": number(file, "line_offset"),
            "sha256_of_what_was_imported": text(file, "sha256"),
            "last_imported_by": text(file, "run_id"),
            "there_now": Path(path).is_file(),
        }
    return Node(title=f"source {path}", facts=facts)


def _session(sources: Sources, row: Row) -> Node:
    found = sources.query.rows(_SESSION, _only(row, "session_id"))
    known = found[0] if found else {}
    return Node(
        title=f"session {text(row, 'session_id')}",
        facts={
            name: str(value)
            for name, value in known.items()
            if name != "session_id" and value is not None
        },
        children=commit_nodes(sources, text(row, "session_id")),
    )


def _run(sources: Sources, row: Row) -> Node:
    return run_node(sources.runs, text(row, "run_id"), about=text(row, "source_uri"))


def _only(row: Row, name: str) -> dict[str, object]:
    return {name: row[name]}


def _or_none(value: object) -> str | None:
    return None if value is None else str(value)
