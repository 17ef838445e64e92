"""Rows of alerts: the rule behind a state, the transitions that led there, the run that judged."""

from helicarrier.lineage.explain.run_nodes import run_node
from helicarrier.lineage.explain.sources import Row, Sources, text
from helicarrier.lineage.explain.tree import Node

_MOST = 10
_RULE = "SELECT * FROM alert_rules WHERE rule_id = :rule_id"
_CHANGES = """
SELECT occurred_at, from_status, to_status, to_lifecycle, reason, run_id
FROM alert_transitions
WHERE rule_id = :rule_id AND scope_key = :scope_key
ORDER BY occurred_at DESC, transition_id
LIMIT :most
"""
_AUDITED = """
SELECT occurred_at, actor, action, details_json FROM audit_log
WHERE subject = :rule_id AND action LIKE 'alert%'
ORDER BY occurred_at DESC, audit_id
LIMIT :most
"""
_SHOWN = (
    "metric",
    "scope",
    "agent_id",
    "model_id",
    "time_window",
    "comparison",
    "warn_threshold",
    "critical_threshold",
    "enabled",
)


def of_state(sources: Sources, row: Row) -> list[Node]:
    """How a scope stands: its rule, how it came there, and the run that judged it last."""
    key = {"rule_id": row["rule_id"], "scope_key": row["scope_key"], "most": _MOST}
    changes = sources.query.rows(_CHANGES, key)
    told = Node(
        title=f"transitions, the newest {_MOST}",
        facts={
            text(one, "occurred_at"): (
                f"{one['from_status']} -> {one['to_status']}, {one['to_lifecycle']}: "
                f"{one['reason']} (run {one['run_id']})"
            )
            for one in changes
        },
    )
    return [_rule(sources, row), told, run_node(sources.runs, text(row, "run_id"))]


def of_transition(sources: Sources, row: Row) -> list[Node]:
    """A change of a state: its rule, and the run that made it."""
    return [_rule(sources, row), run_node(sources.runs, text(row, "run_id"))]


def of_rule(sources: Sources, row: Row) -> list[Node]:
    """A rule: who did what to it."""
    found = sources.query.rows(_AUDITED, {"rule_id": row["rule_id"], "most": _MOST})
    return [
        Node(
            title=f"audit log, the newest {_MOST}",
            facts={
                text(one, "occurred_at"): f"{one['action']} by {one['actor']} {one['details_json']}"
                for one in found
            },
        )
    ]


def _rule(sources: Sources, row: Row) -> Node:
    (rule,) = sources.query.rows(_RULE, {"rule_id": row["rule_id"]})
    return Node(
        title=f"rule {text(row, 'rule_id')}",
        facts={name: str(rule[name]) for name in _SHOWN if rule[name] is not None},
    )
