"""Rows of resolution: the proof behind a mismatch, the decisions about a plan, the run that wrote.

A plan is explained by its mismatch, by everything the decision log holds about it, and by what
reviewers said of it.
"""

import json

from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import Row, Sources, text
from helicarrier.lineage.explain.tree import Node

_MOST = 10
_MISMATCH = "SELECT * FROM mismatch WHERE id = :id"
_PLANS = """
SELECT id, environment, status, safety_level, policy_id, policy_version
FROM resolution_plan WHERE mismatch_id = :id ORDER BY environment, id
"""
_DECISIONS = """
SELECT created_at, decision_data FROM ai_decision_log
WHERE entity_id = :id ORDER BY created_at DESC, id LIMIT :most
"""
_REVIEWS = """
SELECT reviewer, verdict, reviewed_at FROM outcome_review
WHERE plan_id = :id ORDER BY reviewed_at, id
"""
_PROOF = ("verdict", "method", "proven", "golden_hash", "candidate_hash", "diff_id", "latency_ms")


def of_mismatch(sources: Sources, row: Row) -> list[Node]:
    """A mismatch: what was found, the sessions that made its sides, its plans, and the run."""
    plans = sources.query.rows(_PLANS, {"id": row["id"]})
    told = Node(
        title=f"plans: {len(plans)}",
        facts={
            text(one, "id"): (
                f"{text(one, 'environment')}: {text(one, 'status')}, {text(one, 'safety_level')}, "
                f"{text(one, 'policy_id')} v{one['policy_version']}"
            )
            for one in plans
        },
    )
    return [_found(row), told, run_node(sources.runs, text(row, "run_id"))]


def of_plan(sources: Sources, row: Row) -> list[Node]:
    """A plan: its mismatch, what was decided about it, what reviewers said, and the run."""
    (mismatch,) = sources.query.rows(_MISMATCH, {"id": row["mismatch_id"]})
    decisions = sources.query.rows(_DECISIONS, {"id": row["id"], "most": _MOST})
    reviews = sources.query.rows(_REVIEWS, {"id": row["id"]})
    decided = Node(
        title=f"decisions, the newest {_MOST}",
        facts={text(one, "created_at"): _decision(text(one, "decision_data")) for one in decisions},
    )
    said = Node(
        title=f"reviews: {len(reviews)}",
        facts={
            f"{text(one, 'reviewer')} {text(one, 'reviewed_at')}": text(one, "verdict")
            for one in reviews
        },
    )
    return [_found(mismatch), decided, said, run_node(sources.runs, text(row, "run_id"))]


def of_decision(_: Sources, row: Row) -> list[Node]:
    """A line of the decision log: the grounds it gives."""
    data = json.loads(text(row, "decision_data"))
    facts = {str(name): str(value) for name, value in sorted(data.items())}
    return [Node(title="grounds", facts=facts)]


def _found(mismatch: Row) -> Node:
    evidence = json.loads(text(mismatch, "evidence"))
    sessions = evidence.get("sessions") or []
    sides = ", ".join(json.loads(text(mismatch, "artifact_ids")))
    return Node(
        title=f"{text(mismatch, 'type')} between {sides}",
        facts={name: evidence.get(name) for name in _PROOF},
        children=tuple(Node(title=f"session {name}") for name in sessions),
    )


def _decision(data: str) -> str:
    found = json.loads(data)
    reasons = "; ".join(found.get("reasons") or [])
    return f"{found.get('outcome')}: {reasons}" if reasons else str(found.get("outcome"))
