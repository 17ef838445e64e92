"""Rows of evals: the decision behind a verdict, the samples it stands on, the run that judged."""

import json
from collections.abc import Mapping

from helicarrier.evals.decision import KEY
from helicarrier.evals.tables import AI_EVAL_RUNS
from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import Row, Sources, number, text
from helicarrier.lineage.explain.tree import Fact, Node

_RUN = "SELECT * FROM ai_eval_runs WHERE run_id = :run_id"
_VERDICTS = """
SELECT gate, slice_key, slice_value, verdict, reason FROM ai_eval_gate_results
WHERE run_id = :run_id ORDER BY slice_key, slice_value, gate
"""
_SAMPLES = "SELECT COUNT(*) AS samples FROM ai_eval_samples WHERE run_id = :run_id"
_DECIDED = """
SELECT occurred_at, actor, details_json FROM audit_log
WHERE action = :action AND subject = :run_id ORDER BY occurred_at, audit_id
"""
_PLAIN = ("policy", "rate_interval", "confidence", "min_n", "code_version", "samples_sha256")


def of_run(sources: Sources, row: Row) -> list[Node]:
    """An eval run: what was decided, by which rules, on how many samples, by which run."""
    verdicts = sources.query.rows(_VERDICTS, {"run_id": row["run_id"]})
    told = Node(
        title=f"verdicts: {len(verdicts)}",
        facts={
            f"{one['gate']} ({one['slice_key']} {one['slice_value']})": (
                f"{text(one, 'verdict')}: {text(one, 'reason')}"
            )
            for one in verdicts
        },
    )
    return [*_decided(sources, row), _rules(sources, row), told, *_judged_by(sources, row)]


def of_part(sources: Sources, row: Row) -> list[Node]:
    """A sample or a verdict: the eval run it belongs to, its rules, the run that judged."""
    (whole,) = sources.query.rows(_RUN, {"run_id": row["run_id"]})
    names = ("status", "run_type", "dataset_ref", "commit_sha", "triggered_by", "started_at")
    run = Node(
        title=f"eval run {text(row, 'run_id')}", facts={name: text(whole, name) for name in names}
    )
    return [run, _rules(sources, whole), *_judged_by(sources, row)]


def of_window(sources: Sources, row: Row) -> list[Node]:
    """A window of a canary: the run that judged it."""
    return [run_node(sources.runs, text(row, "run_id"))]


def _decided(sources: Sources, row: Row) -> list[Node]:
    """What the audit log holds about it."""
    from helicarrier.evals.release import ACTION

    found = sources.query.rows(_DECIDED, {"action": ACTION, "run_id": row["run_id"]})
    return [
        Node(
            title=f"decided: {_object(one['details_json']).get('outcome')}",
            facts={"at": text(one, "occurred_at"), "by": text(one, "actor")},
        )
        for one in found
    ]


def _rules(sources: Sources, row: Row) -> Node:
    (counted,) = sources.query.rows(_SAMPLES, {"run_id": row["run_id"]})
    decision = _object(_object(row["metadata"]).get(KEY))
    thresholds = _object(row["thresholds"])
    facts: dict[str, Fact] = {name: str(decision[name]) for name in _PLAIN if name in decision}
    facts |= {f"threshold of {name}": str(value) for name, value in thresholds.items()}
    facts["samples"] = number(counted, "samples")
    if decision.get("baseline_run_id") is not None:
        facts["baseline"] = str(decision["baseline_run_id"])
    return Node(title="rules and samples", facts=facts)


def _judged_by(sources: Sources, row: Row) -> list[Node]:
    """The run of the run store that stored the eval run; the id in the row is the eval run's."""
    found = sources.runs.runs_for(AI_EVAL_RUNS.name, text(row, "run_id"))
    if not found:
        told = "not in the run store: it is older, or the store is another one"
        return [Node(title="run", facts={"known": told})]
    return [run_node(sources.runs, one.run_id) for one in found]


def _object(value: object) -> Mapping[str, object]:
    """A JSON object, as text or as it is; anything else is empty."""
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}
