"""Rows of the aggregates: the facts they were computed from, and the calls or sessions behind them.

The calls are counted again in the ledger as it is now, and held against the row: a difference means
that the ledger has changed since, and the day is dirty.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from helicarrier import times
from helicarrier.ledger.enums import Dataset
from helicarrier.lineage.explain.ledger_rows import call_node
from helicarrier.lineage.explain.run_nodes import run_node, writer_of
from helicarrier.lineage.explain.sources import Row, Sources, dollars, instants, number, text
from helicarrier.lineage.explain.tree import Fact, Node

_MOST = 5
_MOST_PARTITIONS = 5
_DAY = "u.occurred_at >= :first AND u.occurred_at < :after"
_JOINED = "session_usage u JOIN session_ledger s ON s.session_id = u.session_id"
_DAILY_USAGE = (
    f"{_JOINED} WHERE {_DAY} AND u.model_id = :model_id AND s.agent_id = :agent_id"
    " AND s.task_category = :task_category"
)
_SUBTOTALS = (
    f"{_JOINED} WHERE {_DAY} AND (:model_id = '' OR u.model_id = :model_id)"
    " AND (:agent_id = '' OR s.agent_id = :agent_id)"
    " AND (:task_category = '' OR s.task_category = :task_category)"
)
_PROVENANCE = (
    f"session_usage u WHERE {_DAY} AND u.provider = :provider AND u.model_id = :model_id"
    " AND COALESCE(u.pricing_version, '') = :pricing_version"
    " AND u.cost_source = :cost_source AND u.cost_confidence = :cost_confidence"
    " AND u.token_source = :token_source AND u.token_confidence = :token_confidence"
    " AND u.runtime_source = :runtime_source AND u.runtime_confidence = :runtime_confidence"
)
_SESSIONS = (
    "session_ledger s WHERE s.started_at >= :first AND s.started_at < :after"
    " AND s.model_id = :model_id AND (:agent_id = '*' OR s.agent_id = :agent_id)"
    " AND (:task_category = '*' OR s.task_category = :task_category)"
)
_TOTALS = "SELECT COUNT(*) AS calls, SUM(u.total_tokens) AS tokens, SUM(u.cost_usd) AS cost FROM "
_TOP = (
    "SELECT u.usage_id, u.source_uri, u.source_line, u.cost_usd, u.pricing_version,"
    " u.cost_source, u.cost_confidence FROM "
)
_BY_COST = (
    " ORDER BY CASE WHEN u.cost_usd IS NULL THEN 1 ELSE 0 END, u.cost_usd DESC, u.usage_id"
    f" LIMIT {_MOST}"
)


def of_daily_usage(sources: Sources, row: Row) -> list[Node]:
    """A day of an agent, a model and a task category."""
    return _of_groups(sources, row, _DAILY_USAGE)


def of_daily_subtotals(sources: Sources, row: Row) -> list[Node]:
    """A day of an agent, a model and a task category, or of all of them."""
    return _of_groups(sources, row, _SUBTOTALS)


def _of_groups(sources: Sources, row: Row, where: str) -> list[Node]:
    day = text(row, "bucket_date")
    calls = _calls(sources, row, where, ("model_id", "agent_id", "task_category"), day)
    return [calls, *_computed(sources, row, [Dataset.USAGE_FACTS, Dataset.SESSION_FACTS], [day])]


def of_daily_provenance(sources: Sources, row: Row) -> list[Node]:
    """A day of one provider, model and combination of provenance."""
    day = text(row, "bucket_date")
    names = (
        "provider",
        "model_id",
        "pricing_version",
        "cost_source",
        "cost_confidence",
        "token_source",
        "token_confidence",
        "runtime_source",
        "runtime_confidence",
    )
    calls = _calls(sources, row, _PROVENANCE, names, day)
    return [calls, *_computed(sources, row, [Dataset.USAGE_FACTS], [day])]


def of_performance(sources: Sources, row: Row) -> list[Node]:
    """A trailing window: the sessions that started in it."""
    first, last = text(row, "window_start"), text(row, "window_end")
    names = ("model_id", "agent_id", "task_category")
    params = {name: row[name] for name in names} | instants(first, last)
    (total,) = sources.query.rows(f"SELECT COUNT(*) AS runs FROM {_SESSIONS}", params)  # noqa: S608
    found = sources.query.rows(
        "SELECT s.session_id, s.status, s.runtime_ms, s.started_at, s.source_uri FROM "  # noqa: S608
        f"{_SESSIONS} ORDER BY s.started_at DESC, s.session_id LIMIT {_MOST}",
        params,
    )
    sessions = Node(
        title="sessions in the ledger now",
        facts={
            "sessions": number(total, "runs"),
            "agrees_with_the_row": number(total, "runs") == number(row, "runs_total"),
        },
        children=tuple(
            Node(
                title=f"session {text(one, 'session_id')}",
                facts={
                    "status": text(one, "status"),
                    "started_at": text(one, "started_at"),
                    "runtime_ms": None if one["runtime_ms"] is None else number(one, "runtime_ms"),
                    "source": text(one, "source_uri"),
                },
            )
            for one in found
        ),
    )
    days = [str(day) for day in times.days(date.fromisoformat(first), date.fromisoformat(last))]
    return [sessions, *_computed(sources, row, [Dataset.SESSION_FACTS], days)]


def _calls(sources: Sources, row: Row, where: str, names: Iterable[str], day: str) -> Node:
    params = {name: row[name] for name in names} | instants(day, day)
    (total,) = sources.query.rows(_TOTALS + where, params)
    stored = {
        "calls": number(row, "calls_total"),
        "total_tokens": number(row, "total_tokens_total"),
        "cost": dollars(row["cost_usd_total"]),
    }
    counted: Mapping[str, Fact] = {
        "calls": number(total, "calls"),
        "total_tokens": number(total, "tokens"),
        "cost": dollars(total["cost"] if total["cost"] is not None else 0),
    }
    return Node(
        title=f"calls in the ledger now, the {_MOST} that cost most",
        facts={**counted, "agrees_with_the_row": counted == stored},
        children=tuple(map(call_node, sources.query.rows(_TOP + where + _BY_COST, params))),
    )


def _computed(
    sources: Sources, row: Row, datasets: Iterable[Dataset], days: list[str]
) -> list[Node]:
    """The run that computed the row, and the runs that wrote the partitions it read."""
    run_id = text(row, "run_id")
    mine = sources.runs.get_run(run_id)
    read = {(edge.dataset, edge.partition_key): edge for edge in sources.runs.edges(run_id)[0]}
    parts = []
    wanted = [(dataset.value, day) for dataset in datasets for day in reversed(days)]
    for dataset, day in [part for part in wanted if part in read][:_MOST_PARTITIONS]:
        edge = read[dataset, day]
        writer = writer_of(sources.runs, dataset, day, mine)
        parts.append(
            Node(
                title=f"partition {dataset} {day}",
                facts={
                    "rows": edge.rows,
                    "sha256": edge.fingerprint,
                    "written_by": None if writer is None else writer.run_id,
                    "code": None if writer is None else writer.code_ref,
                },
            )
        )
    known = f"{len(read)} partitions" if read else "no partitions on record"
    return [
        Node(title=f"facts it was computed from: {known}", children=tuple(parts)),
        run_node(sources.runs, run_id),
    ]
