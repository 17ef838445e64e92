"""Rows and records: how mismatches, plans, blobs, reviews and decisions stand in their tables.

Documents inside rows are canonical JSON, so that equal records are equal rows.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite

from helicarrier import times
from helicarrier.canonical import JSONValue, canonical_bytes, sha256
from helicarrier.resolution.decision_enums import DecisionType, ReviewVerdict
from helicarrier.resolution.enums import (
    Action,
    Environment,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
    SafetyLevel,
)
from helicarrier.resolution.records import (
    Approval,
    ApprovalType,
    Decision,
    Mismatch,
    Plan,
    PlannedAction,
    Review,
    RollbackBlob,
)
from helicarrier.resolution.tables import rollback_blob


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> int:
    """Insert the rows whose key is free; returns how many that were."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return sum(len(connection.execute(statement, row).all()) for row in rows)


def json_text(value: JSONValue) -> str:
    """Canonical JSON as text."""
    return canonical_bytes(value).decode()


def mismatch_row(found: Mismatch) -> dict[str, object]:
    """A mismatch as its row."""
    return {
        "id": found.mismatch_id,
        "run_id": found.run_id,
        "artifact_ids": json_text(list(found.artifact_ids)),
        "type": found.mismatch_type.value,
        "detectors": json_text(list(found.detectors)),
        "evidence": json_text(dict(found.evidence)),
        "status": found.status.value,
        "confidence_score": found.confidence,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "error_code": found.error_code,
        "error_message": found.error_message,
        "provenance": json_text(dict(found.provenance)),
    }


def mismatch_of(row: Row[Any] | RowMapping) -> Mismatch:
    """A row as a mismatch."""
    columns = _named(row)
    golden, candidate = json.loads(columns["artifact_ids"])
    return Mismatch(
        mismatch_id=columns["id"],
        run_id=columns["run_id"],
        artifact_ids=(golden, candidate),
        mismatch_type=MismatchType(columns["type"]),
        detectors=tuple(json.loads(columns["detectors"])),
        evidence=json.loads(columns["evidence"]),
        status=MismatchStatus(columns["status"]),
        confidence=columns["confidence_score"],
        created_at=columns["created_at"],
        updated_at=columns["updated_at"],
        error_code=columns["error_code"],
        error_message=columns["error_message"],
        provenance=json.loads(columns["provenance"]),
    )


def plan_row(plan: Plan) -> dict[str, object]:
    """A plan as its row."""
    return {
        "id": plan.plan_id,
        "mismatch_id": plan.mismatch_id,
        "environment": plan.environment.value,
        "policy_id": plan.policy_id,
        "policy_version": plan.policy_version,
        "actions": json_text([action_json(one) for one in plan.actions]),
        "status": plan.status.value,
        "safety_level": plan.safety_level.value,
        "dual_key": int(plan.dual_key),
        "minimum_confidence": plan.minimum_confidence,
        "required_evidence": json_text(list(plan.required_evidence)),
        "approvals": json_text([approval_json(one) for one in plan.approvals]),
        "outcome": json_text(dict(plan.outcome)),
        "created_at": plan.created_at,
        "expires_at": plan.expires_at,
        "applied_at": plan.applied_at,
        "run_id": plan.run_id,
    }


def plan_of(row: Row[Any] | RowMapping) -> Plan:
    """A row as a plan."""
    columns = _named(row)
    return Plan(
        plan_id=columns["id"],
        mismatch_id=columns["mismatch_id"],
        environment=Environment(columns["environment"]),
        policy_id=columns["policy_id"],
        policy_version=columns["policy_version"],
        actions=tuple(map(_action, json.loads(columns["actions"]))),
        status=ResolutionStatus(columns["status"]),
        safety_level=SafetyLevel(columns["safety_level"]),
        dual_key=bool(columns["dual_key"]),
        minimum_confidence=columns["minimum_confidence"],
        required_evidence=tuple(json.loads(columns["required_evidence"])),
        approvals=tuple(map(_approval, json.loads(columns["approvals"]))),
        outcome=json.loads(columns["outcome"]),
        created_at=columns["created_at"],
        expires_at=columns["expires_at"],
        applied_at=columns["applied_at"],
        run_id=columns["run_id"],
    )


def action_json(found: PlannedAction) -> dict[str, JSONValue]:
    """An action as `actions` holds it."""
    return {
        "action": found.action.value,
        "artifact_id": found.artifact_id,
        "before_hash": found.before_hash,
        "after_hash": found.after_hash,
    }


def approval_json(found: Approval) -> dict[str, JSONValue]:
    """An approval as `approvals` holds it."""
    return {
        "user": found.user,
        "timestamp": times.utc_text(found.at),
        "type": found.type.value,
        "comment": found.comment,
    }


def blob_row(blob: RollbackBlob) -> dict[str, object]:
    """A blob as its row."""
    return {name: getattr(blob, name) for name in rollback_blob.c.keys()}  # noqa: SIM118


def blob_of(row: Row[Any] | RowMapping) -> RollbackBlob:
    """A row as a blob."""
    return RollbackBlob(**_named(row))


def review_row(review: Review) -> dict[str, object]:
    """A review as its row; the same person's same verdict on a plan is one row."""
    said = f"{review.plan_id}\n{review.reviewer.strip().casefold()}\n{review.verdict}"
    return {
        "id": sha256(said.encode()),
        "plan_id": review.plan_id,
        "verdict": review.verdict.value,
        "satisfaction": review.satisfaction,
        "reviewer": review.reviewer,
        "comment": review.comment,
        "reviewed_at": review.reviewed_at,
    }


def review_of(row: Row[Any] | RowMapping) -> Review:
    """A row as a review."""
    columns = _named(row)
    return Review(
        plan_id=columns["plan_id"],
        verdict=ReviewVerdict(columns["verdict"]),
        satisfaction=columns["satisfaction"],
        reviewer=columns["reviewer"],
        comment=columns["comment"],
        reviewed_at=columns["reviewed_at"],
    )


def decision_row(decision: Decision) -> dict[str, object]:
    """A decision as its row."""
    return {
        "id": decision.decision_id,
        "decision_type": decision.decision_type.value,
        "entity_id": decision.entity_id,
        "model_used": decision.model_used,
        "input_tokens": decision.input_tokens,
        "output_tokens": decision.output_tokens,
        "cost_usd": decision.cost_usd,
        "latency_ms": decision.latency_ms,
        "confidence_score": decision.confidence,
        "decision_data": json_text(dict(decision.data)),
        "created_at": decision.at,
    }


def decision_of(row: Row[Any] | RowMapping) -> Decision:
    """A row as a decision."""
    columns = _named(row)
    return Decision(
        decision_id=columns["id"],
        decision_type=DecisionType(columns["decision_type"]),
        entity_id=columns["entity_id"],
        data=json.loads(columns["decision_data"]),
        at=columns["created_at"],
        model_used=columns["model_used"],
        input_tokens=columns["input_tokens"],
        output_tokens=columns["output_tokens"],
        cost_usd=columns["cost_usd"],
        confidence=columns["confidence_score"],
        latency_ms=columns["latency_ms"],
    )


def _action(found: Mapping[str, Any]) -> PlannedAction:
    return PlannedAction(
        action=Action(found["action"]),
        artifact_id=found["artifact_id"],
        before_hash=found["before_hash"],
        after_hash=found["after_hash"],
    )


def _approval(found: Mapping[str, Any]) -> Approval:
    return Approval(
        user=found["user"],
        at=times.parse(found["timestamp"]),
        type=ApprovalType(found["type"]),
        comment=found["comment"],
    )


def _named(row: Row[Any] | RowMapping) -> dict[str, Any]:
    mapping = row._mapping if isinstance(row, Row) else row  # noqa: SLF001  SQLAlchemy's public way
    return {str(name): value for name, value in mapping.items()}
