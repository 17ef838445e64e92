"""Runs as nodes: code, configuration, process, inputs and outputs."""

from collections.abc import Sequence

from helicarrier import times
from helicarrier.lineage.explain.tree import Fact, Node
from helicarrier.store.run_model import Edge, RunRecord, RunStatus
from helicarrier.store.run_store import CONFIG, RunStore

_MOST_EDGES = 10


def run_node(runs: RunStore, run_id: str, *, about: str | None = None, title: str = "run") -> Node:
    """The run that wrote a row.

    Args: runs; run_id; about, the partition of an input that the row came from: it is named first;
    title.
    """
    record = runs.get_run(run_id)
    if record is None:
        return Node(
            title=f"{title} {run_id}",
            facts={"known": "not in the run store: it is older, or the store is another one"},
        )
    inputs, outputs = runs.edges(run_id)
    return Node(
        title=f"{title} {run_id}",
        facts=_facts(record),
        children=(
            _config(record),
            _edges("inputs", sorted(inputs, key=lambda edge: edge.partition_key != about)),
            _edges("outputs", outputs),
        ),
    )


def writer_of(
    runs: RunStore, dataset: str, partition: str, before: RunRecord | None
) -> RunRecord | None:
    """The run whose rows of a partition a later run has read; None where nobody knows."""
    for record in runs.runs_for(dataset, partition):
        done = record.finished_at
        in_time = done is not None and (before is None or done <= before.started_at)
        if in_time and record.status is RunStatus.COMPLETED:
            return record
    return None


def _facts(record: RunRecord) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "asset": record.asset_key,
        "partition": record.partition_key,
        "status": record.status.value,
        "error": record.error,
        "started_at": times.utc_text(record.started_at),
        "finished_at": None if record.finished_at is None else times.utc_text(record.finished_at),
        "code": record.code_ref,
        "config_hash": record.config_hash,
        "input_fingerprint": record.input_fingerprint,
        "rows_in": record.rows_in,
        "rows_out": record.rows_out,
        "process": f"{record.pid} on {record.host}",
        "dagster_run_id": record.dagster_run_id,
        "parent_run_id": record.parent_run_id,
    }
    optional = {"partition", "error", "input_fingerprint", "dagster_run_id", "parent_run_id"}
    return {k: v for k, v in facts.items() if v is not None or k not in optional}


def _config(record: RunRecord) -> Node:
    config = record.attrs.get(CONFIG)
    named = config if isinstance(config, dict) else {}
    return Node(title="configuration", facts={name: str(named[name]) for name in sorted(named)})


def _edges(title: str, edges: Sequence[Edge]) -> Node:
    count = len(edges)
    shown = tuple(
        Node(
            title=" ".join(filter(None, (edge.dataset, edge.partition_key))),
            facts={
                name: value
                for name, value in (("rows", edge.rows), ("sha256", edge.fingerprint))
                if value is not None
            },
        )
        for edge in edges[:_MOST_EDGES]
    )
    more = f", the first {_MOST_EDGES}" if count > _MOST_EDGES else ""
    return Node(title=f"{count} {title if count != 1 else title[:-1]}{more}", children=shown)
